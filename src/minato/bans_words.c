/* Why somebody is kept out, in the reader's language. */
#include <stdio.h>
#include <string.h>

#include "bans.h"
#include "base/parse.h"
#include "detect_show.h"
#include "incident_text.h"
#include "words.h"

const char *bans_verdict_words(unsigned verdict)
{
	static const char *const words[] = {
		[DEFEND_HIDE] = N_("hidden from"),
		[DEFEND_SLOW] = N_("slowed down"),
		[DEFEND_BAN] = N_("banned"),
	};
	return _(words[verdict]);
}

/* ---- what he did ---- */

static const char trap[] = "trap";

static void add_trap(struct str *out, unsigned port)
{
	str_printf(out, _("completed a connection to the decoy port %u"), port);
}

/* @return NULL for a shape that this version does not know. */
static const char *shape_words(const char *shape)
{
	static const char *const words[][2] = {
		{ "scan", N_("scan of %s") },
		{ "slow", N_("slow scan of %s") },
		{ "sweep", N_("scan of many hosts at %s") },
		{ "distributed", N_("part of a scan of %s by many") },
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i][0], shape) == 0) {
			return words[i][1];
		}
	}
	return NULL;
}

static void add_ports(struct str *out, const struct defend_cause *cause)
{
	const bool all = cause->port_count <= INCIDENT_SHOWN;
	for (unsigned i = 0; i < INCIDENT_SHOWN && i < cause->port_count; i++) {
		str_printf(out, "%s%u", i == 0 ? " " : ",", cause->ports[i]);
	}
	str_add(out, all ? "" : ",...");
}

static void add_scan(struct str *out, const struct defend_ban *ban)
{
	const struct defend_cause *cause = &ban->cause;
	char ports[DETECT_PHRASE_BYTES];
	char span[SPAN_TEXT_BYTES];
	str_printf(out, _(shape_words(ban->shape)), detect_ports(cause->port_count, ports));
	str_printf(out, _(" in %s"), span_format(cause->lasted, span));
	str_printf(out, cause->tool[0] == '\0' ? " (%s)" : " (%s, %s)",
		   incident_probe_words(cause->probe), cause->tool);
	str_add(out, _(", ports"));
	add_ports(out, cause);
	if (!ban->proved) {
		str_add(out, _("; nothing proves who sent it"));
	}
}

/* "passwords (by root, 192.0.2.7)". */
static void add_by_hand(struct str *out, const struct defend_ban *ban)
{
	static const char by[] = "by ";
	struct str who = STR_INIT(1024);
	text_escape(out, ban->reason);
	text_escape(&who,
		    str_starts(ban->evidence, by) ? ban->evidence + strlen(by) : ban->evidence);
	str_printf(out, _(" (by %s)"), str_text(&who));
	str_deinit(&who);
}

void bans_add_why(struct str *out, const struct defend_ban *ban)
{
	if (ban->by_hand) {
		add_by_hand(out, ban);
	} else if (ban->cause.port_count > 0 && strcmp(ban->shape, trap) == 0) {
		add_trap(out, ban->cause.ports[0]);
	} else if (ban->cause.port_count > 0 && shape_words(ban->shape) != NULL) {
		add_scan(out, ban);
	} else { /* as another version wrote it */
		text_escape(out, ban->reason);
		str_add(out, " (");
		text_escape(out, ban->evidence);
		str_add_char(out, ')');
	}
}

void bans_add_rest(struct str *out, const struct bans *bans, const struct defend_ban *ban)
{
	char left[SPAN_TEXT_BYTES];
	char prefix[PREFIX_TEXT_BYTES];
	str_printf(out, _(", %s left, as %s: "),
		   span_format(ban->until - bans->now.since_boot, left),
		   prefix_format(&ban->prefix, prefix));
	bans_add_why(out, ban);
	if (ban->times > 1) {
		str_printf(out, _("; %u times so far"), ban->times);
	}
	if (bans_held(bans, &ban->prefix) == NULL) {
		str_add(out, _("; not held by the kernel: minatod does not run"));
	}
}

/* ---- events ---- */

/* How a ban ended, as the keeper tells it. */
static const char *const ends[] = {
	N_("its time is over"),
	N_("the policy does not want it any more"),
	N_("a from: of the policy names it by now"),
	N_("it is an address of this host"),
	N_("it is a gateway of this host"),
	N_("it is a name server of this host"),
	N_("somebody is logged in from there"),
	N_("the policy says never"),
};

static const char *end_words(const char *how)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (strcmp(ends[i], how) == 0) {
			return _(ends[i]);
		}
	}
	return how;
}

static void add_end(struct str *out, const char *how)
{
	static const char removed[] = "removed by ";
	struct str text = STR_INIT(1024);
	text_escape(&text, str_starts(how, removed) ? how + strlen(removed) : end_words(how));
	str_printf(out, str_starts(how, removed) ? _("removed by %s") : "%s", str_text(&text));
	str_deinit(&text);
}

/* "KIND of N ports": how many. @return 0 for other words. */
static uint64_t ports_in(const char *reason, const char *shape)
{
	static const char of[] = " of ";
	const size_t length = strlen(shape);
	uint64_t count = 0;
	if (!str_starts(reason, shape) || !str_starts(reason + length, of)) {
		return 0;
	}
	const char *digits = reason + length + strlen(of);
	return parse_u64_bytes(&count, digits, strspn(digits, "0123456789"), 1, 65536) == 0 ? count
											    : 0;
}

/* "guesses passwords (by root)": whose order it was stands behind the last bracket. */
static void add_order(struct str *out, const char *reason)
{
	static const char by[] = " (by ";
	const char *last = NULL;
	for (const char *at = strstr(reason, by); at != NULL; at = strstr(at + 1, by)) {
		last = at;
	}
	struct defend_ban ban = { .by_hand = true };
	const size_t length = last == NULL ? strlen(reason) : (size_t)(last - reason);
	const size_t end = strlen(reason);
	if (last == NULL || reason[end - 1] != ')' || length >= sizeof(ban.reason) ||
	    end - length - 3 >= sizeof(ban.evidence)) {
		text_escape(out, reason);
		return;
	}
	(void)snprintf(ban.reason, sizeof(ban.reason), "%.*s", (int)length, reason);
	(void)snprintf(ban.evidence, sizeof(ban.evidence), "%.*s", (int)(end - length - 3),
		       last + 2);
	bans_add_why(out, &ban);
}

static void add_beginning(struct str *out, const struct event *event, const char *reason)
{
	const char *evidence = strstr(reason, " (");
	const char *shape = shape_words(event->finding);
	const uint64_t count = ports_in(reason, event->finding);
	char ports[DETECT_PHRASE_BYTES];
	if (strcmp(event->finding, trap) == 0 && event->port != 0) {
		add_trap(out, event->port);
	} else if (event->finding[0] == '\0') {
		add_order(out, reason);
	} else if (shape == NULL || count == 0) {
		text_escape(out, reason);
	} else {
		str_printf(out, _(shape), detect_ports(count, ports));
		str_add(out, strstr(reason, "; nothing proves") != NULL
				     ? _("; nothing proves who sent it")
				     : "");
		text_escape(out, evidence == NULL ? "" : evidence);
	}
}

bool bans_add_event(struct str *out, const struct event *event)
{
	static const char between[] = ": ";
	const char *prefix_end = strstr(event->detail, between);
	const char *verdict = prefix_end == NULL ? NULL : prefix_end + strlen(between);
	const char *verdict_end = verdict == NULL ? NULL : strstr(verdict, between);
	char name[16];
	uint8_t number = 0;
	if (verdict_end == NULL || (size_t)(verdict_end - verdict) >= sizeof(name)) {
		return false;
	}
	memcpy(name, verdict, (size_t)(verdict_end - verdict));
	name[verdict_end - verdict] = '\0';
	if (defend_verdict_parse(&number, name) < 0) {
		return false;
	}
	struct str prefix = STR_INIT(512);
	str_printf(&prefix, "%.*s", (int)(prefix_end - event->detail), event->detail);
	text_escape(out, str_text(&prefix));
	str_printf(out, ": %s: ", bans_verdict_words(number));
	if (event->kind == EVENT_BANNED) {
		add_beginning(out, event, verdict_end + strlen(between));
	} else {
		add_end(out, verdict_end + strlen(between));
	}
	str_deinit(&prefix);
	return true;
}
