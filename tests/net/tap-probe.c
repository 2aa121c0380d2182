/* lib/tap for the tests: one command a line, one line of JSON as its answer. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/bpf.h"
#include "base/io/clock.h"
#include "base/parse.h"
#include "bpf/tap.h"
#include "tap/tap.h"

enum { LINE_BYTES = 1 << 20, WORDS_MAX = 16, PACKET_BYTES = 4096, BATCH = 4096 };

struct probe {
	struct tap_place place;
	char directory[512];
	struct tap *tap;
	struct tap_reader *reader;
	char *words[WORDS_MAX];
	size_t count;
};

static usec_t boot_now(void)
{
	return clock_now() - clock_boot_offset();
}

static uint64_t number(const struct probe *probe, size_t i)
{
	uint64_t value = 0;
	if (i < probe->count && parse_u64(&value, probe->words[i], 0, UINT32_MAX) < 0) {
		(void)fprintf(stderr, "%s is no number\n", probe->words[i]);
		exit(2);
	}
	return value;
}

static json_t *result(int r, const struct err *e)
{
	return json_pack("{s:i, s:s}", "result", r, "error", r < 0 ? err_text(e) : "");
}

/* ---- loading, interfaces ---- */

/* RATE BURST AGAIN_MS RING_BYTES, 0 = default */
static json_t *load(struct probe *probe, struct err *e)
{
	const struct tap_options options = { .rate = (uint32_t)number(probe, 1),
					     .burst = (uint32_t)number(probe, 2),
					     .again = (usec_t)number(probe, 3) * 1000,
					     .ring_bytes = (uint32_t)number(probe, 4) };
	probe->tap = tap_free(probe->tap);
	return result(tap_load(&probe->tap, &probe->place, &options, e), e);
}

static json_t *open_again(struct probe *probe, struct err *e)
{
	probe->tap = tap_free(probe->tap);
	return result(tap_open(&probe->tap, &probe->place, e), e);
}

static json_t *move_place(struct probe *probe, struct err *e)
{
	(void)snprintf(probe->directory, sizeof(probe->directory), "%s", probe->words[1]);
	probe->place.directory = probe->directory;
	return result(0, e);
}

/* As another version would have pinned it. */
static json_t *outdate(struct probe *probe, struct err *e)
{
	char path[512];
	const uint32_t first = 0;
	static struct tap_settings settings;
	(void)snprintf(path, sizeof(path), "%s/settings", probe->place.directory);
	_cleanup_(close_fdp) int map = bpf_open_pin(path);
	int r = bpf_lookup(map, &first, &settings);
	settings.version = TAP_VERSION + 1;
	return result(r < 0 ? r : bpf_update(map, &first, &settings), e);
}

static json_t *unload(struct probe *probe, struct err *e)
{
	return result(tap_unload(&probe->place, e), e);
}

static enum tap_way way_of(const char *word)
{
	return strcmp(word, "tc") == 0       ? TAP_TC
	       : strcmp(word, "native") == 0 ? TAP_XDP_NATIVE
					     : TAP_XDP_GENERIC;
}

static int interface_of(const char *word)
{
	unsigned index = if_nametoindex(word);
	return index != 0 ? (int)index : (int)strlen(word) + 1000000; /* one that is not there */
}

static json_t *attach(struct probe *probe, struct err *e)
{
	return result(
		tap_attach(probe->tap, interface_of(probe->words[1]), way_of(probe->words[2]), e),
		e);
}

static json_t *detach(struct probe *probe, struct err *e)
{
	return result(
		tap_detach(probe->tap, interface_of(probe->words[1]), way_of(probe->words[2]), e),
		e);
}

static json_t *attachment(struct probe *probe, struct err *e)
{
	struct tap_attachment a;
	int r = tap_attachment_read(&a, probe->tap, interface_of(probe->words[1]), e);
	return r < 0 ? result(r, e)
		     : json_pack("{s:b, s:b, s:b, s:b, s:i, s:i}", "tc", a.tc, "tc_egress",
				 a.tc_egress, "xdp", a.xdp, "xdp_other", a.xdp_other, "others",
				 (int)a.others, "earlier", (int)a.earlier);
}

/* ---- bans ---- */

static struct prefix prefix_of(const char *word)
{
	struct prefix prefix = { 0 };
	if (prefix_parse(&prefix, word) < 0) {
		(void)fprintf(stderr, "%s is no prefix\n", word);
		exit(2);
	}
	return prefix;
}

/* PREFIX VERDICT MILLISECONDS [RATE BURST] */
static json_t *ban(struct probe *probe, struct err *e)
{
	struct tap_ban one = { .prefix = prefix_of(probe->words[1]),
			       .until = boot_now() + (usec_t)number(probe, 3) * 1000,
			       .rate = (uint32_t)number(probe, 4),
			       .burst = (uint32_t)number(probe, 5) };
	int r = tap_verdict_parse(&one.verdict, probe->words[2]);
	return result(r < 0 ? r : tap_bans_set(probe->tap, &one, 1, e), e);
}

/* COUNT: so many of 10.0.0.0/8 from its first on, for an hour. */
static json_t *ban_many(struct probe *probe, struct err *e)
{
	const uint32_t count = (uint32_t)number(probe, 1);
	_cleanup_(freep) struct tap_ban *bans = calloc(count, sizeof(*bans));
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t bytes[4] = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
		bans[i] = (struct tap_ban){ .prefix = { addr_from_ipv4(bytes), 32 },
					    .verdict = TAP_DROP,
					    .until = boot_now() + USEC_PER_HOUR };
	}
	return result(tap_bans_set(probe->tap, bans, count, e), e);
}

static json_t *unban(struct probe *probe, struct err *e)
{
	const struct prefix prefix = prefix_of(probe->words[1]);
	return result(tap_bans_remove(probe->tap, &prefix, e), e);
}

static void add_ban(const struct tap_ban *ban, void *data)
{
	char text[PREFIX_TEXT_BYTES];
	json_array_append_new(data, json_pack("{s:s, s:s, s:i, s:i, s:i, s:I}", "prefix",
					      prefix_format(&ban->prefix, text), "verdict",
					      tap_verdict_name(ban->verdict), "left_ms",
					      (int)((ban->until - boot_now()) / 1000), "rate",
					      (int)ban->rate, "burst", (int)ban->burst, "stopped",
					      (json_int_t)ban->stopped));
}

static json_t *bans(struct probe *probe, struct err *e)
{
	json_t *list = json_array();
	int r = tap_bans_list(probe->tap, add_ban, list, e);
	return r < 0 ? result(r, e) : list;
}

static json_t *expire(struct probe *probe, struct err *e)
{
	json_t *list = json_array();
	int r = tap_bans_expire(probe->tap, boot_now(), add_ban, list, e);
	return r < 0 ? result(r, e) : list;
}

static json_t *set_list(struct probe *probe, struct err *e)
{
	struct prefix list[WORDS_MAX];
	const size_t count = probe->count - 1;
	for (size_t i = 0; i < count; i++) {
		list[i] = prefix_of(probe->words[i + 1]);
	}
	const char *which = probe->words[0];
	return result(strcmp(which, "never") == 0     ? tap_never_set(probe->tap, list, count, e)
		      : strcmp(which, "devices") == 0 ? tap_devices_set(probe->tap, list, count, e)
						      : tap_watched_set(probe->tap, list, count, e),
		      e);
}

/* TCP UDP, each a list of ports or "-" */
static json_t *publish(struct probe *probe, struct err *e)
{
	struct portset sets[2] = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < 2; i++) {
		const char *word = probe->words[i + 1];
		r = strcmp(word, "-") == 0 ? 0 : portset_parse(&sets[i], word);
	}
	return result(r < 0 ? r : tap_published_set(probe->tap, &sets[0], &sets[1], e), e);
}

/* ---- notes ---- */

static json_t *counters_json(const struct tap_counters *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "noted", (json_int_t)c->noted,
			 "lost", (json_int_t)c->lost, "suppressed", (json_int_t)c->suppressed,
			 "malformed", (json_int_t)c->malformed, "dropped", (json_int_t)c->dropped,
			 "hidden", (json_int_t)c->hidden, "slowed", (json_int_t)c->slowed, "spared",
			 (json_int_t)c->spared);
}

/* Those of the kernel, which the reader has to see alike. */
static json_t *counters(struct probe *probe, struct err *e)
{
	struct tap_counters kernel;
	struct tap_counters mapped;
	if (probe->tap == NULL) {
		tap_reader_counters(probe->reader, &mapped);
		return counters_json(&mapped);
	}
	int r = tap_counters_read(&kernel, probe->tap, e);
	if (r == 0 && probe->reader != NULL) {
		tap_reader_counters(probe->reader, &mapped);
		r = memcmp(&kernel, &mapped, sizeof(kernel)) == 0 ? 0 : -ESTALE;
	}
	return r < 0 ? result(r, e) : counters_json(&kernel);
}

static json_t *suppressed(struct probe *probe, struct err *e)
{
	(void)e;
	return json_integer((json_int_t)tap_reader_suppressed(
		probe->reader, (uint8_t)number(probe, 1), (uint16_t)number(probe, 2)));
}

/* A ring, or with "socket" the other way. */
static json_t *listen_now(struct probe *probe, struct err *e)
{
	const uint64_t secret[2] = { 1, 2 };
	struct tap_fds fds = TAP_FDS_INIT;
	int r = 0;
	probe->reader = tap_reader_free(probe->reader);
	if (probe->count > 1) {
		r = tap_socket_open(&fds, e);
	} else {
		fds = tap_fds_of(probe->tap);
	}
	if (r == 0) {
		r = tap_reader_open(&probe->reader, &fds, secret, e);
	}
	if (probe->count > 1) {
		close_fdp(&fds.ring);
	}
	return result(r, e);
}

static void add_note(const struct packet_note *note, void *data)
{
	char from[ADDR_TEXT_BYTES];
	char to[ADDR_TEXT_BYTES];
	json_array_append_new(
		data,
		json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I}",
			  "source", addr_format(&note->source, from), "destination",
			  addr_format(&note->destination, to), "source_port", note->source_port,
			  "port", note->destination_port, "protocol", note->protocol, "flags",
			  note->flags, "ttl", note->ttl, "marks", note->marks, "option_bytes",
			  note->option_bytes, "window", note->window, "id", note->ipv4_id,
			  "sequence", (json_int_t)note->tcp_sequence, "age_ms",
			  (json_int_t)((clock_now() - note->time) / 1000)));
}

/* COUNT MILLISECONDS: waits for so many, no longer. */
static json_t *notes(struct probe *probe, struct err *e)
{
	const usec_t end = clock_monotonic() + (usec_t)number(probe, 2) * 1000;
	json_t *list = json_array();
	(void)e;
	for (;;) {
		(void)tap_reader_read(probe->reader, BATCH, add_note, list);
		const usec_t left = end - clock_monotonic();
		if (json_array_size(list) >= number(probe, 1) || left <= 0) {
			return list;
		}
		struct pollfd wait = { .fd = tap_reader_fd(probe->reader), .events = POLLIN };
		(void)poll(&wait, 1, (int)(left / 1000) + 1);
	}
}

struct tally {
	struct addr source;
	struct portset ports;
	uint64_t notes;
};

static void add_port(const struct packet_note *note, void *data)
{
	struct tally *tally = data;
	tally->notes++;
	if (addr_compare(&note->source, &tally->source) == 0) {
		portset_add(&tally->ports, note->destination_port);
	}
}

/* SOURCE MILLISECONDS: how many ports it asked for, among how many notes; at least so long, and
 * until nothing waits. */
static json_t *tally(struct probe *probe, struct err *e)
{
	const usec_t end = clock_monotonic() + (usec_t)number(probe, 2) * 1000;
	struct tally tally = { .source = prefix_of(probe->words[1]).address };
	unsigned read = 0;
	(void)e;
	do {
		read = tap_reader_read(probe->reader, BATCH, add_port, &tally);
		struct pollfd wait = { .fd = tap_reader_fd(probe->reader), .events = POLLIN };
		(void)poll(&wait, 1, read == 0 ? 10 : 0);
	} while (read > 0 || clock_monotonic() < end);
	return json_pack("{s:i, s:I}", "ports", (int)portset_count(&tally.ports), "notes",
			 (json_int_t)tally.notes);
}

/* ---- BPF_PROG_TEST_RUN ---- */

static size_t from_hex(uint8_t *out, const char *hex)
{
	size_t length = 0;
	for (; hex[0] != '\0' && hex[1] != '\0' && length < PACKET_BYTES; hex += 2) {
		const char pair[3] = { hex[0], hex[1], '\0' };
		uint64_t value = 0;
		char *end = NULL;
		value = strtoumax(pair, &end, 16);
		out[length++] = (uint8_t)value;
	}
	return length;
}

/* PIN HEX [REPEAT]: what the program says to a packet; -1 = goes on (tc), 2 = dropped (tc). */
static json_t *run(struct probe *probe, struct err *e)
{
	char path[512];
	uint8_t packet[PACKET_BYTES];
	uint8_t after[PACKET_BYTES * 2];
	union bpf_attr attributes;
	(void)snprintf(path, sizeof(path), "%s/%s", probe->place.directory, probe->words[1]);
	_cleanup_(close_fdp) int program = bpf_open_pin(path);
	if (program < 0) {
		return result(program, e);
	}
	memset(&attributes, 0, sizeof(attributes));
	attributes.test.prog_fd = (__u32)program;
	attributes.test.data_in = (uintptr_t)packet;
	attributes.test.data_size_in = (__u32)from_hex(packet, probe->words[2]);
	attributes.test.data_out = (uintptr_t)after;
	attributes.test.data_size_out = sizeof(after);
	attributes.test.repeat = probe->count > 3 ? (__u32)number(probe, 3) : 1;
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof(attributes)) < 0) {
		return result(-errno, e);
	}
	return json_pack("{s:i, s:i, s:b}", "verdict", (int)attributes.test.retval, "ns",
			 (int)attributes.test.duration, "same",
			 attributes.test.data_size_out == attributes.test.data_size_in &&
				 memcmp(packet, after, attributes.test.data_size_in) == 0);
}

static const struct {
	const char *name;
	size_t words;
	json_t *(*function)(struct probe *probe, struct err *e);
} commands[] = {
	{ "load", 5, load },
	{ "open", 1, open_again },
	{ "place", 2, move_place },
	{ "outdate", 1, outdate },
	{ "unload", 1, unload },
	{ "attach", 3, attach },
	{ "detach", 3, detach },
	{ "attachment", 2, attachment },
	{ "ban", 4, ban },
	{ "ban_many", 2, ban_many },
	{ "unban", 2, unban },
	{ "bans", 1, bans },
	{ "expire", 1, expire },
	{ "never", 1, set_list },
	{ "watched", 1, set_list },
	{ "devices", 1, set_list },
	{ "published", 3, publish },
	{ "counters", 1, counters },
	{ "suppressed", 3, suppressed },
	{ "listen", 1, listen_now },
	{ "notes", 3, notes },
	{ "tally", 3, tally },
	{ "run", 3, run },
};

static json_t *obey(struct probe *probe, char *line)
{
	char *rest = NULL;
	struct err e = ERR_INIT;
	probe->count = 0;
	for (char *word = strtok_r(line, " \n", &rest); word != NULL && probe->count < WORDS_MAX;
	     word = strtok_r(NULL, " \n", &rest)) {
		probe->words[probe->count++] = word;
	}
	for (size_t i = 0; probe->count > 0 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, probe->words[0]) == 0 &&
		    probe->count >= commands[i].words) {
			return commands[i].function(probe, &e);
		}
	}
	return json_pack("{s:s}", "error", "no such command");
}

int main(int argc, char **argv)
{
	static char line[LINE_BYTES];
	if (argc < 2) {
		return 2;
	}
	struct probe probe = { .place = { .directory = argv[1],
					  .without_bpf = getenv("MINATO_WITHOUT") != NULL } };
	while (fgets(line, sizeof(line), stdin) != NULL) {
		json_t *answer = obey(&probe, line);
		(void)json_dumpf(answer, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
		(void)putchar('\n');
		(void)fflush(stdout);
		json_decref(answer);
	}
	probe.reader = tap_reader_free(probe.reader);
	probe.tap = tap_free(probe.tap);
	return 0;
}
