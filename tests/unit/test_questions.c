/* enforce: which packets are asked for, so that the kernel proves the rules of a policy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "enforce/enforce.h"
#include "parsed_policy.h"

static usec_t day_end(int32_t day)
{
	return (day + (usec_t)1) * USEC_PER_DAY;
}

static const struct enforce_environment environment = {
	.now = TODAY * USEC_PER_DAY,
	.day_end = day_end,
};

/* Both lists at once, every source coming in through eth0. */
struct lists {
	struct enforce_sources sources;
	struct enforce_questions questions;
};

static struct lists lists_of(const struct enforce_asking *asking)
{
	struct lists lists;
	assert_int_equal(enforce_sources(&lists.sources, asking), 0);
	for (size_t i = 0; i < lists.sources.list.count; i++) {
		(void)str_copy(lists.sources.list.items[i].interface, ENFORCE_INTERFACE_BYTES,
			       "eth0");
	}
	assert_int_equal(enforce_questions(&lists.questions, asking, &lists.sources), 0);
	return lists;
}

static void lists_deinit(struct lists *lists)
{
	enforce_questions_deinit(&lists->questions);
	enforce_sources_deinit(&lists->sources);
}

/* ---- sources ---- */

static const char *sources_text(const struct enforce_asking *asking)
{
	static char text[4096];
	struct enforce_sources sources;
	size_t used = 0;
	text[0] = '\0';
	assert_int_equal(enforce_sources(&sources, asking), 0);
	for (size_t i = 0; i < sources.list.count; i++) {
		const struct enforce_source *source = &sources.list.items[i];
		char address[ADDR_TEXT_BYTES];
		if (source->place != ENFORCE_PLACE_ANYWHERE) {
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s %s; ",
						 enforce_place_name(source->place),
						 source->entry ?: "-",
						 addr_format(&source->from, address));
		}
	}
	enforce_sources_deinit(&sources);
	return text;
}

static void the_edges_of_each_entry_are_asked_from(void **state)
{
	(void)state;
	static const struct {
		const char *network;
		const char *edges;
	} cases[] = {
		{ "10.0.0.0/24", "outside a 9.255.255.255; first a 10.0.0.1; last a 10.0.0.254; "
				 "outside a 10.0.1.0; " },
		{ "10.0.0.4/31",
		  "outside a 10.0.0.3; first a 10.0.0.4; last a 10.0.0.5; outside a 10.0.0.6; " },
		{ "10.0.0.7/32", "outside a 10.0.0.6; first a 10.0.0.7; outside a 10.0.0.8; " },
		{ "[10.0.0.0/25, 10.0.0.128/25]",
		  "outside a 9.255.255.255; first a 10.0.0.1; last a 10.0.0.126; "
		  "first a 10.0.0.129; last a 10.0.0.254; outside a 10.0.1.0; " },
		{ "0.0.0.0/0", "" }, /* neither end is anybody's */
		{ "128.0.0.0/1", "first a 128.0.0.1; " },
		{ "1.0.0.0/8", "first a 1.0.0.1; last a 1.255.255.254; outside a 2.0.0.0; " },
		{ "223.255.255.255/32", "outside a 223.255.255.254; first a 223.255.255.255; " },
		{ "\"2001:db8::/32\"",
		  "outside a 2001:db7:ffff:ffff:ffff:ffff:ffff:ffff; first a 2001:db8::1; last a "
		  "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe; outside a 2001:db9::; " },
		{ "\"2001:db8::5/128\"",
		  "outside a 2001:db8::4; first a 2001:db8::5; outside a 2001:db8::6; " },
		{ "\"::/0\"", "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		(void)snprintf(text, sizeof(text),
			       "minato: 1\nwho:\n  a: %s\nports:\n  x: {port: 1/tcp, for: x, "
			       "owner: o, from: a}\n",
			       cases[i].network);
		struct policy policy = parsed_policy(text);
		const struct enforce_asking asking = { .policy = &policy,
						       .environment = environment,
						       .questions_max = 100 };
		assert_string_equal(sources_text(&asking), cases[i].edges);
		policy_deinit(&policy);
	}
}

static void an_edge_inside_counts_before_one_outside(void **state)
{
	(void)state;
	struct policy policy =
		parsed_policy("minato: 1\nwho:\n  a: 10.0.0.7\n  b: 10.0.0.8\nports:\n"
			      "  x: {port: 1/tcp, for: x, owner: o, from: [a, b, 10.0.0.9]}\n");
	const struct enforce_asking asking = { .policy = &policy,
					       .environment = environment,
					       .questions_max = 100 };
	assert_string_equal(sources_text(&asking),
			    "outside a 10.0.0.6; first a 10.0.0.7; first b 10.0.0.8; "
			    "first 10.0.0.9 10.0.0.9; outside 10.0.0.9 10.0.0.10; ");
	policy_deinit(&policy);
}

/* The router of a network is its first address. */
static bool is_router(const void *host, const struct addr *address)
{
	const uint8_t *last = host;
	return address->family == ADDR_IPV4 && address->bytes[0] == 10 &&
	       (address->bytes[3] == *last || address->bytes[3] == *last + 1);
}

static void the_host_itself_is_nobody_to_ask_from(void **state)
{
	(void)state;
	const uint8_t one = 1;
	struct policy policy =
		parsed_policy("minato: 1\nports:\n  x: {port: 1/tcp, for: x, owner: o, from: "
			      "[10.0.0.0/24, 10.1.0.1]}\n");
	struct enforce_asking asking = { .policy = &policy,
					 .environment = environment,
					 .is_own = is_router,
					 .host = &one,
					 .questions_max = 100 };
	assert_string_equal(sources_text(&asking),
			    "outside 10.0.0.0/24 9.255.255.255; first 10.0.0.0/24 10.0.0.3; "
			    "last 10.0.0.0/24 10.0.0.254; outside 10.0.0.0/24 10.0.1.0; "
			    "outside 10.1.0.1 10.1.0.0; outside 10.1.0.1 10.1.0.3; ");
	struct addr login;
	assert_int_equal(addr_parse(&login, "10.0.0.1"), 0);
	asking.login = &login;
	assert_null(strstr(sources_text(&asking), "login"));
	assert_int_equal(addr_parse(&login, "10.0.0.9"), 0);
	assert_non_null(strstr(sources_text(&asking), "login - 10.0.0.9; "));
	policy_deinit(&policy);
}

static void anywhere_is_nobody_whom_the_policy_names(void **state)
{
	(void)state;
	struct policy policy = parsed_policy(
		"minato: 1\nwho:\n  a: [198.51.100.0/24, 203.0.113.64/26, \"2001:db8::/32\"]\n"
		"ports:\n  x: {port: 1/tcp, for: x, owner: o, from: a}\n");
	const struct enforce_asking asking = { .policy = &policy,
					       .environment = environment,
					       .questions_max = 100 };
	struct enforce_sources sources;
	unsigned found = 0;
	assert_int_equal(enforce_sources(&sources, &asking), 0);
	for (size_t i = 0; i < sources.list.count; i++) {
		const struct enforce_source *source = &sources.list.items[i];
		char text[ADDR_TEXT_BYTES];
		if (source->place == ENFORCE_PLACE_ANYWHERE) {
			assert_string_equal(addr_format(&source->from, text),
					    source->from.family == ADDR_IPV4 ? "203.0.113.128"
									     : "3fff:fff:ffff::4d");
			found++;
		}
	}
	assert_int_equal(found, 2);
	enforce_sources_deinit(&sources);
	policy_deinit(&policy);
}

/* ---- questions ---- */

static const struct enforce_question *find(const struct lists *lists, const char *from,
					   enum protocol protocol, uint16_t port)
{
	struct addr address;
	assert_int_equal(addr_parse(&address, from), 0);
	for (size_t i = 0; i < lists->questions.list.count; i++) {
		const struct enforce_question *q = &lists->questions.list.items[i];
		if (q->port.protocol == protocol && q->port.port == port && !q->login &&
		    addr_compare(&lists->sources.list.items[q->source].from, &address) == 0) {
			return q;
		}
	}
	return NULL;
}

static const char small[] =
	"minato: 1\nwho:\n  office: 10.0.0.0/24\n  printer: {mac: \"00:11:22:33:44:55\"}\nports:\n"
	"  ssh: {port: 22/tcp, for: x, owner: o, from: office}\n"
	"  web: {port: [80/tcp, 443/udp], for: x, owner: o, from: any}\n"
	"  range: {port: 8000-8005/tcp, for: x, owner: o, from: 10.9.9.9}\n"
	"  ipp: {port: 631/tcp, for: x, owner: o, from: printer}\n";

static void all_are_asked_where_there_are_few(void **state)
{
	(void)state;
	struct policy policy = parsed_policy(small);
	struct addr login;
	assert_int_equal(addr_parse(&login, "10.0.0.77"), 0);
	const struct enforce_port listening[] = { { PROTOCOL_TCP, 5432 }, { PROTOCOL_UDP, 53 } };
	const struct enforce_asking asking = { .policy = &policy,
					       .environment = environment,
					       .login = &login,
					       .login_port = 22,
					       .listening = listening,
					       .listening_count = 2,
					       .seed = 7,
					       .questions_max = ENFORCE_QUESTIONS_MAX };
	static const struct {
		const char *from;
		enum protocol protocol;
		uint16_t port;
		enum enforce_verdict expected;
	} cases[] = {
		{ "10.0.0.1", PROTOCOL_TCP, 22, ENFORCE_OPEN },
		{ "10.0.0.254", PROTOCOL_TCP, 22, ENFORCE_OPEN },
		{ "10.0.1.0", PROTOCOL_TCP, 22, ENFORCE_CLOSED },
		{ "9.255.255.255", PROTOCOL_TCP, 22, ENFORCE_CLOSED },
		{ "198.51.100.77", PROTOCOL_TCP, 22, ENFORCE_CLOSED },
		{ "198.51.100.77", PROTOCOL_TCP, 80, ENFORCE_OPEN },
		{ "2001:db8:ffff::4d", PROTOCOL_UDP, 443, ENFORCE_OPEN },
		{ "198.51.100.77", PROTOCOL_TCP, 5432, ENFORCE_CLOSED },
		{ "198.51.100.77", PROTOCOL_UDP, 53, ENFORCE_CLOSED },
		{ "10.9.9.9", PROTOCOL_TCP, 8003, ENFORCE_OPEN },   /* within a range */
		{ "10.9.9.9", PROTOCOL_TCP, 8006, ENFORCE_CLOSED }, /* beside it */
		{ "10.9.9.10", PROTOCOL_TCP, 8005, ENFORCE_CLOSED },
		{ "10.0.0.1", PROTOCOL_TCP, 631, ENFORCE_DEPENDS }, /* on the hardware address */
	};
	struct lists lists = lists_of(&asking);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct enforce_question *q =
			find(&lists, cases[i].from, cases[i].protocol, cases[i].port);
		if (q == NULL || q->expected != cases[i].expected) {
			fail_msg("%s to %u: %d", cases[i].from, cases[i].port,
				 q == NULL ? -1 : (int)q->expected);
		}
	}
	const struct enforce_question *first = &lists.questions.list.items[0];
	assert_true(first->login);
	assert_int_equal(first->port.port, 22);
	assert_int_equal(lists.sources.list.items[first->source].place, ENFORCE_PLACE_LOGIN);
	assert_int_equal(lists.questions.left_out, 0);
	lists_deinit(&lists);
	policy_deinit(&policy);
}

static void for_the_reach_only_what_listens_or_is_declared(void **state)
{
	(void)state;
	struct policy policy = parsed_policy(small);
	const struct enforce_port listening[] = { { PROTOCOL_TCP, 5432 } };
	const struct enforce_asking asking = { .policy = &policy,
					       .environment = environment,
					       .listening = listening,
					       .listening_count = 1,
					       .questions_max = 200,
					       .reach_only = true };
	struct lists lists = lists_of(&asking);
	assert_non_null(find(&lists, "10.0.0.1", PROTOCOL_TCP, 5432));
	assert_non_null(find(&lists, "198.51.100.77", PROTOCOL_TCP, 22));
	assert_null(find(&lists, "10.0.0.254", PROTOCOL_TCP, 22));
	assert_null(find(&lists, "10.0.1.0", PROTOCOL_TCP, 22));
	assert_null(find(&lists, "10.9.9.9", PROTOCOL_TCP, 8003));
	/* 22, 80, 443, 631, 8000, 8005, 5432 from two entries and from anywhere in both families */
	assert_int_equal(lists.questions.list.count, 7 * 4);
	assert_int_equal(lists.questions.left_out, 0);
	lists_deinit(&lists);
	policy_deinit(&policy);
}

/* ---- properties ---- */

static unsigned number(unsigned below)
{
	return (unsigned)rand() % below; /* NOLINT: the same sequence in every run */
}

static void add_random_policy(struct str *out, unsigned entries, unsigned declarations)
{
	str_add(out, "minato: 1\nwho:\n");
	for (unsigned i = 0; i < entries; i++) {
		const unsigned bits = 8 + number(25);
		const uint32_t address = ((1 + number(222)) << 24 | number(1 << 24)) &
					 (bits == 32 ? UINT32_MAX : ~(UINT32_MAX >> bits));
		str_printf(out, "  w%u: %u.%u.%u.%u/%u\n", i, address >> 24, address >> 16 & 255,
			   address >> 8 & 255, address & 255, bits);
	}
	str_add(out, "ports:\n");
	for (unsigned i = 0; i < declarations; i++) {
		const unsigned first = 1 + number(60000);
		str_printf(out, "  d%u: {port: %u-%u/%s, for: x, owner: o, from: [w%u, w%u]}\n", i,
			   first, first + number(50), number(2) == 0 ? "tcp" : "udp",
			   number(entries), number(entries));
	}
}

static int compare_questions(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct enforce_question));
}

static void check_questions(const struct lists *lists, const struct enforce_asking *asking)
{
	size_t count = lists->questions.list.count;
	struct enforce_question *sorted = calloc(count + 1, sizeof(*sorted));
	assert_non_null(sorted);
	for (size_t i = 0; i < count; i++) {
		const struct enforce_question *q = &lists->questions.list.items[i];
		const struct enforce_packet packet = {
			.protocol = q->port.protocol,
			.port = q->port.port,
			.from = lists->sources.list.items[q->source].from,
			.interface = "eth0",
		};
		memset(&sorted[i], 0, sizeof(*sorted));
		sorted[i].port.protocol = q->port.protocol;
		sorted[i].port.port = q->port.port;
		sorted[i].source = q->source;
		assert_int_equal(q->expected, enforce_decide(asking->policy, &packet,
							     &asking->environment, NULL));
	}
	qsort(sorted, count, sizeof(*sorted), compare_questions);
	for (size_t i = 1; i < count; i++) {
		assert_int_not_equal(compare_questions(&sorted[i - 1], &sorted[i]), 0);
	}
	assert_true(count <= asking->questions_max);
	assert_true(count == asking->questions_max || lists->questions.left_out == 0);
	free(sorted);
}

/* Each edge is at the network's end, on the side that it says. */
static void check_sources(const struct lists *lists, const struct policy *policy)
{
	for (size_t i = 0; i < lists->sources.list.count; i++) {
		const struct enforce_source *source = &lists->sources.list.items[i];
		bool within = false;
		for (size_t w = 0; w < policy->who.count; w++) {
			const struct policy_who *who = &policy->who.items[w];
			const bool has = prefix_has(&who->addresses.items[0], &source->from);
			within |= source->place == ENFORCE_PLACE_ANYWHERE && has;
			if (source->entry != NULL && strcmp(source->entry, who->entry.name) == 0) {
				assert_int_equal(has, source->place != ENFORCE_PLACE_OUTSIDE);
			}
		}
		assert_false(within);
	}
}

static void any_policy_gets_right_questions_within_their_bound(void **state)
{
	(void)state;
	srand(20261127);
	for (unsigned round = 0; round < 60; round++) {
		struct str text = STR_INIT(1 << 20);
		add_random_policy(&text, 1 + number(40), 1 + number(30));
		struct policy policy = parsed_policy(str_text(&text));
		const struct enforce_asking asking = { .policy = &policy,
						       .environment = environment,
						       .seed = round,
						       .questions_max = 1 + number(2000) };
		struct lists lists = lists_of(&asking);
		check_questions(&lists, &asking);
		check_sources(&lists, &policy);
		struct lists again = lists_of(&asking);
		assert_int_equal(again.questions.list.count, lists.questions.list.count);
		assert_memory_equal(again.questions.list.items, lists.questions.list.items,
				    lists.questions.list.count *
					    sizeof(lists.questions.list.items[0]));
		lists_deinit(&again);
		lists_deinit(&lists);
		policy_deinit(&policy);
		str_deinit(&text);
	}
}

static void of_too_many_each_gets_its_share(void **state)
{
	(void)state;
	struct str text = STR_INIT(1 << 20);
	struct enforce_port listening[100];
	str_add(&text, "minato: 1\nwho:\n");
	for (unsigned i = 0; i < 100; i++) {
		str_printf(&text, "  w%u: 10.%u.0.0/16\n", i, i);
		listening[i] = (struct enforce_port){ PROTOCOL_TCP, (uint16_t)(20000 + i) };
	}
	str_add(&text, "ports:\n");
	for (unsigned i = 0; i < 100; i++) {
		str_printf(&text, "  d%u: {port: %u/tcp, for: x, owner: o, from: w%u}\n", i,
			   100 + i, i);
	}
	struct policy policy = parsed_policy(str_text(&text));
	const struct enforce_asking asking = { .policy = &policy,
					       .environment = environment,
					       .listening = listening,
					       .listening_count = 100,
					       .seed = 3,
					       .questions_max = ENFORCE_QUESTIONS_MAX };
	struct lists lists = lists_of(&asking);
	assert_int_equal(lists.questions.list.count, ENFORCE_QUESTIONS_MAX);
	assert_true(lists.questions.left_out > 50000);
	unsigned sources[1000] = { 0 };
	for (size_t i = 0; i < lists.questions.list.count; i++) {
		sources[lists.questions.list.items[i].source]++;
	}
	for (size_t i = 0; i < lists.sources.list.count; i++) {
		assert_true(sources[i] > 0);
	}
	for (unsigned i = 0; i < 100; i++) {
		char from[32];
		(void)snprintf(from, sizeof(from), "10.%u.0.1", i);
		assert_non_null(find(&lists, from, PROTOCOL_TCP, (uint16_t)(100 + i)));
		assert_non_null(find(&lists, "198.51.100.77", PROTOCOL_TCP, (uint16_t)(100 + i)));
		assert_non_null(find(&lists, "198.51.100.77", PROTOCOL_TCP, listening[i].port));
	}
	lists_deinit(&lists);
	policy_deinit(&policy);
	str_deinit(&text);
}

static void another_seed_asks_others(void **state)
{
	(void)state;
	struct policy policy = parsed_policy("minato: 1\nports:\n  x: {port: 1-60000/tcp, for: x, "
					     "owner: o, from: 10.0.0.0/8}\n");
	struct enforce_asking asking = {
		.policy = &policy, .environment = environment, .seed = 1, .questions_max = 500
	};
	struct lists one = lists_of(&asking);
	asking.seed = 2;
	struct lists two = lists_of(&asking);
	size_t same = 0;
	for (size_t i = 0; i < one.questions.list.count; i++) {
		const struct enforce_question *q = &one.questions.list.items[i];
		for (size_t k = 0; k < two.questions.list.count; k++) {
			same += memcmp(q, &two.questions.list.items[k], sizeof(*q)) == 0;
		}
	}
	assert_true(same < 100);
	lists_deinit(&one);
	lists_deinit(&two);
	policy_deinit(&policy);
}

static void from_where_no_way_leads_nobody_asks(void **state)
{
	(void)state;
	struct policy policy = parsed_policy(small);
	const struct enforce_asking asking = { .policy = &policy,
					       .environment = environment,
					       .questions_max = ENFORCE_QUESTIONS_MAX };
	struct lists lists;
	assert_int_equal(enforce_sources(&lists.sources, &asking), 0);
	for (size_t i = 0; i < lists.sources.list.count; i++) {
		lists.sources.list.items[i].absent =
			lists.sources.list.items[i].from.family == ADDR_IPV6;
	}
	assert_int_equal(enforce_questions(&lists.questions, &asking, &lists.sources), 0);
	assert_null(find(&lists, "2001:db8:ffff::4d", PROTOCOL_UDP, 443));
	assert_non_null(find(&lists, "198.51.100.77", PROTOCOL_UDP, 443));
	assert_true(lists.questions.left_out > 0); /* they are counted */
	lists_deinit(&lists);
	policy_deinit(&policy);
}

/* A hundred declarations; what changes is d50, and port 7 that nobody declared. */
static void of_a_small_change_what_changes_is_asked_first(void **state)
{
	(void)state;
	struct str text = STR_INIT(1 << 16);
	str_add(&text, "minato: 1\nwho:\n");
	for (unsigned i = 0; i < 100; i++) {
		str_printf(&text, "  w%u: 10.%u.0.0/16\n", i, i);
	}
	str_add(&text, "ports:\n");
	for (unsigned i = 0; i < 100; i++) {
		str_printf(&text,
			   "  d%u: {port: [%u/tcp, %u-%u/udp], for: x, owner: o, from: w%u}\n", i,
			   1000 + i * 10, 1000 + i * 10, 1004 + i * 10, i);
	}
	struct policy policy = parsed_policy(str_text(&text));
	struct policy_ports runs[] = { { PROTOCOL_TCP, 7, 7 }, { PROTOCOL_TCP, 1500, 1500 } };
	const struct enforce_changes changes = { .runs = runs, .run_count = 2 };
	const struct enforce_port listening = { PROTOCOL_TCP, 5432 };
	struct enforce_asking asking = { .policy = &policy,
					 .environment = environment,
					 .listening = &listening,
					 .listening_count = 1,
					 .seed = 11,
					 .questions_max = 400 };
	struct enforce_scope scope;
	struct enforce_part part;
	assert_int_equal(enforce_scope(&scope, &asking, &changes), 0);
	assert_int_equal(enforce_part(&part, &policy, scope.runs.items, scope.runs.count), 0);
	assert_true(part.declarations.count > 10 && part.declarations.count < 60);
	asking.policy = &part.policy;
	asking.scope = &scope;
	struct lists lists = lists_of(&asking);
	static const struct {
		const char *from;
		uint16_t port;
		enum enforce_verdict expected;
	} cases[] = {
		{ "198.51.100.77", 7, ENFORCE_CLOSED },
		{ "198.51.100.77", 6, ENFORCE_CLOSED },
		{ "198.51.100.77", 8, ENFORCE_CLOSED },
		{ "198.51.100.77", 1500, ENFORCE_CLOSED },
		{ "198.51.100.77", 1501, ENFORCE_CLOSED },
		{ "198.51.100.77", 5432, ENFORCE_CLOSED },
		{ "10.50.0.1", 1500, ENFORCE_OPEN },
		{ "10.50.255.254", 1500, ENFORCE_OPEN },
		{ "10.51.0.0", 1500, ENFORCE_CLOSED },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct enforce_question *q =
			find(&lists, cases[i].from, PROTOCOL_TCP, cases[i].port);
		if (q == NULL || q->expected != cases[i].expected) {
			fail_msg("%s to %u: %d", cases[i].from, cases[i].port,
				 q == NULL ? -1 : (int)q->expected);
		}
	}
	assert_true(lists.questions.left_out > 1000); /* all that was not asked is counted */
	/* What the part says of a port that is asked for is what the whole says. */
	for (size_t i = 0; i < lists.questions.list.count; i++) {
		const struct enforce_question *q = &lists.questions.list.items[i];
		const struct enforce_packet packet = {
			.protocol = q->port.protocol,
			.port = q->port.port,
			.from = lists.sources.list.items[q->source].from,
			.interface = "eth0",
		};
		assert_true(
			portset_has(&scope.ports[q->port.protocol == PROTOCOL_UDP], q->port.port));
		assert_int_equal(q->expected, enforce_decide(&policy, &packet, &environment, NULL));
	}
	lists_deinit(&lists);
	enforce_part_deinit(&part);
	enforce_scope_deinit(&scope);
	policy_deinit(&policy);
	str_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_edges_of_each_entry_are_asked_from),
		cmocka_unit_test(an_edge_inside_counts_before_one_outside),
		cmocka_unit_test(the_host_itself_is_nobody_to_ask_from),
		cmocka_unit_test(anywhere_is_nobody_whom_the_policy_names),
		cmocka_unit_test(all_are_asked_where_there_are_few),
		cmocka_unit_test(for_the_reach_only_what_listens_or_is_declared),
		cmocka_unit_test(any_policy_gets_right_questions_within_their_bound),
		cmocka_unit_test(of_too_many_each_gets_its_share),
		cmocka_unit_test(another_seed_asks_others),
		cmocka_unit_test(from_where_no_way_leads_nobody_asks),
		cmocka_unit_test(of_a_small_change_what_changes_is_asked_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
