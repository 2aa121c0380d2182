/* Stored events as rows for people, a screenful of memory at a time. */
#include "log_rows.h"

#include <errno.h>
#include <pwd.h>
#include <time.h>

#include "bans.h"
#include "devices_words.h"
#include "incident_text.h"
#include "words.h"

enum {
	CHUNK_ROWS = 500, /* columns are aligned within so many rows */
};

static const struct table_column columns[] = {
	{ NULL, ALIGN_LEFT, 0, 0 },   /* time */
	{ NULL, ALIGN_LEFT, 0, 0 },   /* kind */
	{ NULL, ALIGN_LEFT, 12, 0 },  /* port */
	{ NULL, ALIGN_LEFT, 10, 30 }, /* program */
	{ NULL, ALIGN_LEFT, 8, 0 },   /* what else is known */
};

/* event_kind_name() of each number; a test holds the two together. */
const char *const event_kind_choices[] = {
	"any",
	"listener_opened",
	"listener_closed",
	"owner_changed",
	"finding_raised",
	"finding_cleared",
	"daemon_started",
	"daemon_stopped",
	"records_lost",
	"child_restarted",
	"store_damaged",
	"rules_lost",
	"rules_restored",
	"rules_changed",
	"rules_confirmed",
	"rules_reverted",
	"rules_tried",
	"rules_off",
	"bind_refused",
	"bind_watched",
	"declaration_expired",
	"refused",
	"would_refuse",
	"let_in",
	"scan_started",
	"scan_ended",
	"banned",
	"ban_ended",
	"anomaly",
	"connect_refused",
	"connect_watched",
	"forward_refused",
	"forward_would_refuse",
	"forward_passed",
	"audited",
	"port_opened",
	"port_closed",
	NULL,
};

_Static_assert(sizeof(event_kind_choices) / sizeof(event_kind_choices[0]) == EVENT_KIND_LAST + 2,
	       "a kind without its word");

const char *event_kind_words(enum event_kind kind)
{
	static const char *const words[] = {
		[EVENT_NONE] = N_("event"),
		[EVENT_LISTENER_OPENED] = N_("opened"),
		[EVENT_LISTENER_CLOSED] = N_("closed"),
		[EVENT_OWNER_CHANGED] = N_("new owner"),
		[EVENT_FINDING_RAISED] = N_("finding"),
		[EVENT_FINDING_CLEARED] = N_("mended"),
		[EVENT_DAEMON_STARTED] = N_("daemon started"),
		[EVENT_DAEMON_STOPPED] = N_("daemon stopped"),
		[EVENT_RECORDS_LOST] = N_("records lost"),
		[EVENT_CHILD_RESTARTED] = N_("restarted"),
		[EVENT_STORE_DAMAGED] = N_("file damaged"),
		[EVENT_RULES_LOST] = N_("rules gone"),
		[EVENT_RULES_RESTORED] = N_("rules restored"),
		[EVENT_RULES_CHANGED] = N_("rules altered"),
		[EVENT_RULES_CONFIRMED] = N_("rules confirmed"),
		[EVENT_RULES_REVERTED] = N_("rules reverted"),
		[EVENT_RULES_TRIED] = N_("rules tried"),
		[EVENT_RULES_OFF] = N_("rules off"),
		[EVENT_BIND_REFUSED] = N_("bind refused"),
		[EVENT_BIND_WATCHED] = N_("bind by another"),
		[EVENT_DECLARATION_EXPIRED] = N_("expired"),
		[EVENT_REFUSED] = N_("refused"),
		[EVENT_WOULD_REFUSE] = N_("would refuse"),
		[EVENT_LET_IN] = N_("let in"),
		[EVENT_SCAN_STARTED] = N_("scan"),
		[EVENT_SCAN_ENDED] = N_("scan ended"),
		[EVENT_BANNED] = N_("banned"),
		[EVENT_BAN_ENDED] = N_("ban ended"),
		[EVENT_ANOMALY] = N_("anomaly"),
		[EVENT_CONNECT_REFUSED] = N_("connect refused"),
		[EVENT_CONNECT_WATCHED] = N_("connect by another"),
		[EVENT_FORWARD_REFUSED] = N_("not passed on"),
		[EVENT_FORWARD_WOULD_REFUSE] = N_("would not pass"),
		[EVENT_FORWARD_PASSED] = N_("passed on"),
		[EVENT_AUDITED] = N_("audited"),
		[EVENT_PORT_OPENED] = N_("port opened"),
		[EVENT_PORT_CLOSED] = N_("port closed"),
	};
	return _(words[event_kind_is_known(kind) ? kind : EVENT_NONE]);
}

static enum ink kind_ink(enum event_kind kind)
{
	switch (kind) {
	case EVENT_FINDING_RAISED:
	case EVENT_RECORDS_LOST:
	case EVENT_STORE_DAMAGED:
	case EVENT_RULES_LOST:
	case EVENT_RULES_CHANGED:
	case EVENT_RULES_OFF:
	case EVENT_BIND_REFUSED:
	case EVENT_BIND_WATCHED:
	case EVENT_CONNECT_REFUSED:
	case EVENT_CONNECT_WATCHED:
	case EVENT_DECLARATION_EXPIRED:
	case EVENT_SCAN_STARTED:
	case EVENT_BANNED:
	case EVENT_ANOMALY:
	case EVENT_PORT_OPENED:
		return INK_WARN;
	case EVENT_FINDING_CLEARED:
	case EVENT_RULES_RESTORED:
		return INK_GOOD;
	case EVENT_LISTENER_CLOSED:
	case EVENT_PORT_CLOSED:
		return INK_DIM;
	default:
		return INK_PLAIN;
	}
}

const char *log_local_time(usec_t time, char *out)
{
	time_t seconds = (time_t)(time / USEC_PER_SEC);
	struct tm parts;
	char text[LOG_TIME_BYTES - 4];
	out[0] = '\0';
	if (localtime_r(&seconds, &parts) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts) > 0) {
		(void)snprintf(out, LOG_TIME_BYTES, "%s.%03d", text,
			       (int)(time % USEC_PER_SEC / 1000));
	}
	return out;
}

static bool is_incident(const struct event *event)
{
	return event->kind == EVENT_SCAN_STARTED || event->kind == EVENT_SCAN_ENDED;
}

static void add_port(struct table *table, const struct event *event)
{
	char endpoint[ENDPOINT_TEXT_BYTES];
	/* Of an incident address and port say little without the rest. */
	if (event->protocol == PROTOCOL_NONE || is_incident(event)) {
		table_cell(table, INK_PLAIN, "");
	} else {
		table_printf(table, INK_PLAIN, "%s/%s",
			     endpoint_format(&event->address, event->port, endpoint),
			     protocol_name(event->protocol));
	}
}

static void add_program(struct table *table, const struct event *event)
{
	if (event->process[0] == '\0' || is_incident(event)) {
		table_cell(table, INK_PLAIN, "");
	} else if (event->pid > 0) {
		table_printf(table, INK_PLAIN, "%s (%d)", event->process, event->pid);
	} else {
		table_cell(table, INK_PLAIN, event->process);
	}
}

/* Whether a program is told of that a port is not declared for. */
static bool is_attempt(const struct event *event)
{
	switch (event->kind) {
	case EVENT_BIND_REFUSED:
	case EVENT_BIND_WATCHED:
		return true;
	case EVENT_CONNECT_REFUSED:
	case EVENT_CONNECT_WATCHED:
		return event->process[0] != '\0'; /* else the packet filter told it */
	default:
		return false;
	}
}

/* Who tried, and for whom the port is declared. */
static void add_attempt(struct table *table, const struct event *event)
{
	char user[16];
	const struct passwd *account = getpwuid(event->uid);
	const char *unit = event->container[0] != '\0' ? event->container : event->unit;
	(void)snprintf(user, sizeof(user), "%u", event->uid);
	struct str text = STR_INIT(4096);
	const char *name = account != NULL ? account->pw_name : user;
	const char *declared = event->detail[0] != '\0' ? event->detail : "-";
	if (unit[0] != '\0') {
		str_printf(&text, _("by user %s, %s; declared for %s"), name, unit, declared);
	} else {
		str_printf(&text, _("by user %s; declared for %s"), name, declared);
	}
	if (event->count > 1) {
		str_printf(&text, _("; %llu times"), (unsigned long long)event->count);
	}
	table_cell(table, INK_PLAIN, str_text(&text));
	str_deinit(&text);
}

static void add_incident(struct table *table, const struct event *event)
{
	struct str text = STR_INIT(4096);
	if (!incident_add_event(&text, event)) {
		str_printf(&text, "%s %s", event->finding, event->detail);
	}
	table_cell(table, INK_PLAIN, str_text(&text));
	str_deinit(&text);
}

static void add_ban(struct table *table, const struct event *event)
{
	struct str text = STR_INIT(4096);
	if (!bans_add_event(&text, event)) {
		str_printf(&text, "%s %s", event->finding, event->detail);
	}
	table_cell(table, INK_PLAIN, str_text(&text));
	str_deinit(&text);
}

/* Of which machine, and how it was seen. */
static void add_opening(struct table *table, const struct event *event)
{
	struct str text = STR_INIT(4096);
	devices_add_opening(&text, event);
	table_cell(table, INK_PLAIN, str_text(&text));
	str_deinit(&text);
}

/* The finding, otherwise where the program belongs; then the detail or the count. */
static void add_rest(struct table *table, const struct event *event)
{
	const char *about = event->finding[0] != '\0'     ? event->finding
			    : event->container[0] != '\0' ? event->container
							  : event->unit;
	if (is_attempt(event)) {
		add_attempt(table, event);
	} else if (is_incident(event)) {
		add_incident(table, event);
	} else if (event->kind == EVENT_PORT_OPENED || event->kind == EVENT_PORT_CLOSED) {
		add_opening(table, event);
	} else if (event->kind == EVENT_BANNED || event->kind == EVENT_BAN_ENDED) {
		add_ban(table, event);
	} else if (event->detail[0] != '\0') {
		table_printf(table, INK_PLAIN, "%s%s%s", about, about[0] == '\0' ? "" : " ",
			     event->detail);
	} else if (event->count > 0) {
		table_printf(table, INK_PLAIN, "%s%s%llu", about, about[0] == '\0' ? "" : " ",
			     (unsigned long long)event->count);
	} else {
		table_cell(table, INK_PLAIN, about);
	}
}

void log_rows_init(struct log_rows *rows, const struct context *context)
{
	*rows = (struct log_rows){ .context = context };
	table_init(&rows->table, columns, sizeof(columns) / sizeof(columns[0]));
	tzset(); /* localtime_r need not do it */
}

/* @return an exit code. */
static int print_chunk(struct log_rows *rows)
{
	const struct context *context = rows->context;
	struct str out = STR_INIT(1 << 22);
	if (rows->count > 0) {
		/* a pipe gets whole lines, a terminal what fits it */
		(void)table_render(&out, &rows->table, context->out_terminal ? context->columns : 0,
				   &context->out_style); /* kept in out.error */
		rows->printed = true;
	}
	int code = print_text(&out);
	str_deinit(&out);
	table_deinit(&rows->table);
	table_init(&rows->table, columns, sizeof(columns) / sizeof(columns[0]));
	rows->count = 0;
	return code;
}

int log_rows_add(struct log_rows *rows, const struct event *event)
{
	char time[LOG_TIME_BYTES];
	struct table *table = &rows->table;
	table_cell(table, INK_DIM, log_local_time(event->time, time));
	table_cell(table, kind_ink(event->kind), event_kind_words(event->kind));
	add_port(table, event);
	add_program(table, event);
	add_rest(table, event);
	rows->count++;
	if (table->error < 0) {
		return table->error;
	}
	return rows->count == CHUNK_ROWS && print_chunk(rows) != EXIT_IN_ORDER ? -EPIPE : 0;
}

int log_rows_end(struct log_rows *rows)
{
	int code = print_chunk(rows);
	table_deinit(&rows->table);
	return code;
}
