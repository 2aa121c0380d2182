/* The view from another host: asked over ssh, and told with what it proves. */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "view/view.h"
#include "words.h"

static int ask(struct check_via *via, char *reason, const struct probe_target *targets,
	       size_t count, unsigned seconds, struct err *e)
{
	static struct probe_via_question questions[PROBE_VIA_MAX]; /* too large for a stack */
	for (size_t i = 0; i < count; i++) {
		struct probe_via_question *q = &questions[i];
		q->port = targets[i].port;
		q->udp = targets[i].service->protocol == PROTOCOL_UDP;
		(void)str_copy(q->host, sizeof(q->host), targets[i].host);
	}
	return probe_via_ask(via->answers, reason, &via->from, questions, count, seconds, e);
}

int check_via_ask(struct check_via *via, const struct context *context,
		  const struct probe_target *targets, size_t count, unsigned seconds)
{
	struct err e = ERR_INIT;
	char reason[PROBE_TEXT_BYTES] = "";
	bool any = false;
	if (count > PROBE_VIA_MAX) {
		(void)err_set(&e, E2BIG,
			      _("%zu ports are declared; from outside the first %d are asked"),
			      count, (int)PROBE_VIA_MAX);
		complain(context, err_text(&e), NULL);
		e = ERR_INIT;
		count = PROBE_VIA_MAX;
	}
	int r = ask(via, reason, targets, count, seconds, &e);
	for (size_t i = 0; r == 0 && i < count; i++) {
		any = any || via->answers[i].given != 0;
	}
	if (r < 0) {
		complain(context, err_text(&e), NULL);
		return r == -ENOENT ? EXIT_ERROR : EXIT_IN_ORDER;
	}
	if (!any) {
		(void)err_set(&e, EIO, _("%s did not answer: %s"), via->name,
			      reason[0] == '\0' ? _("no word from ssh") : reason);
		complain(context, err_text(&e),
			 _("log in by hand once: ssh USER@HOST (keys alone are asked for)"));
	}
	return EXIT_IN_ORDER;
}

void check_via_take(struct check *check, const struct check_via *via, size_t index)
{
	if (index < PROBE_VIA_MAX) { /* those beyond were not asked */
		check->via = via->name;
		check->seen = via->answers[index];
		check_way_internet(check);
	}
}

enum probe_cause check_via_cause(const struct check *check)
{
	for (int cause = 0; check->seen.given != 0 && cause < PROBE_CAUSES; cause++) {
		if (probe_cause_exit((enum probe_cause)cause) == (int)check->seen.code) {
			return (enum probe_cause)cause;
		}
	}
	return PROBE_UNKNOWN;
}

int check_exit(const struct check *check)
{
	const enum probe_cause outside = check_via_cause(check);
	const bool counts = check->via != NULL && check->seen.given != 0;
	return check->cause == PROBE_ANSWERS && counts ? probe_cause_exit(outside)
						       : probe_cause_exit(check->cause);
}

static const char *found_words(enum probe_cause cause)
{
	switch (cause) {
	case PROBE_ANSWERS:
		return _("a connection comes about");
	case PROBE_NO_NAME:
	case PROBE_NO_RESOLVER:
		return _("the name is not known there");
	case PROBE_LOCAL:
		return _("that host's own side is at fault");
	case PROBE_UNREACHABLE:
		return _("no way leads here");
	case PROBE_FILTERED:
		return _("nothing comes back");
	case PROBE_REFUSED:
		return _("it is refused");
	case PROBE_REFUSED_FIREWALL:
		return _("a firewall refuses it");
	case PROBE_UNKNOWN:
		return _("it could not be found out");
	default:
		return _("a connection comes about, and then something is wrong");
	}
}

void check_add_via_proof(struct str *out, const struct check *check)
{
	static const char *const tools[] = {
		N_("there is neither minato, bash nor nc there for it"),
		N_("minato check asked there"),
		N_("bash asked there (/dev/tcp), which proves a connection, not who answers"),
		N_("nc asked there, which proves a connection, not who answers"),
	};
	char address[ADDR_TEXT_BYTES];
	if (check->seen.given == 0) {
		str_add(out, _("it did not answer"));
		return;
	}
	str_add(out, found_words(check_via_cause(check)));
	if (check->seen.host.family != ADDR_NONE) {
		str_printf(out, _(", as %s"), addr_format(&check->seen.host, address));
	}
	str_printf(out, "; %s", _(tools[check->seen.tool]));
}

void check_add_via(struct str *out, const struct check *check)
{
	if (check->via == NULL || check->has_way) {
		return;
	}
	check_add_label(out, _("outside"));
	text_escape(out, check->via);
	str_add(out, ": ");
	check_add_via_proof(out, check);
	str_add_char(out, '\n');
}

json_t *check_via_json(const struct check *check)
{
	static const char *const tools[] = { NULL, "minato", "bash", "nc" };
	char address[ADDR_TEXT_BYTES];
	const struct probe_via_answer *seen = &check->seen;
	if (check->via == NULL) {
		return json_null();
	}
	return json_pack(
		"{s:o,s:b,s:o,s:o,s:o}", "from", view_string(check->via), "answered", seen->given,
		"cause",
		seen->given == 0 ? json_null()
				 : json_string(probe_cause_name(check_via_cause(check))),
		"tool",
		seen->given == 0 || tools[seen->tool] == NULL ? json_null()
							      : json_string(tools[seen->tool]),
		"address",
		seen->host.family == ADDR_NONE ? json_null()
					       : json_string(addr_format(&seen->host, address)));
}
