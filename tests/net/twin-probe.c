/*
 * The twin of the namespace that it is started in, for tests. Words: [--rules FILE] [--candidate
 * FILE] [--together yes]. Each line of stdin is a packet: "tcp FROM FROM_PORT INTERFACE TO PORT
 * [MAC]"; each line of stdout an answer as JSON, after one line about the twin itself. Together:
 * all packets are sent when stdin ends, and each answer says how long all of them took until then.
 */
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "base/str.h"
#include "twin/twin.h"

enum { TEXT_MAX_BYTES = 64 << 20, WORDS = 7 };

static json_t *doubts_json(const struct twin_doubt *doubts, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(
			list, json_pack("[ss]", twin_doubt_name(doubts[i].kind), doubts[i].detail));
	}
	return list;
}

static json_t *step_json(const struct twin_step *step)
{
	return step == NULL ? json_null()
			    : json_pack("{ss ss ss ss ss ss sI sb ss ss ss}", "hook", step->hook,
					"type", step->type, "family", step->family, "table",
					step->table, "chain", step->chain, "rule", step->rule,
					"handle", (json_int_t)step->handle, "policy", step->policy,
					"verdict", twin_verdict_name(step->verdict), "target",
					step->target, "owner", step->owner);
}

static void print(json_t *object)
{
	(void)json_dumpf(object, stdout, JSON_COMPACT);
	(void)printf("\n");
	(void)fflush(stdout);
	json_decref(object);
}

static void print_answer(const struct twin_answer *answer, usec_t took)
{
	char to[ADDR_TEXT_BYTES];
	json_t *steps = json_array();
	for (size_t i = 0; i < answer->steps.count; i++) {
		json_array_append_new(steps, step_json(&answer->steps.items[i]));
	}
	print(json_pack(
		"{ss ss so ss ss si ss so so sI}", "outcome", twin_outcome_name(answer->outcome),
		"cause", twin_cause_name(answer->cause), "deciding", step_json(answer->deciding),
		"reject", answer->reject, "to", addr_format(&answer->to, to), "port", answer->port,
		"interface", answer->interface, "steps", steps, "doubts",
		doubts_json(answer->doubts.items, answer->doubts.count), "us", (json_int_t)took));
}

static bool read_mac(struct twin_packet *packet, const char *text)
{
	for (size_t i = 0; i < TWIN_MAC_BYTES; i++) {
		uint64_t byte = 0;
		if (parse_hex_u64(&byte, text + i * 3, 2) < 0) {
			return false;
		}
		packet->mac[i] = (uint8_t)byte;
	}
	return packet->has_mac = true;
}

static bool read_packet(struct twin_packet *packet, char *line)
{
	char *words[WORDS] = { 0 };
	for (size_t i = 0; i < WORDS; i++) {
		words[i] = strsep(&line, " \n");
	}
	*packet = (struct twin_packet){ .protocol = strcmp(words[0], "tcp") == 0   ? IPPROTO_TCP
						    : strcmp(words[0], "udp") == 0 ? IPPROTO_UDP
										   : IPPROTO_ICMP };
	if (words[5] == NULL || addr_parse(&packet->from, words[1]) < 0 ||
	    parse_port(&packet->from_port, words[2]) < 0 || addr_parse(&packet->to, words[4]) < 0 ||
	    parse_port(&packet->port, words[5]) < 0) {
		return false;
	}
	(void)str_copy(packet->interface, sizeof(packet->interface), words[3]);
	return words[6] == NULL || words[6][0] == '\0' || read_mac(packet, words[6]);
}

static int fail(const struct err *e)
{
	print(json_pack("{ss si}", "error", err_text(e), "code", e->code));
	return 1;
}

struct asked {
	VEC(struct twin_packet) packets;
	usec_t begin; /* and what printing took, which does not count */
};

static int take(void *data, size_t index, struct twin_answer *answer)
{
	struct asked *asked = data;
	const usec_t now = clock_monotonic();
	(void)index; /* they come in order */
	print_answer(answer, now - asked->begin);
	asked->begin += clock_monotonic() - now;
	return 0;
}

static int answer_together(struct twin *twin)
{
	char line[512];
	struct err e = ERR_INIT;
	struct asked asked = { .begin = 0 };
	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct twin_packet packet;
		struct twin_packet *kept =
			read_packet(&packet, line) ? vec_push(&asked.packets) : NULL;
		if (kept == NULL) {
			return 2;
		}
		*kept = packet;
	}
	asked.begin = clock_monotonic();
	const struct twin_taker taker = { .take = take, .data = &asked };
	int r = twin_probe_all(twin, asked.packets.items, asked.packets.count, &taker, &e);
	vec_free(&asked.packets);
	return r < 0 ? fail(&e) : 0;
}

static int answer_all(struct twin *twin)
{
	char line[512];
	struct err e = ERR_INIT;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct twin_packet packet;
		struct twin_answer answer;
		if (!read_packet(&packet, line)) {
			return 2;
		}
		usec_t begin = clock_monotonic();
		int r = twin_probe(twin, &packet, &answer, &e);
		if (r < 0) {
			twin_answer_deinit(&answer);
			return fail(&e);
		}
		print_answer(&answer, clock_monotonic() - begin);
		twin_answer_deinit(&answer);
	}
	return 0;
}

int main(int count, char **words)
{
	_cleanup_(freep) char *rules = NULL;
	_cleanup_(freep) char *candidate = NULL;
	struct err e = ERR_INIT;
	bool together = false;
	for (int i = 1; i + 1 < count; i += 2) {
		if (strcmp(words[i], "--together") == 0) {
			together = true;
			continue;
		}
		char **text = strcmp(words[i], "--rules") == 0 ? &rules : &candidate;
		if (file_read(text, NULL, words[i + 1], TEXT_MAX_BYTES, &e) < 0) {
			return fail(&e);
		}
	}
	struct twin_host *host = NULL;
	struct twin *twin = NULL;
	usec_t begin = clock_monotonic();
	if (twin_host_read(&host, rules, NULL, &e) < 0) {
		return fail(&e);
	}
	usec_t read = clock_monotonic();
	int code = twin_new(&twin, host, candidate, &e) < 0 ? fail(&e) : 0;
	if (code == 0) {
		const struct twin_doubt *doubts = NULL;
		size_t many = twin_doubts(twin, &doubts);
		print(json_pack("{sI sI so}", "read_us", (json_int_t)(read - begin), "ready_us",
				(json_int_t)(clock_monotonic() - begin), "doubts",
				doubts_json(doubts, many)));
		code = together ? answer_together(twin) : answer_all(twin);
	}
	twin_free(twin);
	twin_host_free(host);
	return code;
}
