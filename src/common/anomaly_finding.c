/* An anomaly as a finding. */
#include "common/anomaly_finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text/text.h"

enum { KIBIBYTES = 1024 };

bool anomaly_is_finding(const struct finding *finding)
{
	return str_starts(finding->id, ANOMALY_FINDING_PREFIX) != 0;
}

static const struct message *message_of(const struct anomaly *anomaly)
{
	static const char *const bursts[ANOMALY_METRICS] = {
		[ANOMALY_CONNECTIONS] = "anomaly-burst-connections",
		[ANOMALY_PEERS] = "anomaly-burst-peers",
		[ANOMALY_KIBIBYTES] = "anomaly-burst-bytes",
		[ANOMALY_REFUSED] = "anomaly-burst-refused",
		[ANOMALY_FAILED] = "anomaly-burst-failed",
	};
	if (anomaly->kind == ANOMALY_BURST) {
		return message_find(bursts[anomaly->metric]);
	}
	if (anomaly->kind == ANOMALY_QUEUE_OVERFLOW && anomaly->at.port == 0) {
		return message_find("anomaly-queue-overflow-somewhere");
	}
	return message_find(anomaly_kind_name(anomaly->kind));
}

static void add(struct findings *out, struct finding *finding, const char *name, const char *format,
		...) __attribute__((format(printf, 4, 5)));

/* One that finds no memory is left out: its place in the sentence stays empty. */
static void add(struct findings *out, struct finding *finding, const char *name, const char *format,
		...)
{
	char text[ANOMALY_NAME_BYTES + 1];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)finding_add_fact(out, finding, name, text);
}

static void add_numbers(struct findings *out, struct finding *finding,
			const struct anomaly *anomaly)
{
	const bool bytes = anomaly->kind == ANOMALY_BURST && anomaly->metric == ANOMALY_KIBIBYTES;
	const uint64_t unit = bytes ? KIBIBYTES : 1;
	const bool days =
		anomaly->kind == ANOMALY_NEW_LISTENER || anomaly->kind == ANOMALY_FIRST_OUTBOUND;
	if (days) {
		add(out, finding, "days", "%llu", (unsigned long long)anomaly->high);
		return;
	}
	if (anomaly->kind == ANOMALY_PROGRAM_CHANGED) {
		return;
	}
	add(out, finding, "now", "%llu", (unsigned long long)(anomaly->now / unit));
	add(out, finding, "high", "%llu", (unsigned long long)(anomaly->high / unit));
	if (anomaly->kind == ANOMALY_BURST) {
		add(out, finding, "low", "%llu", (unsigned long long)(anomaly->low / unit));
		add(out, finding, "weeks", "%u", anomaly->weeks);
	}
}

struct finding *anomaly_finding(struct findings *out, const struct anomaly *anomaly)
{
	char source[PREFIX_TEXT_BYTES];
	const struct message *message = message_of(anomaly);
	struct finding *finding = message != NULL ? vec_push(&out->list) : NULL;
	if (finding == NULL) {
		return NULL;
	}
	finding->id = message->id;
	(void)severity_parse(&finding->severity, message->severity); /* the build checks the word */
	finding->listener = finding->published = FINDING_NO_INDEX;
	add(out, finding, "anomaly", "%s", anomaly->id);
	if (anomaly->at.port != 0) {
		add(out, finding, "port", "%u", anomaly->at.port);
	}
	add(out, finding, "protocol", "%s", protocol_name(anomaly->at.protocol));
	add(out, finding, "process", "%s", anomaly->program[0] != '\0' ? anomaly->program : "?");
	if (anomaly->before[0] != '\0') {
		add(out, finding, "before", "%s", anomaly->before);
	}
	if (anomaly->source.address.family != ADDR_NONE) {
		add(out, finding, "peer", "%s", prefix_format(&anomaly->source, source));
	}
	if (anomaly->remote_port != 0) {
		add(out, finding, "remote_port", "%u", anomaly->remote_port);
	}
	if (anomaly->more > 0) {
		add(out, finding, "more", "%u", anomaly->more);
	}
	add_numbers(out, finding, anomaly);
	return finding;
}
