/*
 * review: scenarios. Each file of tests/scenario/review describes a host and a policy and lists the
 * findings that must come, no more and no fewer.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "check.h"
#include "policy/policy.h"
#include "review/review.h"

static const char *scenario_directory; /* argument of the test */

/* ---- a scenario ---- */

struct scenario {
	char name[64];
	struct inventory inventory;
	struct str policy_text;
	bool has_policy;
	struct policy policy;
	int64_t today;
	struct event attempts[8];
	size_t attempt_count;
	struct str expected;
	VEC(struct review_contradiction) contradictions;
	VEC(struct review_port) closed;
	struct contradiction rules[8];
	size_t rule_count;
	unsigned line;
};

#define SCENARIO_FAIL(scenario, ...)                                                               \
	do {                                                                                       \
		(void)fprintf(stderr, "# %s:%u: ", (scenario)->name, (scenario)->line);            \
		(void)fprintf(stderr, __VA_ARGS__);                                                \
		(void)fprintf(stderr, "\n");                                                       \
		fail();                                                                            \
	} while (0)

static const char *keep(struct scenario *s, const char *text)
{
	const char *copy = arena_strdup(&s->inventory.arena, text);
	assert_non_null(copy);
	return copy;
}

/* Cuts the next word off; NULL at the end. */
static char *next_word(char **rest)
{
	return strtok_r(NULL, " ", rest);
}

static char *needed_word(struct scenario *s, char **rest)
{
	char *word = next_word(rest);
	if (word == NULL) {
		SCENARIO_FAIL(s, "a word is missing");
	}
	return word;
}

/* "0.0.0.0:22" or "[::]:22". */
static void parse_endpoint(struct scenario *s, struct addr *address, uint16_t *port, char *text)
{
	char *colon = strrchr(text, ':');
	assert_non_null(colon);
	*colon = '\0';
	char *host = text;
	if (host[0] == '[') {
		host++;
		host[strlen(host) - 1] = '\0';
	}
	if (addr_parse(address, host) < 0 || parse_port(port, colon + 1) < 0) {
		SCENARIO_FAIL(s, "bad endpoint %s", text);
	}
}

static uint64_t number(struct scenario *s, const char *text)
{
	uint64_t value = 0;
	if (parse_u64(&value, text, 0, UINT32_MAX) < 0) {
		SCENARIO_FAIL(s, "bad number %s", text);
	}
	return value;
}

/* The process with the pid, made when it is new. */
static uint32_t process_index(struct scenario *s, int32_t pid)
{
	for (uint32_t i = 0; i < s->inventory.processes.count; i++) {
		if (s->inventory.processes.items[i].pid == pid) {
			return i;
		}
	}
	struct process *process = vec_push(&s->inventory.processes);
	assert_non_null(process);
	process->pid = pid;
	process->uid = UINT32_MAX;
	process->detailed = true;
	return (uint32_t)s->inventory.processes.count - 1;
}

static void add_owner(struct scenario *s, struct listener *listener, int32_t pid)
{
	struct owner *owner = vec_push(&s->inventory.owners);
	assert_non_null(owner);
	owner->listener = (uint32_t)s->inventory.listeners.count - 1;
	owner->process = process_index(s, pid);
	if (listener->owner_count++ == 0) {
		listener->first_owner = (uint32_t)s->inventory.owners.count - 1;
	}
	listener->ownership = OWNERSHIP_OWNED;
}

/* One "key=value" about the last owner's process. @return whether it is one. */
static bool process_word(struct scenario *s, const char *key, const char *value)
{
	const struct {
		const char *key;
		size_t offset;
	} texts[] = {
		{ "name", offsetof(struct process, name) },
		{ "exe", offsetof(struct process, executable) },
		{ "unit", offsetof(struct process, unit) },
		{ "user", offsetof(struct process, user) },
		{ "container", offsetof(struct process, container_name) },
		{ "container_id", offsetof(struct process, container_id) },
		{ "runtime", offsetof(struct process, container_runtime) },
	};
	assert_true(s->inventory.owners.count > 0);
	uint32_t index = s->inventory.owners.items[s->inventory.owners.count - 1].process;
	struct process *process = &s->inventory.processes.items[index];
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(key, texts[i].key) == 0) {
			*(const char **)((char *)process + texts[i].offset) = keep(s, value);
			return true;
		}
	}
	if (strcmp(key, "uid") == 0) {
		process->uid = (uint32_t)number(s, value);
		return true;
	}
	return false;
}

static void listener_word(struct scenario *s, struct listener *listener, char *word)
{
	char *equals = strchr(word, '=');
	if (equals != NULL) {
		*equals = '\0';
	}
	if (strcmp(word, "ownerless") == 0) {
		listener->ownership = OWNERSHIP_NONE;
	} else if (strcmp(word, "hidden") == 0) {
		listener->ownership = OWNERSHIP_HIDDEN;
	} else if (strcmp(word, "activated") == 0) {
		listener->socket_activated = true;
	} else if (strcmp(word, "deleted") == 0) {
		uint32_t index = s->inventory.owners.items[listener->first_owner].process;
		s->inventory.processes.items[index].executable_deleted = true;
	} else if (equals != NULL && strcmp(word, "pid") == 0) {
		add_owner(s, listener, (int32_t)number(s, equals + 1));
	} else if (equals != NULL && strcmp(word, "netns") == 0) {
		listener->netns = (uint32_t)number(s, equals + 1);
	} else if (equals != NULL && strcmp(word, "interface") == 0) {
		listener->interface_name = keep(s, equals + 1);
	} else if (equals == NULL || !process_word(s, word, equals + 1)) {
		SCENARIO_FAIL(s, "unknown word %s", word);
	}
}

static void read_listen(struct scenario *s, char **rest)
{
	struct listener *listener = vec_push(&s->inventory.listeners);
	assert_non_null(listener);
	listener->siblings = 1;
	if (protocol_parse(&listener->protocol, needed_word(s, rest)) < 0) {
		SCENARIO_FAIL(s, "bad protocol");
	}
	parse_endpoint(s, &listener->address, &listener->port, needed_word(s, rest));
	for (char *word = next_word(rest); word != NULL; word = next_word(rest)) {
		listener_word(s, listener, word);
	}
}

static void read_publish(struct scenario *s, char **rest)
{
	struct published *published = vec_push(&s->inventory.published);
	assert_non_null(published);
	if (protocol_parse(&published->protocol, needed_word(s, rest)) < 0) {
		SCENARIO_FAIL(s, "bad protocol");
	}
	parse_endpoint(s, &published->address, &published->first_port, needed_word(s, rest));
	published->last_port = published->first_port;
	char *target = needed_word(s, rest);
	if (strcmp(target, "redirect") != 0) {
		parse_endpoint(s, &published->target, &published->target_port, target);
	}
	published->table = "ip nat";
	published->chain = "DOCKER";
	char *owner = next_word(rest);
	published->owner = owner == NULL ? NULL : keep(s, owner);
	char *container = next_word(rest);
	published->container_name = container == NULL ? NULL : keep(s, container);
}

static void read_netns(struct scenario *s, char **rest)
{
	struct netns *netns = vec_push(&s->inventory.netns);
	assert_non_null(netns);
	netns->visible = true;
	netns->kind = strcmp(needed_word(s, rest), "host") == 0 ? NETNS_HOST : NETNS_CONTAINER;
}

static void read_hidden(struct scenario *s, char **rest)
{
	struct coverage *coverage = &s->inventory.coverage;
	coverage->processes_hidden = (uint32_t)number(s, needed_word(s, rest));
	coverage->listeners_hidden = (uint32_t)number(s, needed_word(s, rest));
	coverage->netns_hidden = (uint32_t)number(s, needed_word(s, rest));
}

static void read_today(struct scenario *s, char **rest)
{
	int year = 0;
	int month = 0;
	int day = 0;
	assert_int_equal(date_parse(&year, &month, &day, needed_word(s, rest)), 0);
	s->today = date_to_days(year, month, day);
}

/* "attempt refused tcp 5432 rogue 4711 1001 other.service": process, pid, uid, unit; "-" = none.
 * Also watched, connect_refused, connect_watched. */
static void read_attempt(struct scenario *s, char **rest)
{
	assert_true(s->attempt_count < sizeof(s->attempts) / sizeof(s->attempts[0]));
	struct event *event = &s->attempts[s->attempt_count++];
	const char *what = needed_word(s, rest);
	event->kind = strcmp(what, "refused") == 0           ? EVENT_BIND_REFUSED
		      : strcmp(what, "watched") == 0         ? EVENT_BIND_WATCHED
		      : strcmp(what, "connect_refused") == 0 ? EVENT_CONNECT_REFUSED
							     : EVENT_CONNECT_WATCHED;
	assert_int_equal(protocol_parse(&event->protocol, needed_word(s, rest)), 0);
	assert_int_equal(parse_port(&event->port, needed_word(s, rest)), 0);
	assert_int_equal(addr_parse(&event->address, "198.51.100.7"), 0);
	(void)str_copy(event->process, sizeof(event->process), needed_word(s, rest));
	event->pid = (int32_t)number(s, needed_word(s, rest));
	event->uid = (uint32_t)number(s, needed_word(s, rest));
	const char *unit = needed_word(s, rest);
	(void)str_copy(event->unit, sizeof(event->unit), strcmp(unit, "-") == 0 ? "" : unit);
	(void)str_copy(event->detail, sizeof(event->detail), "unit: db.service");
}

/* "contradict let_in tcp 8080 198.51.100.77 ENTRY|- OWNER the rule's text" */
static void read_contradict(struct scenario *s, char **rest)
{
	struct review_contradiction *c = vec_push(&s->contradictions);
	assert_non_null(c);
	c->let_in = strcmp(needed_word(s, rest), "let_in") == 0;
	if (protocol_parse(&c->protocol, needed_word(s, rest)) < 0 ||
	    parse_port(&c->port, needed_word(s, rest)) < 0) {
		SCENARIO_FAIL(s, "bad port");
	}
	c->source = keep(s, needed_word(s, rest));
	const char *entry = needed_word(s, rest);
	c->entry = strcmp(entry, "-") == 0 ? NULL : keep(s, entry);
	c->owner = keep(s, needed_word(s, rest));
	c->rule = keep(s, *rest);
}

static void read_closed(struct scenario *s, char **rest)
{
	struct review_port *closed = vec_push(&s->closed);
	assert_non_null(closed);
	if (protocol_parse(&closed->protocol, needed_word(s, rest)) < 0 ||
	    parse_port(&closed->port, needed_word(s, rest)) < 0) {
		SCENARIO_FAIL(s, "bad port");
	}
}

/* KIND PROTOCOL PORT THROUGH TOOL: a rule of another tool. PROTOCOL "none" = every packet. */
static void read_rule(struct scenario *s, char **rest)
{
	static const char *const kinds[] = { "", "opens", "in-vain", "closes", "unclear" };
	assert_true(s->rule_count < sizeof(s->rules) / sizeof(s->rules[0]));
	struct contradiction *c = &s->rules[s->rule_count++];
	const char *kind = needed_word(s, rest);
	const bool unread = strcmp(kind, "unread") == 0; /* no rule that could be named */
	kind = unread ? "unclear" : kind;
	for (int i = CONTRADICTION_OPENS; i <= CONTRADICTION_LAST; i++) {
		c->kind = strcmp(kind, kinds[i]) == 0 ? (enum contradiction_kind)i : c->kind;
	}
	assert_int_not_equal(c->kind, 0);
	const char *protocol = needed_word(s, rest);
	if (strcmp(protocol, "none") != 0) {
		assert_int_equal(protocol_parse(&c->protocol, protocol), 0);
	}
	uint16_t last = 0;
	assert_int_equal(parse_port_range(&c->first_port, &c->last_port, needed_word(s, rest)), 0);
	const char *through = needed_word(s, rest);
	if (strcmp(through, "-") != 0) {
		assert_int_equal(parse_port_range(&c->through_port, &last, through), 0);
	}
	(void)str_copy(c->tool, sizeof(c->tool), needed_word(s, rest));
	(void)str_copy(c->table, sizeof(c->table), "inet f");
	(void)str_copy(c->chain, sizeof(c->chain), unread ? "" : "in");
	(void)str_copy(c->rule, sizeof(c->rule), "tcp dport 23 accept");
}

static void read_line(struct scenario *s, char *line)
{
	char *rest = NULL;
	char *find = str_starts(line, "find ") ? line + strlen("find ") : NULL;
	if (find != NULL) {
		str_printf(&s->expected, "%s\n", find);
		return;
	}
	const char *word = strtok_r(line, " ", &rest);
	if (word == NULL || word[0] == '#') {
		return;
	}
	if (strcmp(word, "listen") == 0) {
		read_listen(s, &rest);
	} else if (strcmp(word, "publish") == 0) {
		read_publish(s, &rest);
	} else if (strcmp(word, "contradict") == 0) {
		read_contradict(s, &rest);
	} else if (strcmp(word, "closed") == 0) {
		read_closed(s, &rest);
	} else if (strcmp(word, "netns") == 0) {
		read_netns(s, &rest);
	} else if (strcmp(word, "hidden") == 0) {
		read_hidden(s, &rest);
	} else if (strcmp(word, "attempt") == 0) {
		read_attempt(s, &rest);
	} else if (strcmp(word, "rule") == 0) {
		read_rule(s, &rest);
	} else if (strcmp(word, "today") == 0) {
		read_today(s, &rest);
	} else if (strcmp(word, "reserved") == 0) {
		assert_int_equal(portset_parse(&s->inventory.reserved, needed_word(s, &rest)), 0);
	} else if (strcmp(word, "ephemeral") == 0) {
		struct port_range *range = &s->inventory.ephemeral;
		assert_int_equal(
			parse_port_range(&range->first, &range->last, needed_word(s, &rest)), 0);
	} else {
		SCENARIO_FAIL(s, "unknown line %s", word);
	}
}

/* Lines under "policy" that are indented belong to it. */
static void read_scenario(struct scenario *s, char *text)
{
	bool in_policy = false;
	while (text != NULL) {
		char *line = strsep(&text, "\n");
		s->line++;
		in_policy = strcmp(line, "policy") == 0 || (in_policy && line[0] == ' ');
		if (!in_policy) {
			read_line(s, line);
		} else if (line[0] == ' ') {
			str_printf(&s->policy_text, "%s\n", line + 1);
		} else {
			s->has_policy = true;
		}
	}
}

static void read_policy(struct scenario *s)
{
	struct policy_diagnostics diagnostics = { 0 };
	/* nothing of the policy's own warnings matters here: dates may be past */
	const struct policy_environment environment = { .today = (int32_t)s->today };
	int r = policy_parse(&s->policy, &diagnostics, "policy.yaml", str_text(&s->policy_text),
			     s->policy_text.length, &environment);
	if (r != 0) {
		struct str text = STR_INIT(1 << 16);
		const struct style plain = { 0 };
		policy_diagnostics_render(&text, &diagnostics, LANGUAGE_EN, &plain);
		SCENARIO_FAIL(s, "its policy is not valid\n%s", str_text(&text));
	}
	policy_diagnostics_deinit(&diagnostics);
}

static void scenario_init(struct scenario *s, const char *name)
{
	char path[512];
	_cleanup_(freep) char *text = NULL;
	*s = (struct scenario){ .policy_text = STR_INIT(1 << 16), .expected = STR_INIT(1 << 16) };
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	inventory_init(&s->inventory, 0);
	s->inventory.ephemeral = (struct port_range){ 32768, 60999 };
	(void)snprintf(path, sizeof(path), "%s/%s", scenario_directory, name);
	assert_int_equal(file_read(&text, NULL, path, 1 << 20, NULL), 0);
	read_scenario(s, text);
	assert_int_equal(inventory_sort(&s->inventory), 0);
	if (s->has_policy) {
		read_policy(s);
	}
}

static void scenario_deinit(struct scenario *s)
{
	inventory_deinit(&s->inventory);
	policy_deinit(&s->policy);
	str_deinit(&s->policy_text);
	str_deinit(&s->expected);
	vec_free(&s->contradictions);
	vec_free(&s->closed);
}

static void run_review(struct findings *out, const struct scenario *s)
{
	const struct review_input in = {
		.inventory = &s->inventory,
		.policy = s->has_policy ? &s->policy : NULL,
		.today = s->today,
		.now = s->today * USEC_PER_DAY,
		.attempts = s->attempts,
		.attempt_count = s->attempt_count,
		.contradictions = s->contradictions.items,
		.contradiction_count = s->contradictions.count,
		.closed = s->closed.items,
		.closed_count = s->closed.count,
	};
	findings_init(out);
	assert_int_equal(review_findings(out, &in), 0);
	assert_int_equal(review_contradictions(out, s->rules, s->rule_count), 0);
}

/* "high risky-service-exposed 6379/tcp cache": severity, id, port, declaration. */
static void print_finding(struct str *out, const struct finding *finding)
{
	const char *port = finding_fact(finding, "port");
	str_printf(out, "%s %s", severity_name(finding->severity), finding->id);
	if (port != NULL) {
		str_printf(out, " %s/%s", port, finding_fact(finding, "protocol"));
	}
	if (finding->declaration != NULL) {
		str_printf(out, " %s", finding->declaration);
	}
	str_add_char(out, '\n');
}

typedef void each_scenario(struct scenario *s, const struct findings *findings, void *data);

static int is_scenario(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return length > 4 && strcmp(entry->d_name + length - 4, ".txt") == 0;
}

static void for_each_scenario(each_scenario *each, void *data)
{
	struct dirent **names = NULL;
	int count = scandir(scenario_directory, &names, is_scenario, alphasort);
	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		struct scenario s;
		struct findings findings;
		scenario_init(&s, names[i]->d_name);
		run_review(&findings, &s);
		each(&s, &findings, data);
		findings_deinit(&findings);
		scenario_deinit(&s);
		free(names[i]);
	}
	free(names);
}

/* ---- the tests ---- */

static void compare_golden(struct scenario *s, const struct findings *findings, void *data)
{
	struct str actual = STR_INIT(1 << 16);
	for (size_t i = 0; i < findings->list.count; i++) {
		print_finding(&actual, &findings->list.items[i]);
	}
	if (strcmp(str_text(&actual), str_text(&s->expected)) != 0) {
		(void)fprintf(stderr, "# %s: expected\n%s# but found\n%s", s->name,
			      str_text(&s->expected), str_text(&actual));
		++*(unsigned *)data;
	}
	str_deinit(&actual);
}

static void scenarios_give_their_findings(void **state)
{
	(void)state;
	unsigned faults = 0;
	for_each_scenario(compare_golden, &faults);
	assert_int_equal(faults, 0);
}

static void collect_ids(struct scenario *s, const struct findings *findings, void *data)
{
	struct str *ids = data;
	(void)s;
	for (size_t i = 0; i < findings->list.count; i++) {
		str_printf(ids, " %s ", findings->list.items[i].id);
	}
}

/* A message with a severity is a finding; the others are phrases, or faults of a policy ("error",
 * "warning"). Those of anomalies and of encryption have tests of their own. */
static void every_finding_has_a_scenario_and_its_words(void **state)
{
	(void)state;
	struct str ids = STR_INIT(1 << 20);
	for_each_scenario(collect_ids, &ids);
	size_t count = 0;
	unsigned findings = 0;
	const struct message *messages = message_all(&count);
	for (size_t i = 0; i < count; i++) {
		char wanted[128];
		(void)snprintf(wanted, sizeof(wanted), " %s ", messages[i].id);
		enum severity severity = SEVERITY_NONE;
		if (severity_parse(&severity, messages[i].severity) < 0 ||
		    str_starts(messages[i].id, "anomaly-") || str_starts(messages[i].id, "tls-") ||
		    str_starts(messages[i].id, "encryption-")) {
			continue;
		}
		findings++;
		if (strstr(str_text(&ids), wanted) == NULL) {
			fail_msg("no scenario gives %s", messages[i].id);
		}
		assert_string_not_equal(messages[i].advice.en, "");
	}
	assert_true(findings >= 15);
	str_deinit(&ids);
}

static void check_words(struct scenario *s, const struct findings *findings, void *data)
{
	(void)data;
	for (size_t i = 0; i < findings->list.count; i++) {
		for (int language = LANGUAGE_EN; language <= LANGUAGE_JA; language++) {
			struct str text = STR_INIT(1 << 16);
			const struct finding *finding = &findings->list.items[i];
			assert_int_equal(review_text(&text, finding, language), 0);
			str_add(&text, " -> ");
			assert_int_equal(review_advice(&text, finding, language), 0);
			/* a policy line is the only thing that may hold braces */
			const char *brace = strchr(str_text(&text), '{');
			const char *line = finding_fact(finding, "line");
			if (brace != NULL && (line == NULL || strstr(line, "{") == NULL ||
					      strstr(str_text(&text), line) == NULL)) {
				SCENARIO_FAIL(s, "%s: %s", finding->id, str_text(&text));
			}
			assert_true(text.length > 12);
			str_deinit(&text);
		}
	}
}

static void every_sentence_is_filled_in(void **state)
{
	(void)state;
	for_each_scenario(check_words, NULL);
}

/* ---- without files ---- */

static uint32_t next_random(uint64_t *state, uint32_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)((*state * UINT64_C(2685821657736338717)) >> 33) % below;
}

static void add_random_listener(struct inventory *inventory, uint64_t *seed, const char *address)
{
	struct listener *listener = vec_push(&inventory->listeners);
	assert_non_null(listener);
	listener->protocol = next_random(seed, 2) == 0 ? PROTOCOL_TCP : PROTOCOL_UDP;
	assert_int_equal(addr_parse(&listener->address, address), 0);
	listener->port = (uint16_t)next_random(seed, 65536);
	listener->ownership = (enum ownership)next_random(seed, 4);
	listener->ownership =
		listener->ownership == OWNERSHIP_OWNED ? OWNERSHIP_UNKNOWN : listener->ownership;
}

/* Whatever listens on loopback alone is at most a low finding when nothing was declared. */
static void loopback_never_alarms_without_a_policy(void **state)
{
	(void)state;
	uint64_t seed = 127;
	struct inventory inventory;
	inventory_init(&inventory, 0);
	inventory.ephemeral = (struct port_range){ 32768, 60999 };
	for (unsigned i = 0; i < 20000; i++) {
		add_random_listener(&inventory, &seed, i % 2 == 0 ? "127.0.0.1" : "::1");
	}
	assert_int_equal(inventory_sort(&inventory), 0);
	const struct review_input in = { .inventory = &inventory };
	struct findings findings;
	findings_init(&findings);
	assert_int_equal(review_findings(&findings, &in), 0);
	assert_true(findings.list.count > 1000); /* ownerless ones */
	assert_true(review_worst(&findings) <= SEVERITY_LOW);
	findings_deinit(&findings);
	inventory_deinit(&inventory);
}

static void findings_are_sorted_and_counted(void **state)
{
	(void)state;
	uint64_t seed = 5;
	struct inventory inventory;
	inventory_init(&inventory, 0);
	for (unsigned i = 0; i < 3000; i++) {
		add_random_listener(&inventory, &seed, i % 2 == 0 ? "0.0.0.0" : "192.168.1.9");
	}
	assert_int_equal(inventory_sort(&inventory), 0);
	const struct review_input in = { .inventory = &inventory };
	struct findings findings;
	findings_init(&findings);
	assert_int_equal(review_findings(&findings, &in), 0);
	size_t high = 0;
	for (size_t i = 0; i < findings.list.count; i++) {
		enum severity severity = findings.list.items[i].severity;
		assert_true(i == 0 || severity <= findings.list.items[i - 1].severity);
		high += severity >= SEVERITY_HIGH;
	}
	assert_true(high > 0);
	assert_int_equal(review_count(&findings, SEVERITY_HIGH), high);
	assert_int_equal(review_count(&findings, SEVERITY_NONE), findings.list.count);
	findings_deinit(&findings);
	inventory_deinit(&inventory);
}

int main(int count, char **arguments)
{
	if (count != 2) {
		(void)fprintf(stderr, "usage: test-review DIRECTORY\n");
		return 2;
	}
	scenario_directory = arguments[1];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios_give_their_findings),
		cmocka_unit_test(every_finding_has_a_scenario_and_its_words),
		cmocka_unit_test(every_sentence_is_filled_in),
		cmocka_unit_test(loopback_never_alarms_without_a_policy),
		cmocka_unit_test(findings_are_sorted_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
