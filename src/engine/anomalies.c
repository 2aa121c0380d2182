/* What is unusual: the model fed with what the looks and the keeper tell, saved and told of. */
#include "anomalies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "common/anomaly_finding.h"
#include "common/say.h"
#include "review/review.h"

static const char file[] = "anomalies";
static const char fresh[] = "anomalies.new";
static const char damaged[] = "anomalies.damaged";

static const usec_t SAVE_USEC = USEC_PER_HOUR;
static const usec_t TICK_USEC = USEC_PER_MIN;

/* ---- the file ---- */

static int write_file(const struct engine *engine, const struct str *bytes)
{
	_cleanup_(close_fdp) int fd =
		openat(engine->state, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		return -errno;
	}
	int r = write_all(fd, bytes->text, bytes->length);
	if (r == 0 && (fsync(fd) < 0 || renameat(engine->state, fresh, engine->state, file) < 0 ||
		       fsync(engine->state) < 0)) {
		r = -errno;
	}
	return r;
}

void anomalies_save(struct engine *engine)
{
	struct engine_anomalies *anomalies = &engine->anomalies;
	struct str bytes = STR_INIT(ANOMALY_FILE_BYTES_MAX);
	if (anomalies->model == NULL) {
		return;
	}
	int r = anomaly_save(anomalies->model, &bytes);
	if (r == 0) {
		r = write_file(engine, &bytes);
	}
	if (r < 0) {
		(void)snprintf(anomalies->fault, sizeof(anomalies->fault),
			       "what was learned cannot be saved: %s", strerror(-r));
		say(SAY_WARNING, "%s", anomalies->fault);
	}
	anomalies->saved = clock_monotonic();
	str_deinit(&bytes);
}

/* The damaged file stays for who wants to look at it; the model learns from the beginning. */
static void set_aside(struct engine *engine, const char *what)
{
	struct engine_anomalies *anomalies = &engine->anomalies;
	(void)renameat(engine->state, file, engine->state, damaged); /* else it is overwritten */
	(void)snprintf(anomalies->fault, sizeof(anomalies->fault), "%s; the file is %s now", what,
		       damaged);
	say(SAY_WARNING, "anomalies: %s", anomalies->fault);
}

static void load(struct engine *engine)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t length = 0;
	int r = file_read_at(&bytes, &length, engine->state, file, ANOMALY_FILE_BYTES_MAX, NULL);
	if (r == -ENOENT) {
		return;
	}
	if (r == 0) {
		r = anomaly_load(engine->anomalies.model, bytes, length);
	}
	switch (r) {
	case 0:
		return;
	case ANOMALY_FINE_ONLY:
		set_aside(engine, "what was learned is damaged, so learning begins anew; what was "
				  "said to be fine still is");
		return;
	case ANOMALY_LEARNED_ONLY:
		set_aside(engine, "what was said to be fine is damaged and forgotten");
		return;
	case -EPROTONOSUPPORT:
		set_aside(engine,
			  "a newer version wrote what was learned, so learning begins anew");
		return;
	default:
		set_aside(engine, "what was learned cannot be read, so learning begins anew");
		return;
	}
}

/* The next one is planned first: whatever happens, it goes on. */
static int on_minute(sd_event_source *source, uint64_t usec, void *data)
{
	struct engine *engine = data;
	(void)sd_event_source_set_time(source, usec + (uint64_t)TICK_USEC);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	anomalies_feed_counts(engine);
	anomalies_tick(engine, false);
	findings_of_rules(engine);
	return 0;
}

void anomalies_start(struct engine *engine)
{
	uint64_t secret[2] = { 0 };
	/* Without randomness (early in a boot) networks can be guessed to be known: no more. */
	(void)!getrandom(secret, sizeof(secret), GRND_NONBLOCK);
	if (anomaly_new(&engine->anomalies.model, secret) < 0) {
		say(SAY_WARNING, "no memory to learn what is usual");
		return;
	}
	load(engine);
	engine->anomalies.saved = clock_monotonic();
	if (sd_event_add_time_relative(engine->loop, &engine->anomalies.timer, CLOCK_MONOTONIC,
				       (uint64_t)TICK_USEC, 0, on_minute, engine) < 0) {
		say(SAY_WARNING, "anomalies are judged after each look only");
	}
}

void anomalies_end(struct engine *engine)
{
	engine->anomalies.timer = sd_event_source_disable_unref(engine->anomalies.timer);
	anomalies_save(engine);
	engine->anomalies.model = anomaly_free(engine->anomalies.model);
	anomalies_feed_deinit(engine);
}

/* ---- telling ---- */

static void add_text(char *out, size_t room, const struct finding *finding)
{
	struct str text = STR_INIT(1 << 14);
	(void)review_text(&text, finding, LANGUAGE_EN); /* cut text still reads */
	(void)str_copy(out, room, str_text(&text));
	str_deinit(&text);
}

static void tell(struct engine *engine, const struct anomaly *anomaly)
{
	struct event event = {
		.time = clock_now(),
		.kind = EVENT_ANOMALY,
		.protocol = anomaly->at.protocol,
		.port = anomaly->at.port,
		.address = anomaly->source.address,
		.uid = UINT32_MAX,
		.count = anomaly->now,
	};
	struct findings findings;
	findings_init(&findings);
	const struct finding *finding = anomaly_finding(&findings, anomaly);
	(void)str_copy(event.process, sizeof(event.process), anomaly->program);
	if (finding != NULL) {
		(void)str_copy(event.finding, sizeof(event.finding), finding->id);
		add_text(event.detail, sizeof(event.detail), finding);
	}
	findings_deinit(&findings);
	record_event(engine, &event);
}

void anomalies_tick(struct engine *engine, bool looked)
{
	struct engine_anomalies *anomalies = &engine->anomalies;
	const usec_t now = clock_now();
	const time_t seconds = (time_t)(now / USEC_PER_SEC);
	struct tm local = { 0 };
	struct anomaly_clock clock = { .wall = now, .monotonic = clock_monotonic() };
	if (localtime_r(&seconds, &local) != NULL) {
		clock.offset_seconds = (int32_t)local.tm_gmtoff;
	}
	anomaly_tick(anomalies->model, &clock, looked);
	for (const struct anomaly *news = anomaly_news(anomalies->model); news != NULL;
	     news = anomaly_news(anomalies->model)) {
		const struct anomaly copy = *news;
		tell(engine, &copy);
	}
	if (clock.monotonic - anomalies->saved >= SAVE_USEC) {
		anomalies_save(engine);
	}
}

void anomalies_findings(struct engine *engine)
{
	struct findings *findings = &engine->findings;
	size_t count = 0;
	size_t kept = 0;
	for (size_t i = 0; i < findings->list.count; i++) {
		if (!anomaly_is_finding(&findings->list.items[i])) {
			findings->list.items[kept++] = findings->list.items[i];
		}
	}
	findings->list.count = kept;
	if (engine->anomalies.model == NULL) {
		return;
	}
	const struct anomaly *standing = anomaly_standing(engine->anomalies.model, &count);
	for (size_t i = 0; i < count; i++) {
		(void)anomaly_finding(findings,
				      &standing[i]); /* without memory it is in the list */
	}
}

/* ---- fine ---- */

void anomalies_fine(struct engine *engine, const struct wire_fine *order)
{
	struct engine_anomalies *anomalies = &engine->anomalies;
	if (anomalies->model == NULL) {
		return;
	}
	const int r = order->fine ? anomaly_fine(anomalies->model, order->id, clock_now())
				  : anomaly_not_fine(anomalies->model, order->id);
	if (r == 0) {
		anomalies_save(engine); /* said is said, also when the power goes now */
		findings_of_rules(engine);
	} /* else it was over before the word came: who asked looks himself */
}

/* ---- the document ---- */

static json_t *item(const struct engine *engine, const struct anomaly *anomaly)
{
	const struct view view = { .language = LANGUAGE_EN, .policy = policy_now(engine) };
	struct findings findings;
	findings_init(&findings);
	const struct finding *finding = anomaly_finding(&findings, anomaly);
	json_t *object =
		json_pack("{s:s, s:s, s:o, s:o, s:I, s:o}", "id", anomaly->id, "kind",
			  anomaly_kind_name(anomaly->kind) + sizeof(ANOMALY_FINDING_PREFIX) - 1,
			  "since", view_time(anomaly->since), "last", view_time(anomaly->last),
			  "more", (json_int_t)anomaly->more, "finding",
			  finding != NULL ? view_finding(&view, finding) : json_null());
	findings_deinit(&findings);
	return object;
}

static json_t *items(const struct engine *engine, const struct anomaly *list, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(array, item(engine, &list[i]));
	}
	return array;
}

static json_t *learning(const struct engine *engine)
{
	const struct engine_anomalies *anomalies = &engine->anomalies;
	const struct anomaly_model *model = anomalies->model;
	const uint32_t minutes = model != NULL ? anomaly_minutes(model) : 0;
	return json_pack("{s:I, s:I, s:I, s:I, s:b, s:b, s:b, s:b, s:o}", "watched_minutes",
			 (json_int_t)minutes, "ports",
			 (json_int_t)(model != NULL ? anomaly_ports(model) : 0), "bytes",
			 (json_int_t)(model != NULL ? anomaly_bytes(model) : 0), "unlisted",
			 (json_int_t)(model != NULL ? anomaly_unlisted(model) : 0), "listeners",
			 minutes >= ANOMALY_LEARN_LISTENERS_MINUTES, "outbound",
			 minutes >= ANOMALY_LEARN_OUTBOUND_MINUTES, "networks",
			 minutes >= ANOMALY_LEARN_NETWORKS_MINUTES, "bursts",
			 minutes >= ANOMALY_LEARN_BURSTS_MINUTES, "fault",
			 view_string(anomalies->fault));
}

json_t *anomalies_document(const struct engine *engine)
{
	json_t *document = view_document(clock_now());
	const struct anomaly *standing = NULL;
	const struct anomaly *fine = NULL;
	size_t count = 0;
	size_t fine_count = 0;
	if (engine->anomalies.model != NULL) {
		standing = anomaly_standing(engine->anomalies.model, &count);
		fine = anomaly_fines(engine->anomalies.model, &fine_count);
	}
	json_object_set_new(document, "learned", learning(engine));
	json_object_set_new(document, "anomalies", items(engine, standing, count));
	json_object_set_new(document, "fine", items(engine, fine, fine_count));
	return document;
}
