/* harbour: worlds from their files, and all faults of one at once. */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "harbour/harbour.h"

static const char small[] =
	"harbour: 1\n"
	"title: {en: Small, ja: 小}\n"
	"networks: {lan: 10.0.0.0/24, wan: 192.0.2.0/24}\n"
	"desk: friend\n"
	"machines:\n"
	"  host:\n"
	"    minato: yes\n"
	"    at: {lan: 10.0.0.1, wan: 192.0.2.1}\n"
	"    runs:\n"
	"      - {name: httpd, does: web, port: 80, tls: yes}\n"
	"  friend:\n"
	"    at: {wan: 192.0.2.9}\n"
	"    via: host\n"
	"    runs:\n"
	"      - {name: browser, does: visit, to: host, port: 80, every_seconds: 3}\n"
	"tour:\n"
	"  - title: {en: Look, ja: 見る}\n"
	"    why: {en: because, ja: 理由}\n"
	"    at: friend\n"
	"    type: minato ports\n"
	"    exit_code: 2\n"
	"    shows: [httpd, {en: anyone, ja: だれでも}]\n";

static struct harbour *read_good(const char *text)
{
	struct harbour *harbour = NULL;
	struct str faults = STR_INIT(65536);
	const int r = harbour_read(&harbour, &faults, "t.yaml", text, strlen(text));
	if (r != 0) {
		print_message("%s\n", str_text(&faults));
	}
	assert_int_equal(r, 0);
	str_deinit(&faults);
	return harbour;
}

static void a_world_is_read(void **state)
{
	(void)state;
	char text[ADDR_TEXT_BYTES];
	struct harbour *h = read_good(small);
	assert_int_equal(h->network_count, 2);
	assert_int_equal(h->machine_count, 2);
	assert_int_equal(h->host, 0);
	assert_int_equal(h->desk, 1);
	const struct harbour_program *httpd = &h->machines[0].programs[0];
	assert_string_equal(httpd->name, "httpd");
	assert_int_equal(httpd->does, HARBOUR_WEB);
	assert_int_equal(httpd->port, 80);
	assert_true(httpd->tls);
	const struct harbour_program *browser = &h->machines[1].programs[0];
	assert_string_equal(addr_format(&browser->address, text), "192.0.2.1");
	assert_int_equal(browser->every, 3);
	assert_string_equal(addr_format(&h->machines[1].via, text), "192.0.2.1");
	harbour_free(h);
}

static void a_machine_is_reached_by_the_address_that_is_nearest(void **state)
{
	(void)state;
	char text[ADDR_TEXT_BYTES];
	struct harbour *h = read_good(harbour_builtin);
	const uint32_t host = h->host;
	const struct addr near = harbour_address(h, harbour_find(h, "desk"), host);
	assert_string_equal(addr_format(&near, text), "192.168.50.1");
	const struct addr behind = harbour_address(h, harbour_find(h, "laptop"), host);
	assert_string_equal(addr_format(&behind, text), "203.0.113.10");
	const struct addr far = harbour_address(h, host, harbour_find(h, "laptop"));
	assert_string_equal(addr_format(&far, text), "10.20.0.5");
	harbour_free(h);
}

static void a_tour_is_read(void **state)
{
	(void)state;
	struct harbour *h = read_good(small);
	assert_int_equal(h->step_count, 1);
	const struct harbour_step *step = &h->steps[0];
	assert_string_equal(step->title.ja, "見る");
	assert_string_equal(step->type, "minato ports");
	assert_int_equal(step->at, 1);
	assert_int_equal(step->code, 2);
	assert_int_equal(step->shown_count, 2);
	assert_string_equal(step->shows[0].ja, "httpd");
	assert_string_equal(step->shows[1].ja, "だれでも");
	harbour_free(h);
}

static void the_one_that_comes_with_minato_is_good(void **state)
{
	(void)state;
	struct harbour *h = read_good(harbour_builtin);
	assert_string_equal(h->machines[h->host].name, "harbour");
	assert_true(harbour_find(h, "scanner") < h->machine_count);
	assert_int_equal(harbour_find(h, "nobody"), h->machine_count);
	harbour_free(h);
}

/* `text` with `from`, which stands in it once, replaced by `to`. */
static void replaced(struct str *out, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	assert_non_null(at);
	str_add_bytes(out, text, (size_t)(at - text));
	str_add(out, to);
	str_add(out, at + strlen(from));
}

static void each_fault_is_found_at_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *fault;
	} cases[] = {
		{ "harbour: 1", "harbour: 2", "t.yaml:1:10: error: a number from 1 to 1" },
		{ "harbour: 1", "harbor: 1",
		  "t.yaml:1:1: error: there is no key \"harbor\"; is harbour" },
		{ "title: {en: Small, ja: 小}", "title: {en: Small}", "\"ja\" is missing here" },
		{ "10.0.0.0/24", "10.0.0.1/24", "t.yaml:3:17: error: an IPv4 network is needed" },
		{ "10.0.0.0/24", "fd00::/64", "an IPv4 network is needed" },
		{ "lan: 10.0.0.1,", "lan: 10.1.0.1,", "an address in 10.0.0.0/24 is needed" },
		{ "lan: 10.0.0.1,", "len: 10.0.0.1,", "there is no network \"len\"" },
		{ "wan: 192.0.2.9", "wan: 192.0.2.1", "two machines have the address 192.0.2.1" },
		{ "desk: friend", "desk: freind",
		  "there is no machine \"freind\"; is friend meant?" },
		{ "minato: yes", "minato: no", "no machine has \"minato: yes\"" },
		{ "minato: yes", "minato: perhaps", "yes or no is needed" },
		{ "via: host", "via: friend", "friend is in no network of this machine" },
		{ "name: httpd", "name: HTTPD", "a name is needed: 1 to 15" },
		{ "name: httpd", "name: a-name-that-is-too-long", "a name is needed" },
		{ "does: web", "does: wap", "what it does is one of: login, web," },
		{ "does: web, port: 80", "does: web", "\"web\" needs the port" },
		{ "port: 80, tls", "port: 80000, tls", "a number from 1 to 65535" },
		{ "to: host, ", "", "\"visit\" needs the machine that it goes to" },
		{ "    type: minato ports\n", "", "\"type\" is missing here" },
		{ "type: minato ports", "type: [a]", "a text is needed here" },
		{ "    exit_code: 2\n", "    exit_code: 2\n    exit_code: 2\n",
		  "\"exit_code\" stands here twice" },
		{ "[httpd,", "{httpd,", "this is no YAML" },
		{ "tour:", "tour: 5\nother:", "a list is needed" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = STR_INIT(65536);
		struct str faults = STR_INIT(65536);
		struct harbour *harbour = NULL;
		replaced(&text, small, cases[i].from, cases[i].to);
		assert_int_equal(
			harbour_read(&harbour, &faults, "t.yaml", str_text(&text), text.length),
			-EINVAL);
		assert_null(harbour);
		if (strstr(str_text(&faults), cases[i].fault) == NULL) {
			fail_msg("case %zu: %s", i, str_text(&faults));
		}
		str_deinit(&text);
		str_deinit(&faults);
	}
}

static void all_faults_are_told_with_their_lines(void **state)
{
	(void)state;
	static const char text[] = "harbour: 1\ntitle: x\nnetworks: {lan: 1}\ndesk: a\n"
				   "machines:\n  a: {at: {lan: 10.0.0.1}, runs: 7}\n";
	struct str faults = STR_INIT(65536);
	struct harbour *harbour = NULL;
	assert_int_equal(harbour_read(&harbour, &faults, "t.yaml", text, strlen(text)), -EINVAL);
	assert_non_null(strstr(str_text(&faults), "t.yaml:3:17: error: an IPv4 network"));
	assert_non_null(strstr(str_text(&faults), "  networks: {lan: 1}\n                  ^\n"));
	assert_non_null(strstr(str_text(&faults), "t.yaml:6:12: error: there is no network"));
	assert_non_null(strstr(str_text(&faults), "t.yaml:6:34: error: a list is needed"));
	str_deinit(&faults);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	(void)state;
	struct str faults = STR_INIT(65536);
	struct harbour *harbour = NULL;
	assert_int_equal(harbour_read(&harbour, &faults, "t", "\xff\xfe", 2), -EINVAL);
	assert_int_equal(harbour_read(&harbour, &faults, "t", "", 0), -EINVAL);
	assert_int_equal(harbour_read(&harbour, &faults, "t", "x", HARBOUR_FILE_BYTES_MAX + 1),
			 -EFBIG);
	str_deinit(&faults);
}

/* An anchor that contains itself is a tree without an end. */
static void a_world_that_contains_itself_ends(void **state)
{
	(void)state;
	static const char text[] =
		"&a {harbour: 1, title: *a, networks: *a, machines: *a, desk: x}\n";
	struct str faults = STR_INIT(65536);
	struct harbour *harbour = NULL;
	assert_int_equal(harbour_read(&harbour, &faults, "t", text, strlen(text)), -EINVAL);
	str_deinit(&faults);
}

static void a_picture_names_everybody(void **state)
{
	(void)state;
	const struct style plain = { .ascii = true };
	struct harbour *h = read_good(small);
	struct str out = STR_INIT(65536);
	harbour_draw(&out, h, LANGUAGE_EN, &plain, 80);
	assert_string_equal(str_text(&out), "lan  10.0.0.0/24\n"
					    "`-- host  10.0.0.1\n"
					    "     httpd 80/tcp\n"
					    "\n"
					    "wan  192.0.2.0/24\n"
					    "|-- host  192.0.2.1\n"
					    "`-- friend  192.0.2.9\n"
					    "     browser -> host\n");
	str_deinit(&out);
	harbour_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_world_is_read),
		cmocka_unit_test(a_machine_is_reached_by_the_address_that_is_nearest),
		cmocka_unit_test(a_tour_is_read),
		cmocka_unit_test(the_one_that_comes_with_minato_is_good),
		cmocka_unit_test(each_fault_is_found_at_its_place),
		cmocka_unit_test(all_faults_are_told_with_their_lines),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(a_world_that_contains_itself_ends),
		cmocka_unit_test(a_picture_names_everybody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
