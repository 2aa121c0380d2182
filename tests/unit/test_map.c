/* The map of all ports: text and SVG, held against golden files and against what they must be. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "figure/figure.h"
#include "golden.h"

#define TCP PROTOCOL_TCP
#define UDP PROTOCOL_UDP

static const struct figure_mark harbour[] = {
	{ TCP, 6379, FIGURE_MARK_UNDECLARED, "redis-server" },
	{ TCP, 22, FIGURE_MARK_DECLARED, "sshd" },
	{ TCP, 23, FIGURE_MARK_UNDECLARED, "in.telnetd" },
	{ UDP, 53, FIGURE_MARK_DECLARED, "named" },
	{ TCP, 53, FIGURE_MARK_UNDECLARED, "named" },
	{ TCP, 8443, FIGURE_MARK_DECLARED, "<b>\x1b[1m&" },
	{ UDP, 40000, FIGURE_MARK_PLAIN, NULL },
	{ TCP, 65535, FIGURE_MARK_DECLARED, "last" },
};

/* As `harbour`, without anything to hold it against. */
static struct figure_mark plain[sizeof(harbour) / sizeof(harbour[0])];

static struct portset allowed_ports(void)
{
	struct portset allowed = { 0 };
	static const uint16_t single[] = { 22, 53, 8443, 31000, 65535 };
	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
		portset_add(&allowed, single[i]);
	}
	portset_add_range(&allowed, 20000, 30000);
	return allowed;
}

static struct figure_map map_of(enum language language, bool ascii, const struct portset *allowed)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		plain[i] = harbour[i];
		plain[i].kind = FIGURE_MARK_PLAIN;
	}
	return (struct figure_map){
		.language = language,
		.style = { .ascii = ascii },
		.host = "harbour",
		.ephemeral = { 32768, 60999 },
		.marks = allowed != NULL ? harbour : plain,
		.count = sizeof(harbour) / sizeof(harbour[0]),
		.allowed = allowed,
	};
}

static void maps_are_as_they_were(void **state)
{
	(void)state;
	static const struct {
		const char *file;
		enum language language;
		bool svg, ascii, policy, all;
	} cases[] = {
		{ "figure/map-en.txt", LANGUAGE_EN, false, false, true, false },
		{ "figure/map-ja.txt", LANGUAGE_JA, false, false, true, true },
		{ "figure/map-en-ascii.txt", LANGUAGE_EN, false, true, false, false },
		{ "figure/map-en.svg", LANGUAGE_EN, true, false, true, false },
		{ "figure/map-ja.svg", LANGUAGE_JA, true, false, false, false },
	};
	const struct portset allowed = allowed_ports();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str out = STR_INIT(1 << 18);
		struct figure_map map = map_of(cases[i].language, cases[i].ascii,
					       cases[i].policy ? &allowed : NULL);
		map.all = cases[i].all;
		assert_int_equal(
			cases[i].svg ? figure_map_svg(&out, &map) : figure_map_text(&out, &map), 0);
		golden_check(cases[i].file, &out);
		str_deinit(&out);
	}
}

/* ---- the text form ---- */

/* Marks at every `step`th number, with names of the length that hurts. */
static struct figure_mark *many_marks(size_t *count, uint32_t step)
{
	*count = 65536 / step;
	struct figure_mark *marks = calloc(*count, sizeof(*marks));
	assert_non_null(marks);
	for (size_t i = 0; i < *count; i++) {
		marks[i] = (struct figure_mark){ i % 2 == 0 ? TCP : UDP, (uint16_t)(i * step),
						 i % 3 == 0 ? FIGURE_MARK_DECLARED
							    : FIGURE_MARK_UNDECLARED,
						 "とても長い名前のプログラム" };
	}
	return marks;
}

static void check_lines(const struct str *text, bool ascii, size_t most)
{
	_cleanup_(freep) char *copy = strdup(str_text(text));
	char *rest = copy;
	size_t lines = 0;
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		assert_in_range(text_width(line), 0, FIGURE_TEXT_COLUMNS);
		for (size_t i = 0; ascii && line[i] != '\0'; i++) {
			assert_in_range((unsigned char)line[i], ' ', '~');
		}
		lines += rest != NULL;
	}
	assert_in_range(lines, 18, most);
}

static void text_fits_a_terminal_whatever_listens(void **state)
{
	(void)state;
	const struct portset allowed = allowed_ports();
	static const uint32_t steps[] = { 7, 64, 1000, 9000, 40000 };
	for (size_t i = 0; i < 4 * sizeof(steps) / sizeof(steps[0]); i++) {
		struct figure_map map = map_of(i % 2 == 0 ? LANGUAGE_EN : LANGUAGE_JA, false,
					       i % 4 < 2 ? &allowed : NULL);
		_cleanup_(freep) struct figure_mark *marks = many_marks(&map.count, steps[i / 4]);
		map.marks = marks;
		map.host = "a-very-long-name.of-a-host.example.org";
		struct str out = STR_INIT(1 << 16);
		assert_int_equal(figure_map_text(&out, &map), 0);
		check_lines(&out, false, FIGURE_MAP_LINES);
		str_deinit(&out);
	}
}

static void ascii_is_ascii(void **state)
{
	(void)state;
	struct figure_map map = map_of(LANGUAGE_EN, true, NULL);
	struct str out = STR_INIT(1 << 16);
	assert_int_equal(figure_map_text(&out, &map), 0);
	check_lines(&out, true, FIGURE_MAP_LINES);
	str_deinit(&out);
}

/* What the ASCII map shows at a number. */
static char shown_at(const struct figure_map *map, uint16_t port)
{
	struct str out = STR_INIT(1 << 16);
	assert_int_equal(figure_map_text(&out, map), 0);
	const char *row = str_text(&out);
	for (unsigned i = 0; i <= port / 4096u; i++) {
		row = strchr(row, '\n') + 1;
	}
	char shown = strchr(row, '|')[1 + port % 4096 / 64];
	str_deinit(&out);
	return shown;
}

static void every_place_shows_what_is_there(void **state)
{
	(void)state;
	const struct portset allowed = allowed_ports();
	const struct figure_map map = map_of(LANGUAGE_EN, true, &allowed);
	static const struct {
		uint16_t port;
		char shown;
	} cases[] = {
		{ 6379, 'a' },  /* undeclared */
		{ 22, 'b' },    /* 23 in the same place is undeclared */
		{ 8443, 'C' },  /* declared */
		{ 31000, '+' }, /* declared, silent */
		{ 200, '=' },   { 1023, '=' },  { 1024, '.' },  { 19967, '.' }, { 32767, '.' },
		{ 32768, '-' }, { 49151, '-' }, { 49152, '~' }, { 60999, '~' }, { 61056, ':' },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(shown_at(&map, cases[i].port), cases[i].shown);
	}
}

static void what_has_no_letter_is_counted(void **state)
{
	(void)state;
	struct figure_map map = map_of(LANGUAGE_EN, true, NULL);
	_cleanup_(freep) struct figure_mark *marks = many_marks(&map.count, 20);
	for (size_t i = 0; i < map.count; i++) {
		marks[i].kind = FIGURE_MARK_PLAIN;
	}
	map.marks = marks;
	assert_int_equal(shown_at(&map, 0), 'A');
	assert_int_equal(shown_at(&map, 64), 'B');
	/* 40020 to 40063 has three numbers of twenty, 40064 to 40127 three. */
	assert_int_equal(shown_at(&map, 40064), '3');
	free(marks);
	marks = many_marks(&map.count, 5);
	map.marks = marks;
	assert_int_equal(shown_at(&map, 40064), '9'); /* and more */
}

static void an_unknown_range_is_not_drawn(void **state)
{
	(void)state;
	struct figure_map map = map_of(LANGUAGE_EN, true, NULL);
	map.ephemeral = (struct port_range){ 0 };
	assert_int_equal(shown_at(&map, 50000), ':');
	struct str out = STR_INIT(1 << 18);
	assert_int_equal(figure_map_svg(&out, &map), 0);
	assert_null(strstr(str_text(&out), "map-hatched"));
	str_deinit(&out);
}

static void colours_change_no_character(void **state)
{
	(void)state;
	const struct portset allowed = allowed_ports();
	struct figure_map map = map_of(LANGUAGE_EN, false, &allowed);
	struct str plain_text = STR_INIT(1 << 16);
	struct str coloured = STR_INIT(1 << 16);
	struct str stripped = STR_INIT(1 << 16);
	assert_int_equal(figure_map_text(&plain_text, &map), 0);
	map.style.colour = true;
	assert_int_equal(figure_map_text(&coloured, &map), 0);
	assert_true(coloured.length > plain_text.length);
	for (const char *at = str_text(&coloured); *at != '\0'; at++) {
		if (*at == '\x1b') {
			at = strchr(at, 'm');
		} else {
			str_add_char(&stripped, *at);
		}
	}
	assert_string_equal(str_text(&stripped), str_text(&plain_text));
	str_deinit(&plain_text);
	str_deinit(&coloured);
	str_deinit(&stripped);
}

/* ---- the SVG form ---- */

static void letters_go_to_numbers_in_order(void **state)
{
	(void)state;
	const struct portset allowed = allowed_ports();
	const struct figure_map map = map_of(LANGUAGE_EN, false, &allowed);
	uint16_t ports[FIGURE_MAP_LETTERS];
	char letter[3];
	assert_int_equal(figure_map_letters(ports, &map), 7); /* 53 has one for both protocols */
	assert_int_equal(ports[0], 6379);
	assert_int_equal(ports[3], 53);
	assert_int_equal(ports[4], 8443);
	assert_string_equal(figure_letter(letter, 0), "A");
	assert_string_equal(figure_letter(letter, 25), "Z");
	assert_string_equal(figure_letter(letter, 26), "AA");
	assert_string_equal(figure_letter(letter, 51), "AZ");
}

static size_t occurrences(const struct str *text, const char *word)
{
	size_t count = 0;
	for (const char *at = strstr(str_text(text), word); at != NULL; at = strstr(at + 1, word)) {
		count++;
	}
	return count;
}

static void svg_tells_declared_from_undeclared_by_shape(void **state)
{
	(void)state;
	const struct portset allowed = allowed_ports();
	struct figure_map map = map_of(LANGUAGE_EN, false, &allowed);
	struct str out = STR_INIT(1 << 18);
	map.bare = true;
	assert_int_equal(figure_map_svg(&out, &map), 0);
	assert_int_equal(occurrences(&out, "<rect class=\"map-declared\""), 3); /* 22 8443 65535 */
	assert_int_equal(occurrences(&out, "<rect class=\"map-undeclared\""), 3); /* 6379 23 53 */
	assert_int_equal(occurrences(&out, "<rect class=\"map-plain\""), 1);
	assert_int_equal(occurrences(&out, "<circle class=\"map-ring\""), 1); /* 31000 */
	/* 65535 is the last place of the last row. */
	assert_non_null(strstr(str_text(&out), "M255 255.5h1"));
	str_deinit(&out);
}

static void svg_stays_small_whatever_listens(void **state)
{
	(void)state;
	struct portset allowed = { 0 };
	struct figure_map map = map_of(LANGUAGE_EN, false, &allowed);
	_cleanup_(freep) struct figure_mark *marks = many_marks(&map.count, 2);
	for (uint32_t port = 1; port < 65536; port += 2) {
		portset_add(&allowed, (uint16_t)port);
	}
	map.marks = marks;
	struct str out = STR_INIT(1 << 20);
	assert_int_equal(figure_map_svg(&out, &map), 0);
	assert_in_range(out.length, 50000, 120000);
	assert_non_null(strstr(str_text(&out), "Part of them is not drawn"));
	str_deinit(&out);
}

static void svg_is_harmless_with_hostile_names(void **state)
{
	(void)state;
	struct figure_mark mark = { TCP, 22, FIGURE_MARK_PLAIN, "<script>&\"\x01\xff" };
	struct figure_map map = map_of(LANGUAGE_EN, false, NULL);
	map.marks = &mark;
	map.count = 1;
	map.host = "</title><script>alert(1)</script>";
	struct str out = STR_INIT(1 << 18);
	assert_int_equal(figure_map_svg(&out, &map), 0);
	assert_null(strstr(str_text(&out), "<script"));
	assert_null(strchr(str_text(&out), '\x01'));
	assert_int_equal(text_utf8_invalid(out.text, out.length), -1);
	assert_non_null(strstr(str_text(&out), "&lt;script&gt;"));
	str_deinit(&out);
}

static void a_host_without_ports_has_a_map(void **state)
{
	(void)state;
	struct figure_map map = map_of(LANGUAGE_EN, true, NULL);
	struct str out = STR_INIT(1 << 18);
	map.marks = NULL;
	map.count = 0;
	map.host = NULL;
	assert_int_equal(figure_map_text(&out, &map), 0);
	assert_int_equal(strncmp(str_text(&out), "?: 0 of 65,536 ports listen\n", 28), 0);
	str_clear(&out);
	assert_int_equal(figure_map_svg(&out, &map), 0);
	assert_non_null(strstr(str_text(&out), "Marked are: nothing."));
	str_deinit(&out);
}

static void a_full_buffer_is_told(void **state)
{
	(void)state;
	const struct figure_map map = map_of(LANGUAGE_EN, false, NULL);
	struct str out = STR_INIT(100);
	assert_true(figure_map_text(&out, &map) < 0);
	str_deinit(&out);
	out = STR_INIT(100);
	assert_true(figure_map_svg(&out, &map) < 0);
	str_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_are_as_they_were),
		cmocka_unit_test(text_fits_a_terminal_whatever_listens),
		cmocka_unit_test(ascii_is_ascii),
		cmocka_unit_test(every_place_shows_what_is_there),
		cmocka_unit_test(what_has_no_letter_is_counted),
		cmocka_unit_test(an_unknown_range_is_not_drawn),
		cmocka_unit_test(colours_change_no_character),
		cmocka_unit_test(letters_go_to_numbers_in_order),
		cmocka_unit_test(svg_tells_declared_from_undeclared_by_shape),
		cmocka_unit_test(svg_stays_small_whatever_listens),
		cmocka_unit_test(svg_is_harmless_with_hostile_names),
		cmocka_unit_test(a_host_without_ports_has_a_map),
		cmocka_unit_test(a_full_buffer_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
