/* What the lesson shows in a harbour of namespaces: a router's table, a scan, a door that is
 * closed. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/run.h"
#include "demo.h"
#include "learn.h"
#include "words.h"

enum {
	OUTPUT_MAX_BYTES = 1 << 18,
	PATIENCE_SECONDS = 20, /* for what comes by itself: connections, the daemon's word */
};

static const struct timespec A_MOMENT = { .tv_nsec = 200L * 1000 * 1000 };

/* What the world's process found; memory that it shares with this one. */
struct sandbox_found {
	struct nat_live nat;
	struct lesson_scan scan;
};

struct sandbox {
	const struct context *context;
	enum learn_figure wanted; /* LEARN_FIGURE_NAT or LEARN_FIGURE_SCAN */
	struct sandbox_found *found;
};

/* ---- commands inside ---- */

/* A command at a machine, whose output is read. */
struct question {
	pid_t child; /* negative errno: it was not started */
	int output;
};

static struct question begin(struct harbour_world *world, uint32_t machine,
			     const char *const *words)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0) {
		return (struct question){ .child = -errno, .output = -1 };
	}
	_cleanup_(close_fdp) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int fds[] = { nothing, ends[1], nothing };
	const struct question question = { harbour_start(world, machine, words, fds), ends[0] };
	close_fdp(&ends[1]);
	return question;
}

static int ask(struct str *out, struct harbour_world *world, uint32_t machine,
	       const char *const *words)
{
	const struct question question = begin(world, machine, words);
	return demo_collect(out, question.output, question.child);
}

/* Once more and again until it says something that `good` takes. @return whether it did. */
static bool ask_until(struct str *out, struct harbour_world *world, uint32_t machine,
		      const char *const *words, bool (*good)(const char *text))
{
	const usec_t until = clock_monotonic() + PATIENCE_SECONDS * USEC_PER_SEC;
	do {
		str_clear(out);
		if (ask(out, world, machine, words) >= 0 && good(str_text(out))) {
			return true;
		}
		(void)nanosleep(&A_MOMENT, NULL);
	} while (clock_monotonic() < until);
	return false;
}

/* ---- the router ---- */

static void read_nat(struct harbour_world *world, uint32_t router, struct nat_live *out)
{
	const usec_t until = clock_monotonic() + PATIENCE_SECONDS * USEC_PER_SEC;
	do {
		const pid_t child = fork();
		if (child == 0) {
			struct nat_live nat = { 0 };
			if (harbour_enter(world, router, NULL) == 0 && nat_live_read(&nat) == 0) {
				nat_live_copy(out, &nat);
			}
			_exit(EXIT_SUCCESS);
		}
		if (child < 0 || run_wait(child) != EXIT_SUCCESS) {
			return;
		}
		if (lesson_nat_devices(out) > 1) {
			break;
		}
		(void)nanosleep(&A_MOMENT, NULL);
	} while (clock_monotonic() < until);
}

/* ---- the scanner ---- */

static const char PORTS_ASKED[] = "1-1024,1883,6379,8080,25565";

/* "23, 80, 6379" of the answer of `minato audit --json`, and how many ports were asked. */
static bool read_audit(struct lesson_scan *out, const char *text)
{
	json_t *document = json_loads(text, 0, NULL);
	const json_t *audit = json_array_get(json_object_get(document, "audits"), 0);
	const json_t *counts =
		json_object_get(json_array_get(json_object_get(audit, "sweeps"), 0), "counts");
	struct str open = STR_INIT(sizeof(out->open));
	const char *state = NULL;
	json_t *value = NULL;
	size_t index = 0;
	out->asked = 0;
	json_object_foreach((json_t *)counts, state, value)
	{
		out->asked += (unsigned)json_integer_value(value);
	}
	json_array_foreach(json_object_get(audit, "ports"), index, value)
	{
		const char *is = json_string_value(json_object_get(value, "state"));
		if (is != NULL && strcmp(is, "open") == 0) {
			(void)str_printf(
				&open, "%s%u", open.length > 0 ? ", " : "",
				(unsigned)json_integer_value(json_object_get(value, "port")));
		}
	}
	(void)snprintf(out->open, sizeof(out->open), "%s", str_text(&open));
	str_deinit(&open);
	json_decref(document);
	return out->asked > 0 && out->open[0] != '\0';
}

static void scan(struct lesson_scan *out, struct harbour_world *world, uint32_t scanner,
		 const char *host)
{
	const char *const words[] = { "minato",        "audit",  "--authorized",
				      "--no-services", "--json", "--ports",
				      PORTS_ASKED,     host,     NULL };
	struct str text = STR_INIT(OUTPUT_MAX_BYTES);
	(void)ask(&text, world, scanner, words); /* 2 where something is open */
	out->scanned = read_audit(out, str_text(&text));
	str_deinit(&text);
}

/* ---- what minato on the host says ---- */

static bool has_address(const char *text)
{
	return strstr(text, "203.0.113.") != NULL;
}

/* From the scanner's address to the end of the line: number and time before it say nothing here. */
static void keep_line(char *out, size_t room, const char *text, const char *source)
{
	const char *at = strstr(text, source);
	if (at != NULL) {
		(void)snprintf(out, room, "%.*s", (int)strcspn(at, "\n"), at);
	}
}

static void hear(struct lesson_scan *out, struct harbour_world *world)
{
	static const char *const words[] = { "minato", "incidents", NULL };
	struct str text = STR_INIT(OUTPUT_MAX_BYTES);
	if (ask_until(&text, world, harbour_of(world)->host, words, has_address)) {
		keep_line(out->line, sizeof(out->line), str_text(&text), out->source);
	}
	str_deinit(&text);
}

/* ---- the door ---- */

static void close_door(struct harbour_world *world)
{
	static const char *const declare[] = { "minato", "init", NULL };
	static const char *const shut[] = { "minato", "close", "23/tcp", NULL };
	const uint32_t host = harbour_of(world)->host;
	struct str text = STR_INIT(OUTPUT_MAX_BYTES);
	(void)ask(&text, world, host, declare);
	(void)ask(&text, world, host, shut); /* what came of it is asked of the door itself */
	str_deinit(&text);
}

/* The ladder that follows the words of `minato check --figure`, or the drawing alone. */
static void knock(struct lesson_scan *out, struct harbour_world *world, uint32_t scanner,
		  const char *door)
{
	const char *const text_words[] = { "minato",   "check", "--timeout", "2",
					   "--figure", door,    NULL };
	const char *const svg_words[] = { "minato", "check",       "--timeout", "2",
					  "--svg",  "/dev/stdout", door,        NULL };
	struct str text = STR_INIT(OUTPUT_MAX_BYTES);
	/* Silence takes its time, so both wait for it at once. */
	const struct question drawing = begin(world, scanner, svg_words);
	(void)ask(&text, world, scanner, text_words);
	const char *figure = strstr(str_text(&text), "\n\n");
	const char *cause = strstr(str_text(&text), "  ");
	if (figure != NULL && cause != NULL) {
		(void)snprintf(out->figure, sizeof(out->figure), "%s", figure + 2);
		(void)snprintf(out->after, sizeof(out->after), "%.*s",
			       (int)strcspn(cause + 2, "\n"), cause + 2);
	}
	str_clear(&text);
	(void)demo_collect(&text, drawing.output, drawing.child);
	const char *last = strstr(str_text(&text), "</svg>");
	if (str_starts(str_text(&text), "<svg") && last != NULL) {
		(void)snprintf(out->svg, sizeof(out->svg), "%.*s\n",
			       (int)(last - str_text(&text)) + 6, str_text(&text));
	}
	str_deinit(&text);
}

static void scan_and_close(struct harbour_world *world, struct lesson_scan *out)
{
	char host[ADDR_TEXT_BYTES], door[ADDR_TEXT_BYTES + 8];
	const struct harbour *harbour = harbour_of(world);
	const uint32_t scanner = harbour_find(harbour, "scanner");
	const struct addr to = harbour_address(harbour, scanner, harbour->host);
	const struct addr from = harbour_address(harbour, harbour->host, scanner);
	(void)addr_format(&to, host);
	(void)addr_format(&from, out->source);
	(void)snprintf(door, sizeof(door), "%s:23", host);
	scan(out, world, scanner, host);
	if (!out->scanned) {
		return;
	}
	hear(out, world);
	close_door(world);
	knock(out, world, scanner, door);
}

/* ---- all ---- */

static uint32_t router_of(const struct harbour *harbour)
{
	uint32_t machine = 0;
	while (machine < harbour->machine_count && harbour->machines[machine].masquerades == 0) {
		machine++;
	}
	return machine;
}

/* harbour_inside. */
static int inside(struct harbour_world *world, void *data)
{
	struct sandbox *sandbox = data;
	const uint32_t router = router_of(harbour_of(world));
	if (sandbox->wanted == LEARN_FIGURE_SCAN) {
		scan_and_close(world, &sandbox->found->scan);
	} else if (router < harbour_of(world)->machine_count) {
		read_nat(world, router, &sandbox->found->nat);
	}
	return EXIT_SUCCESS;
}

static int run_world(struct sandbox *sandbox, struct err *e)
{
	struct harbour *harbour = NULL;
	struct demo_environment environment;
	struct str faults = STR_INIT(4096);
	int code = 0;
	int r = harbour_read(&harbour, &faults, "harbour.yaml", harbour_builtin,
			     strlen(harbour_builtin));
	str_deinit(&faults);
	if (r < 0) {
		return err_system(e, r, "harbour.yaml");
	}
	r = demo_environment(&environment, sandbox->context);
	if (r == 0) {
		const struct harbour_setup setup = { .environment = environment.words };
		r = harbour_run(&code, harbour, &setup, inside, sandbox, e);
	}
	arena_deinit(&environment.memory);
	(void)harbour_free(harbour);
	return r;
}

static void know_scan(struct lesson *lesson)
{
	const struct lesson_scan *scan = &lesson->scan;
	if (scan->scanned && scan->line[0] != '\0' && scan->after[0] != '\0') {
		lesson_know(lesson, LEARN_SCAN_SOURCE, "%s", scan->source);
		lesson_know(lesson, LEARN_SCAN_ASKED, "%u", scan->asked);
		lesson_know(lesson, LEARN_SCAN_OPEN, "%s", scan->open);
		lesson_know(lesson, LEARN_SCAN_LINE, "%s", scan->line);
		lesson_know(lesson, LEARN_SCAN_AFTER, "%s", scan->after);
	}
}

void lesson_sandbox(struct lesson *lesson, enum learn_figure wanted)
{
	struct err e = ERR_INIT;
	struct sandbox_found *found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (found == MAP_FAILED) {
		return;
	}
	struct sandbox sandbox = { .context = lesson->context, .wanted = wanted, .found = found };
	const int r = run_world(&sandbox, &e);
	if (r < 0) {
		lesson_know(lesson, LEARN_SANDBOX_WHY, "%s",
			    e.code != 0 ? err_text(&e) : strerror(-r));
	} else if (wanted == LEARN_FIGURE_NAT) {
		nat_live_copy(&lesson->nat, &found->nat);
	} else {
		lesson->scan = found->scan;
		know_scan(lesson);
	}
	(void)munmap(found, sizeof(*found));
}
