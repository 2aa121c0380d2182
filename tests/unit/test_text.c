/* text: language, messages, widths, escaping, tables, nearest words. */
#include <string.h>

#include "check.h"
#include "text/text.h"

static void language_follows_gettexts_precedence(void **state)
{
	(void)state;
	static const struct {
		const char *language, *lc_all, *lc_messages, *lang;
		enum language expected;
	} cases[] = {
		{ NULL, NULL, NULL, NULL, LANGUAGE_EN },
		{ NULL, NULL, NULL, "ja_JP.UTF-8", LANGUAGE_JA },
		{ NULL, "C", NULL, "ja_JP.UTF-8", LANGUAGE_EN },
		{ "ja", "C", NULL, NULL, LANGUAGE_EN },
		{ "ja", NULL, NULL, "C.UTF-8", LANGUAGE_JA },
		{ "fr:ja:en", NULL, NULL, "en_US.UTF-8", LANGUAGE_JA },
		{ "en:ja", NULL, NULL, "ja_JP.UTF-8", LANGUAGE_EN },
		{ "", "", "ja", "en_US.UTF-8", LANGUAGE_JA },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(language_choose(cases[i].language, cases[i].lc_all,
						 cases[i].lc_messages, cases[i].lang),
				 cases[i].expected);
	}
}

static void widths_count_columns(void **state)
{
	(void)state;
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("ポート"), 6);
	assert_int_equal(text_width("e\xcc\x81"), 1);
	assert_int_equal(text_width("\xff"), 1);
	assert_int_equal(text_fit("ポート", 5), strlen("ポー"));
}

static void foreign_text_is_made_harmless(void **state)
{
	(void)state;
	struct str out = STR_INIT(1000);
	text_escape(&out, "a\033[2J\xff\\\xe2\x80\xae港");
	assert_string_equal(str_text(&out), "a\\x1b[2J\\xff\\\\\\u{202e}港");
	str_deinit(&out);
	assert_int_equal(text_utf8_invalid("a\xc0\x80", 3), 1);
	assert_int_equal(text_utf8_invalid("a\0b", 3), 1);
	assert_int_equal(text_utf8_invalid("港", 3), -1);
}

static void messages_fill_their_arguments(void **state)
{
	(void)state;
	const struct message_argument arguments[] = { { "port", "80" }, { "process", "x\n" } };
	struct str out = STR_INIT(1000);
	message_fill(&out, "{process} on {port}, {other}, {", arguments, 2);
	assert_string_equal(str_text(&out), "x\\x0a on 80, {other}, {");
	str_deinit(&out);
	const struct message_argument words[] = { { "who", "見えないもの" }, { "name", "nginx" } };
	struct str japanese = STR_INIT(1000);
	message_fill(&japanese, "番号は {who} が、{name} が 80 で、その {who}", words, 2);
	assert_string_equal(str_text(&japanese),
			    "番号は見えないものが、nginx が 80 で、その見えないもの");
	str_deinit(&japanese);
	assert_non_null(message_find("undeclared-listener"));
	assert_null(message_find("no-such-message"));
}

static void a_cut_keeps_the_number_at_the_end(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *cut;
	} cases[] = {
		{ "redis-server 16", "redis-s.. 16\n" },
		{ "nginx-worker 31 +2", "ngin.. 31 +2\n" },
		{ "-> 192.0.2.20:5432", "-> 19..:5432\n" },
		{ "no-number-at-all", "no-number-..\n" },
		{ "x 1234567890123", "x 12345678..\n" },
		{ "港湾管理局 12345", "港湾.. 12345\n" },
		{ "fits 1234567", "fits 1234567\n" },
		{ "12345678901234", "1234567890..\n" },
	};
	static const struct table_column column = { NULL, ALIGN_LEFT, 4, 0, true };
	const struct style plain = { 0 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct table table;
		struct str out = STR_INIT(1000);
		table_init(&table, &column, 1);
		table_cell(&table, INK_PLAIN, cases[i].text);
		assert_int_equal(table_render(&out, &table, 12, &plain), 0);
		assert_string_equal(str_text(&out), cases[i].cut);
		table_deinit(&table);
		str_deinit(&out);
	}
}

static void tables_pad_by_columns_and_cut(void **state)
{
	(void)state;
	static const struct table_column columns[] = {
		{ "NAME", ALIGN_LEFT, 4, 0 },
		{ "N", ALIGN_RIGHT, 0, 0 },
	};
	const struct style plain = { 0 };
	struct table table;
	table_init(&table, columns, 2);
	table_cell(&table, INK_PLAIN, "港湾管理局");
	table_cell(&table, INK_PLAIN, "1");
	table_cell(&table, INK_BAD, NULL);
	table_cell(&table, INK_PLAIN, "22");
	struct str out = STR_INIT(1000);
	assert_int_equal(table_render(&out, &table, 0, &plain), 0);
	assert_string_equal(str_text(&out), "NAME         N\n港湾管理局   1\n-           22\n");
	str_deinit(&out);
	out = STR_INIT(1000);
	assert_int_equal(table_render(&out, &table, 12, &plain), 0);
	assert_string_equal(str_text(&out), "NAME       N\n港湾管..   1\n-         22\n");
	str_deinit(&out);
	table_deinit(&table);
}

static void lines_break_between_words_and_characters(void **state)
{
	(void)state;
	struct str out = STR_INIT(1000);
	text_wrap(&out, "one two three", 8, 2);
	assert_string_equal(str_text(&out), "one two\n  three");
	str_deinit(&out);
	out = STR_INIT(1000);
	text_wrap(&out, "港は船です。次", 10, 0);
	assert_string_equal(str_text(&out), "港は船で\nす。次");
	str_deinit(&out);
	out = STR_INIT(1000);
	text_wrap(&out, "Nintendo 港", 10, 0);
	assert_string_equal(str_text(&out), "Nintendo\n港");
	str_deinit(&out);
	out = STR_INIT(1000);
	text_wrap(&out, "船、harbour（港）", 11, 0);
	assert_string_equal(str_text(&out), "船、harbour\n（港）");
	str_deinit(&out);
	out = STR_INIT(1000);
	text_wrap(&out, "港（harbour）", 6, 0);
	assert_string_equal(str_text(&out), "港\n（harbou\nr）");
	str_deinit(&out);
}

static void nearest_words_forgive_one_slip(void **state)
{
	(void)state;
	static const char *const words[] = { "ports", "explain", "status" };
	assert_string_equal(text_nearest("exlpain", words, 3), "explain");
	assert_string_equal(text_nearest("port", words, 3), "ports");
	static const char *const keys[] = { "for", "from" };
	assert_string_equal(text_nearest("form", keys, 2), "from"); /* swapped rather than added */
	assert_null(text_nearest("zebra", words, 3));
	assert_null(text_nearest("", words, 3));
}

static void folding_forgives_case_width_and_kana(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "File-Sharing", "file sharing" },
		{ "  a __ b ", "a b" },
		{ "ＳＳＨ　２２", "ssh 22" },
		{ "サーバー", "サバ" },
		{ "ｻｰﾊﾞｰ", "サバ" },
		{ "ﾎﾟｰﾄ", "ポト" },
		{ "ｳﾞｫﾙﾄ", "ヴォルト" },
		{ "ふぁいる・共有", "ファイル 共有" },
		{ "\xffg", "\xef\xbf\xbdg" },
		{ "", "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str out = STR_INIT(100);
		assert_int_equal(text_fold(&out, cases[i].text, strlen(cases[i].text)), 0);
		assert_string_equal(str_text(&out), cases[i].expected);
		str_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(language_follows_gettexts_precedence),
		cmocka_unit_test(widths_count_columns),
		cmocka_unit_test(foreign_text_is_made_harmless),
		cmocka_unit_test(messages_fill_their_arguments),
		cmocka_unit_test(a_cut_keeps_the_number_at_the_end),
		cmocka_unit_test(tables_pad_by_columns_and_cut),
		cmocka_unit_test(lines_break_between_words_and_characters),
		cmocka_unit_test(nearest_words_forgive_one_slip),
		cmocka_unit_test(folding_forgives_case_width_and_kana),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
