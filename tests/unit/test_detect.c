/*
 * detect: scenarios and properties. Each file of tests/scenario/detect is packets in few lines and
 * the incidents that must come of them, no more and no fewer; the words are explained there.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/vec.h"
#include "check.h"
#include "detect/detect.h"

static const char *scenario_directory; /* argument of the test */

/* ---- a scenario ---- */

struct packet {
	struct packet_note note;
	size_t order; /* of the file, for packets of the same time */
};

struct scenario {
	char name[64];
	unsigned line;
	struct detect_parameters parameters;
	VEC(struct packet) packets;
	VEC(uint16_t) open_tcp;
	VEC(uint16_t) open_udp;
	struct str expected;
};

#define SCENARIO_FAIL(scenario, ...)                                                               \
	do {                                                                                       \
		(void)fprintf(stderr, "# %s:%u: ", (scenario)->name, (scenario)->line);            \
		(void)fprintf(stderr, __VA_ARGS__);                                                \
		(void)fprintf(stderr, "\n");                                                       \
		fail();                                                                            \
	} while (0)

static usec_t time_of(struct scenario *s, const char *text)
{
	static const struct {
		const char *unit;
		usec_t usec;
	} units[] = { { "us", 1 },           { "ms", 1000 },         { "s", USEC_PER_SEC },
		      { "m", USEC_PER_MIN }, { "h", USEC_PER_HOUR }, { "d", USEC_PER_DAY } };
	const size_t digits = strspn(text, "0123456789");
	uint64_t value = 0;
	if (parse_u64_bytes(&value, text, digits, 0, UINT32_MAX) == 0) {
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
			if (strcmp(text + digits, units[i].unit) == 0) {
				return (usec_t)value * units[i].usec;
			}
		}
	}
	SCENARIO_FAIL(s, "%s is no time", text);
	return 0;
}

static uint64_t number(struct scenario *s, const char *text)
{
	uint64_t value = 0;
	if (parse_u64(&value, text, 0, UINT32_MAX) < 0) {
		SCENARIO_FAIL(s, "%s is no number", text);
	}
	return value;
}

/* Addresses "192.0.2.1+50", ports "1-100", times "3": so many of them, one after the other. */
struct range {
	struct addr address;
	uint32_t first, count;
};

static struct range addresses(struct scenario *s, char *text)
{
	struct range range = { .count = 1 };
	char *plus = strchr(text, '+');
	if (plus != NULL) {
		*plus = '\0';
		range.count = (uint32_t)number(s, plus + 1);
	}
	if (addr_parse(&range.address, text) < 0) {
		SCENARIO_FAIL(s, "%s is no address", text);
	}
	return range;
}

static struct range ports(struct scenario *s, const char *text)
{
	uint16_t first = 0;
	uint16_t last = 0;
	if (parse_port_range(&first, &last, text) < 0) {
		SCENARIO_FAIL(s, "%s are no ports", text);
	}
	return (struct range){ .first = first, .count = (uint32_t)(last - first) + 1 };
}

/* The n-th address from there. */
static struct addr address_at(const struct range *range, uint32_t n)
{
	struct addr address = range->address;
	for (int i = address.family == ADDR_IPV4 ? 3 : 15; n > 0 && i >= 0; i--) {
		n += address.bytes[i];
		address.bytes[i] = (uint8_t)n;
		n >>= 8;
	}
	return address;
}

/* A line "at TIME KIND SOURCE > HOST PORTS ...". */
struct group {
	usec_t at, every;
	struct packet_note note;
	struct range sources, hosts, ports;
	uint32_t times;
	bool out;       /* the host sends it: from HOST and its port to SOURCE */
	bool by_source; /* all ports of one source, then the next one */
	bool by_sport;  /* the source's port counts up with the number of the packet */
	bool scattered; /* every packet of another address to another port */
};

static const struct {
	const char *word;
	uint8_t protocol, flags, marks, options;
	bool out;
} kinds[] = {
	{ "syn", 6, 0x02, 0, 4, false },
	{ "connect", 6, 0x02, PACKET_SACK, 20, false },
	{ "fin", 6, 0x01, 0, 0, false },
	{ "null", 6, 0x00, 0, 0, false },
	{ "xmas", 6, 0x29, 0, 0, false },
	{ "maimon", 6, 0x11, 0, 0, false },
	{ "ack", 6, 0x10, 0, 0, false },
	{ "data", 6, 0x18, PACKET_DATA, 12, false },
	{ "synack", 6, 0x12, PACKET_SACK, 20, false },
	{ "rst", 6, 0x04, 0, 0, false },
	{ "udp", 17, 0, PACKET_DATA, 0, false },
	{ "error", 17, 0, PACKET_ERROR, 0, false },
	{ "out-syn", 6, 0x02, PACKET_SACK, 20, true },
	{ "out-synack", 6, 0x12, PACKET_SACK, 20, true },
	{ "out-ack", 6, 0x10, 0, 12, true },
	{ "out-rst", 6, 0x14, 0, 0, true },
	{ "out-udp", 17, 0, PACKET_DATA, 0, true },
};

static void set_kind(struct scenario *s, struct group *group, const char *word)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].word, word) == 0) {
			group->note.protocol = kinds[i].protocol;
			group->note.flags = kinds[i].flags;
			group->note.marks = kinds[i].marks;
			group->note.option_bytes = kinds[i].options;
			group->out = kinds[i].out;
			return;
		}
	}
	SCENARIO_FAIL(s, "%s is no kind of packet", word);
}

static char *needed(struct scenario *s, char **rest)
{
	char *word = strtok_r(NULL, " ", rest);
	if (word == NULL) {
		SCENARIO_FAIL(s, "a word is missing");
	}
	return word;
}

static void set_tool(struct scenario *s, struct group *group, const char *word)
{
	if (strcmp(word, "nmap") == 0) {
		group->note.window = 1024;
		group->note.ttl = 50;
	} else if (strcmp(word, "zmap") == 0) {
		group->note.ipv4_id = 54321;
		group->note.ttl = 250;
	} else {
		SCENARIO_FAIL(s, "%s is no tool", word);
	}
}

static void more_words(struct scenario *s, struct group *group, char **rest)
{
	for (char *word = strtok_r(NULL, " ", rest); word != NULL;
	     word = strtok_r(NULL, " ", rest)) {
		if (strcmp(word, "every") == 0) {
			group->every = time_of(s, needed(s, rest));
		} else if (strcmp(word, "times") == 0) {
			group->times = (uint32_t)number(s, needed(s, rest));
		} else if (strcmp(word, "from-port") == 0) {
			group->note.source_port = (uint16_t)number(s, needed(s, rest));
		} else if (strcmp(word, "ttl") == 0) {
			group->note.ttl = (uint8_t)number(s, needed(s, rest));
		} else if (strcmp(word, "tool") == 0) {
			set_tool(s, group, needed(s, rest));
		} else if (strcmp(word, "by-source") == 0) {
			group->by_source = true;
		} else if (strcmp(word, "new-ports") == 0) {
			group->by_sport = true;
		} else if (strcmp(word, "scattered") == 0) {
			group->scattered = true;
		} else {
			SCENARIO_FAIL(s, "%s is no word here", word);
		}
	}
}

static void add_packet(struct scenario *s, const struct group *g, uint32_t n, uint32_t source,
		       uint32_t host, uint32_t port)
{
	struct packet *packet = vec_push(&s->packets);
	assert_non_null(packet);
	const uint32_t many = g->sources.count > 1 ? g->sources.count : 0x7fffffff;
	const struct addr from =
		address_at(&g->sources, g->scattered ? n * 2654435761U % many : source);
	const struct addr to = address_at(&g->hosts, host);
	const uint16_t number =
		(uint16_t)(g->ports.first + (g->scattered ? n * 7919 % 60000 : port));
	struct packet_note *note = &packet->note;
	packet->order = s->packets.count;
	*note = g->note;
	note->time = g->at + (usec_t)n * g->every;
	note->source = g->out ? to : from;
	note->destination = g->out ? from : to;
	note->source_port = g->by_sport ? (uint16_t)(20000 + n % 40000) : note->source_port;
	note->tcp_sequence = 0x10000 + n; /* no mark of masscan by chance */
	note->destination_port = number;
	if (g->out) {
		note->destination_port = note->source_port;
		note->source_port = number;
	}
}

static void packets_of(struct scenario *s, const struct group *g)
{
	if (g->scattered) { /* `times` is how many */
		for (uint32_t n = 0; n < g->times; n++) {
			add_packet(s, g, n, 0, 0, 0);
		}
		return;
	}
	const uint32_t inner = g->by_source ? g->ports.count : g->sources.count;
	const uint32_t outer = g->by_source ? g->sources.count : g->ports.count;
	uint32_t n = 0;
	for (uint32_t time = 0; time < g->times; time++) {
		for (uint32_t o = 0; o < outer; o++) {
			for (uint32_t host = 0; host < g->hosts.count; host++) {
				for (uint32_t i = 0; i < inner; i++, n++) {
					add_packet(s, g, n, g->by_source ? o : i, host,
						   g->by_source ? i : o);
				}
			}
		}
	}
}

static void parse_packets(struct scenario *s, char **rest)
{
	struct group group = { .every = 1000, .times = 1 };
	group.note.source_port = 50000;
	group.note.ttl = 60;
	group.note.window = 64240;
	group.at = time_of(s, needed(s, rest)) + USEC_PER_DAY;
	set_kind(s, &group, needed(s, rest));
	group.sources = addresses(s, needed(s, rest));
	(void)needed(s, rest); /* ">" */
	group.hosts = addresses(s, needed(s, rest));
	group.ports = ports(s, needed(s, rest));
	more_words(s, &group, rest);
	packets_of(s, &group);
}

static void parse_open(struct scenario *s, char **rest)
{
	for (char *word = strtok_r(NULL, " ", rest); word != NULL;
	     word = strtok_r(NULL, " ", rest)) {
		char *protocol = strchr(word, '/');
		assert_non_null(protocol);
		*protocol = '\0';
		uint16_t *port = strcmp(protocol + 1, "udp") == 0 ? vec_push(&s->open_udp)
								  : vec_push(&s->open_tcp);
		assert_non_null(port);
		*port = (uint16_t)number(s, word);
	}
}

static void parse_line(struct scenario *s, char *line)
{
	char *rest = NULL;
	char *word = strtok_r(line, " ", &rest);
	if (word == NULL || word[0] == '#') {
		return;
	}
	if (strcmp(word, "host") == 0) {
		struct prefix *host = &s->parameters.hosts[s->parameters.host_count++];
		if (prefix_parse(host, needed(s, &rest)) < 0) {
			SCENARIO_FAIL(s, "no address");
		}
	} else if (strcmp(word, "open") == 0) {
		parse_open(s, &rest);
	} else if (strcmp(word, "through") == 0) {
		s->parameters = detect_defaults_through();
	} else if (strcmp(word, "look-ahead") == 0) {
		s->parameters.look_ahead = time_of(s, needed(s, &rest));
	} else if (strcmp(word, "expect") == 0) {
		str_printf(&s->expected, "%s\n", rest);
	} else if (strcmp(word, "at") == 0) {
		parse_packets(s, &rest);
	} else {
		SCENARIO_FAIL(s, "%s is no word here", word);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct packet *one = a;
	const struct packet *other = b;
	if (one->note.time != other->note.time) {
		return one->note.time < other->note.time ? -1 : 1;
	}
	return one->order < other->order ? -1 : one->order > other->order;
}

static void scenario_load(struct scenario *s, const char *file)
{
	char path[512];
	_cleanup_(freep) char *text = NULL;
	*s = (struct scenario){ .parameters = detect_defaults(), .expected = STR_INIT(1 << 16) };
	(void)snprintf(s->name, sizeof(s->name), "%s", file);
	(void)snprintf(path, sizeof(path), "%s/%s", scenario_directory, file);
	assert_int_equal(file_read(&text, NULL, path, 1 << 16, NULL), 0);
	char *rest = text;
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		s->line++;
		parse_line(s, line);
	}
	qsort(s->packets.items, s->packets.count, sizeof(struct packet), by_time);
}

static void scenario_free(struct scenario *s)
{
	vec_free(&s->packets);
	vec_free(&s->open_tcp);
	vec_free(&s->open_udp);
	str_deinit(&s->expected);
}

/* ---- what came of it ---- */

struct outcome {
	struct str text; /* a line for each incident that ended, sorted */
	unsigned started, ended;
	uint32_t alarm_ports; /* the most that any needed */
	usec_t alarm_usec;
};

/* Floods are too large to be counted to the last one: two digits, then zeros. */
static unsigned about(const struct detect_incident *i, uint32_t count)
{
	unsigned unit = 1;
	while (i->shape == DETECT_FLOOD && count / unit >= 100) {
		unit *= 10;
	}
	return (count + unit / 2) / unit * unit;
}

static void drain(struct outcome *out, struct detect *detect)
{
	struct detect_incident i;
	for (int changes; (changes = detect_next(detect, &i)) != 0;) {
		assert_true((changes & ~7) == 0);
		out->started += (changes & DETECT_STARTED) != 0;
		out->ended += (changes & DETECT_ENDED) != 0;
		if ((changes & DETECT_ENDED) == 0) {
			continue;
		}
		assert_true(i.ended && i.first <= i.last && i.lasted >= 0);
		assert_true(i.answer_count <= i.port_count);
		char source[PREFIX_TEXT_BYTES] = "everywhere";
		if (i.source.address.family != ADDR_NONE) {
			prefix_format(&i.source, source);
		}
		str_printf(&out->text, "%s %s %s%s%s ports=%u", detect_shape_name(i.shape),
			   detect_probe_name(i.probe), source,
			   i.tool == 0 ? "" : " by=", detect_tool_name(i.tool),
			   about(&i, i.port_count));
		if (i.source_count != 1) {
			str_printf(&out->text, " sources=%u", about(&i, i.source_count));
		}
		if (i.host_count != 1) {
			str_printf(&out->text, " hosts=%u", i.host_count);
		}
		if (i.answer_count != 0) {
			str_printf(&out->text, " answered=%u", i.answer_count);
		}
		str_add(&out->text, "\n");
		if (i.alarm_ports > out->alarm_ports) {
			out->alarm_ports = i.alarm_ports;
		}
		if (i.alarm_usec > out->alarm_usec) {
			out->alarm_usec = i.alarm_usec;
		}
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The order in which incidents end is none of the test's business. */
static void sort_lines(struct str *text)
{
	char *lines[1024];
	size_t count = 0;
	_cleanup_(freep) char *copy = strdup(str_text(text));
	char *rest = copy;
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		if (line[0] != '\0') {
			assert_true(count < 1024);
			lines[count++] = line;
		}
	}
	qsort(lines, count, sizeof(lines[0]), by_text);
	str_clear(text);
	for (size_t i = 0; i < count; i++) {
		str_printf(text, "%s\n", lines[i]);
	}
}

static struct detect *detector(const struct scenario *s)
{
	struct detect *detect = NULL;
	struct err e = ERR_INIT;
	assert_int_equal(detect_new(&detect, &s->parameters, &e), 0);
	for (size_t i = 0; i < s->open_tcp.count; i++) {
		detect_opened(detect, PROTOCOL_TCP, s->open_tcp.items[i]);
	}
	for (size_t i = 0; i < s->open_udp.count; i++) {
		detect_opened(detect, PROTOCOL_UDP, s->open_udp.items[i]);
	}
	return detect;
}

/* @param repeats how often each packet comes. */
static void play(struct outcome *out, const struct scenario *s, unsigned repeats)
{
	*out = (struct outcome){ .text = STR_INIT(1 << 20) };
	struct detect *detect = detector(s);
	for (size_t i = 0; i < s->packets.count; i++) {
		for (unsigned n = 0; n < repeats; n++) {
			detect_note(detect, &s->packets.items[i].note);
		}
		drain(out, detect);
	}
	detect_finish(detect);
	drain(out, detect);
	assert_int_equal(out->started, out->ended);
	detect_free(detect);
	sort_lines(&out->text);
}

/* ---- scenarios ---- */

static void every_scenario_gives_the_incidents_it_expects(void **state)
{
	(void)state;
	struct dirent **files = NULL;
	const int count = scandir(scenario_directory, &files, NULL, alphasort);
	unsigned played = 0;
	unsigned failed = 0;
	for (int i = 0; i < count; i++) {
		const char *dot = strrchr(files[i]->d_name, '.');
		if (dot != NULL && strcmp(dot, ".txt") == 0) {
			struct scenario s;
			struct outcome out;
			scenario_load(&s, files[i]->d_name);
			play(&out, &s, 1);
			sort_lines(&s.expected);
			if (strcmp(str_text(&out.text), str_text(&s.expected)) != 0) {
				(void)fprintf(stderr, "# %s: got\n%s# expected\n%s", s.name,
					      str_text(&out.text), str_text(&s.expected));
				failed++;
			}
			if (getenv("DETECT_MATRIX") != NULL) {
				(void)fprintf(stderr, "# %-32s %3u ports, %lld us\n", s.name,
					      out.alarm_ports, (long long)out.alarm_usec);
			}
			str_deinit(&out.text);
			scenario_free(&s);
			played++;
		}
		free(files[i]);
	}
	free(files);
	assert_true(played >= 20);
	assert_int_equal(failed, 0);
}

/* ---- properties ---- */

static void repeated_packets_change_nothing(void **state)
{
	(void)state;
	static const char *const files[] = { "scan-syn.txt", "scan-udp-ipv6.txt", "decoys.txt",
					     "quiet-three-closed-services.txt",
					     "distributed-in-turn.txt" };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct scenario s;
		struct outcome once;
		struct outcome often;
		scenario_load(&s, files[i]);
		play(&once, &s, 1);
		play(&often, &s, 7);
		assert_string_equal(str_text(&often.text), str_text(&once.text));
		str_deinit(&once.text);
		str_deinit(&often.text);
		scenario_free(&s);
	}
}

/* Twelve scanners of all kinds and a client, whose packets are mixed in different ways. */
static void the_order_of_sources_changes_nothing(void **state)
{
	(void)state;
	struct str first = STR_INIT(1 << 16);
	for (unsigned turn = 0; turn < 5; turn++) {
		struct scenario s = { .parameters = detect_defaults() };
		assert_int_equal(prefix_parse(&s.parameters.hosts[0], "198.51.100.1"), 0);
		s.parameters.host_count = 1;
		uint32_t random = 1234 + turn;
		for (unsigned packet = 0; packet < 12 * 60; packet++) {
			/* Source n begins 2 n minutes later than the first. */
			const unsigned source = turn == 0 ? packet % 12 : (packet * 7 + turn) % 12;
			char line[128];
			random = random * 1103515245 + 12345;
			(void)snprintf(line, sizeof(line),
				       "at %us connect 10.%u.0.1 > 198.51.100.1 %u",
				       source * 120 + (packet / 12), source, 1000 + packet / 12);
			parse_line(&s, line);
			s.packets.items[s.packets.count - 1].order = random;
		}
		qsort(s.packets.items, s.packets.count, sizeof(struct packet), by_time);
		struct outcome out;
		play(&out, &s, 1);
		assert_int_equal(out.started, 12);
		if (turn == 0) {
			str_add(&first, str_text(&out.text));
		}
		assert_string_equal(str_text(&out.text), str_text(&first));
		str_deinit(&out.text);
		scenario_free(&s);
	}
	str_deinit(&first);
}

static struct packet_note syn(usec_t time, uint32_t source, uint16_t port)
{
	const uint8_t from[4] = { (uint8_t)(source >> 24), (uint8_t)(source >> 16),
				  (uint8_t)(source >> 8), (uint8_t)source };
	const uint8_t to[4] = { 198, 51, 100, 1 };
	return (struct packet_note){ .time = time,
				     .source = addr_from_ipv4(from),
				     .destination = addr_from_ipv4(to),
				     .source_port = 50000,
				     .destination_port = port,
				     .protocol = PROTOCOL_TCP,
				     .flags = TCP_FLAG_SYN,
				     .tcp_sequence = 0x10000 + port,
				     .ttl = 200 };
}

static struct detect *one_host(struct detect_parameters parameters)
{
	struct detect *detect = NULL;
	assert_int_equal(prefix_parse(&parameters.hosts[0], "198.51.100.1"), 0);
	parameters.host_count = 1;
	assert_int_equal(detect_new(&detect, &parameters, NULL), 0);
	return detect;
}

/* @return how many incidents of that shape started. */
static unsigned started(struct detect *detect, enum detect_shape shape)
{
	unsigned count = 0;
	struct detect_incident incident;
	for (int changes; (changes = detect_next(detect, &incident)) != 0;) {
		count += (changes & DETECT_STARTED) != 0 && incident.shape == shape;
	}
	return count;
}

static void a_million_forged_sources_take_no_more_memory_and_hide_no_scan(void **state)
{
	(void)state;
	struct detect_parameters parameters = detect_defaults();
	struct detect *detect = one_host(parameters);
	const size_t most = detect_memory(detect) + parameters.incidents_max * (size_t)(4 * 8192);
	unsigned scans = 0;
	uint32_t random = 7;
	for (uint32_t i = 0; i < 1000000; i++) {
		random = random * 1664525 + 1013904223;
		struct packet_note note = syn((usec_t)i * 10, random | 1, (uint16_t)(random >> 8));
		detect_note(detect, &note);
		if (i > 100000 && i % 5000 == 0) { /* one probe of the scanner every 50 ms */
			note = syn((usec_t)i * 10, 2, (uint16_t)(1000 + i / 5000));
			detect_note(detect, &note);
		}
		scans += started(detect, DETECT_SCAN);
	}
	assert_true(detect_memory(detect) <= most);
	assert_true(most < (size_t)64 << 20);
	assert_int_equal(scans, 1);
	detect_free(detect);
}

static void more_scanners_than_places_end_the_quietest(void **state)
{
	(void)state;
	struct detect_parameters parameters = detect_defaults();
	parameters.incidents_max = 4;
	struct detect *detect = one_host(parameters);
	unsigned begun = 0;
	unsigned ended = 0;
	for (uint32_t source = 1; source <= 20; source++) {
		for (uint16_t port = 1; port <= 50; port++) {
			struct packet_note note = syn((source * 100LL + port) * USEC_PER_SEC,
						      source << 16, (uint16_t)(port + source * 50));
			detect_note(detect, &note);
			struct detect_incident incident;
			for (int c; (c = detect_next(detect, &incident)) != 0;) {
				begun += (c & DETECT_STARTED) != 0;
				ended += (c & DETECT_ENDED) != 0;
			}
		}
	}
	assert_int_equal(begun, 20);
	assert_int_equal(ended, 16);
	detect_free(detect);
}

static void a_clock_that_jumps_ends_and_hides_nothing(void **state)
{
	(void)state;
	static const usec_t jumps[] = { -365 * USEC_PER_DAY, -3 * USEC_PER_SEC, -1, INT64_MIN, 0 };
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		struct detect *detect = one_host(detect_defaults());
		const usec_t begin = 400 * USEC_PER_DAY;
		for (uint16_t port = 1; port <= 20; port++) {
			const usec_t from = jumps[i] == INT64_MIN ? INT64_MIN : begin + jumps[i];
			struct packet_note note =
				syn((port <= 2 ? begin : from) + (usec_t)port * 1000, 9, port);
			detect_note(detect, &note);
		}
		struct detect_incident incident;
		assert_int_equal(detect_next(detect, &incident), DETECT_STARTED | DETECT_GREW);
		assert_true(incident.lasted >= 0 && incident.lasted < USEC_PER_SEC);
		detect_tick(detect, INT64_MAX);
		detect_tick(detect, INT64_MIN);
		assert_true(detect_next(detect, &incident) & DETECT_ENDED);
		assert_int_equal(incident.port_count, 20);
		assert_int_equal(detect_next(detect, &incident), 0);
		detect_free(detect);
	}
}

static void a_port_that_was_open_is_held_against_nobody_until_its_grace_is_over(void **state)
{
	(void)state;
	struct detect *detect = one_host(detect_defaults());
	for (uint16_t port = 1; port <= 20; port++) {
		detect_opened(detect, PROTOCOL_TCP, port);
		detect_closed(detect, PROTOCOL_TCP, port);
	}
	for (uint16_t port = 1; port <= 20; port++) {
		struct packet_note note = syn((usec_t)port * 1000, 9, port);
		detect_note(detect, &note);
	}
	assert_int_equal(started(detect, DETECT_SCAN), 0);
	for (uint16_t port = 1; port <= 20; port++) {
		struct packet_note note = syn(11 * USEC_PER_MIN + (usec_t)port * 1000, 9, port);
		detect_note(detect, &note);
	}
	assert_int_equal(started(detect, DETECT_SCAN), 1);
	detect_free(detect);
}

static void parameters_out_of_range_are_refused(void **state)
{
	(void)state;
	struct detect *detect = NULL;
	struct detect_parameters parameters = detect_defaults();
	parameters.scan_success = 0.9;
	assert_int_equal(detect_new(&detect, &parameters, NULL), -EINVAL);
	parameters = detect_defaults();
	parameters.false_alarm = 0;
	assert_int_equal(detect_new(&detect, &parameters, NULL), -EINVAL);
	assert_null(detect);
	detect_free(NULL);
}

int main(int argc, char **argv)
{
	assert(argc == 2);
	scenario_directory = argv[1];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_scenario_gives_the_incidents_it_expects),
		cmocka_unit_test(repeated_packets_change_nothing),
		cmocka_unit_test(the_order_of_sources_changes_nothing),
		cmocka_unit_test(a_million_forged_sources_take_no_more_memory_and_hide_no_scan),
		cmocka_unit_test(more_scanners_than_places_end_the_quietest),
		cmocka_unit_test(a_clock_that_jumps_ends_and_hides_nothing),
		cmocka_unit_test(
			a_port_that_was_open_is_held_against_nobody_until_its_grace_is_over),
		cmocka_unit_test(parameters_out_of_range_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
