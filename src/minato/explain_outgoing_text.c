/* How it is told whether a program of this host may connect somewhere. */
#include "explain_outgoing_text.h"

#include "guard/guard.h"
#include "view/view.h"
#include "words.h"

enum { LINE_MAX_BYTES = 64 * 1024 };

static bool kernel_lets(const struct outgoing_told *told)
{
	return told->way == NULL || told->way->answer->outcome == TWIN_FORWARDED ||
	       told->way->answer->outcome == TWIN_UNKNOWN;
}

bool outgoing_goes(const struct outgoing_told *told)
{
	return told->verdict == ENFORCE_OPEN && kernel_lets(told);
}

/* ---- the answer in a line ---- */

static void add_who(struct str *out, const struct outgoing_told *told)
{
	if (told->user != NULL) {
		str_add(out, _(" as user "));
		text_escape(out, told->user);
	}
	if (told->unit != NULL) {
		str_add(out, _(" of unit "));
		text_escape(out, told->unit);
	}
}

static void add_verdict(struct str *out, const struct outgoing_told *told)
{
	switch (told->verdict) {
	case ENFORCE_OPEN:
		if (kernel_lets(told)) {
			str_add(out, _("may go"));
		} else {
			way_outcome(out, told->way);
		}
		break;
	case ENFORCE_CLOSED:
		str_add(out, _("refused"));
		break;
	default:
		str_add(out, _("depends on who it is"));
	}
}

static void add_headline(struct str *out, const struct explain *explain,
			 const struct outgoing_told *told)
{
	const struct enforce_outgoing *packet = told->packet;
	const struct style *style = &explain->context->out_style;
	char to[ADDR_TEXT_BYTES];
	struct str who = STR_INIT(LINE_MAX_BYTES);
	struct str verdict = STR_INIT(LINE_MAX_BYTES);
	add_who(&who, told);
	add_verdict(&verdict, told);
	const enum ink ink = told->verdict == ENFORCE_DEPENDS ? INK_WARN
			     : outgoing_goes(told)            ? INK_GOOD
							      : INK_BAD;
	str_printf(out, _("%u/%s to %s%s: "), packet->port, protocol_name(packet->protocol),
		   addr_format(&packet->to, to), str_text(&who));
	str_printf(out, "%s%s%s\n", style_ink(style, ink), str_text(&verdict),
		   style_ink(style, INK_PLAIN));
	str_deinit(&who);
	str_deinit(&verdict);
}

/* ---- what the policy says ---- */

static const char *part_sentence(enum enforce_condition part, enum enforce_verdict verdict)
{
	static const char *const sentences[][2] = {
		[ENFORCE_CONDITION_NONE] = { N_("fits"), N_("fits") },
		[ENFORCE_CONDITION_PORT] = { NULL, NULL },
		[ENFORCE_CONDITION_DATE] = { N_("its last day is over"),
					     N_("its last day is over") },
		[ENFORCE_CONDITION_TO] = { N_("not to that address"),
					   N_("depends on the interface it goes out by") },
		[ENFORCE_CONDITION_USER] = { N_("for another user"),
					     N_("depends on the user: say --as USER") },
		[ENFORCE_CONDITION_PROGRAM] = { N_("for another program"),
						N_("depends on the program: say --unit UNIT, where "
						   "it "
						   "asks for one") },
	};
	return sentences[part][verdict == ENFORCE_DEPENDS];
}

static void add_declaration(struct str *out, const struct explain *explain,
			    const struct outgoing_told *told, const struct policy_declaration *d)
{
	enum enforce_condition part = ENFORCE_CONDITION_NONE;
	const enum enforce_verdict verdict =
		enforce_fits_outgoing(told->policy, d, told->packet, &told->environment, &part);
	if (part == ENFORCE_CONDITION_PORT) {
		return;
	}
	/* What other rules refuse is decided there, whatever is declared. */
	const bool decides = told->by == d && kernel_lets(told);
	struct str line = STR_INIT(LINE_MAX_BYTES);
	struct str words = STR_INIT(LINE_MAX_BYTES);
	str_printf(&line, "%s: %s", d->entry.name, _(part_sentence(part, verdict)));
	guard_declaration_format(&words, told->policy, d);
	str_printf(&line, _(" (for %s; \"%s\", owner %s)"), str_text(&words), d->purpose,
		   d->owner ?: "-");
	explain_row(out, explain, decides ? _("decided by") : _("declared"), str_text(&line));
	str_deinit(&words);
	str_deinit(&line);
}

static bool is_declared(const struct outgoing_told *told)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	guard_outbound_format(&words, told->policy, told->packet->protocol, told->packet->port);
	const bool any = words.length > 0;
	str_deinit(&words);
	return any;
}

static void add_policy(struct str *out, const struct explain *explain,
		       const struct outgoing_told *told)
{
	char text[256];
	if (told->policy == NULL) {
		explain_row(out, explain, _("policy"), _("no rules of minato hold here"));
		return;
	}
	if (!told->confirmed) {
		explain_row(out, explain, _("policy"),
			    _("that of the file; as root the one that holds is asked"));
	}
	if (!enforce_limits_outbound(told->policy)) {
		explain_row(out, explain, _("policy"), _("it limits nothing that goes out"));
		return;
	}
	for (size_t i = 0; i < told->policy->outbound.count; i++) {
		add_declaration(out, explain, told, &told->policy->outbound.items[i]);
	}
	if (!is_declared(told)) {
		(void)snprintf(text, sizeof(text),
			       _("nobody declared the port; defaults: {outbound: %s}"),
			       policy_verdict_name(told->policy->defaults.outbound));
		explain_row(out, explain, _("decided by"), text);
	}
	if (told->kept_lost) {
		explain_row_inked(out, explain, _("but"), INK_WARN, "",
				  _("ports are not kept for their programs just now: sudo minato "
				    "apply"));
	}
}

/* ---- what the kernel says ---- */

static void add_kernel(struct str *out, const struct explain *explain,
		       const struct outgoing_told *told)
{
	static const char *const unasked[] = {
		[OUTGOING_RIGHTS] = N_("not asked about other rules: that takes root"),
		[OUTGOING_FAILED] = N_("could not be asked about other rules: see above"),
		[OUTGOING_TO_ITSELF] = N_("what this host sends to itself is not held back"),
	};
	if (told->way == NULL) {
		explain_row(out, explain, _("kernel"), _(unasked[told->unasked]));
		return;
	}
	struct str line = STR_INIT(LINE_MAX_BYTES);
	if (told->way->answer->outcome == TWIN_FORWARDED) {
		str_printf(&line, _("the packet filter lets it leave through %s"),
			   told->way->answer->interface);
	} else {
		str_add(&line, _("the packet filter: "));
		way_outcome(&line, told->way);
	}
	explain_row(out, explain, _("kernel"), str_text(&line));
	str_deinit(&line);
	way_reasons(out, explain, told->way);
}

void outgoing_text(struct str *out, const struct explain *explain, const struct outgoing_told *told)
{
	add_headline(out, explain, told);
	add_policy(out, explain, told);
	add_kernel(out, explain, told);
}

/* ---- for machines ---- */

static json_t *declarations_json(const struct outgoing_told *told)
{
	static const char *const parts[] = {
		[ENFORCE_CONDITION_NONE] = NULL,   [ENFORCE_CONDITION_PORT] = "port",
		[ENFORCE_CONDITION_DATE] = "date", [ENFORCE_CONDITION_TO] = "destination",
		[ENFORCE_CONDITION_USER] = "user", [ENFORCE_CONDITION_PROGRAM] = "program",
	};
	static const char *const verdicts[] = {
		[ENFORCE_OPEN] = "open", [ENFORCE_CLOSED] = "closed", [ENFORCE_DEPENDS] = "depends"
	};
	json_t *list = json_array();
	for (size_t i = 0; told->policy != NULL && i < told->policy->outbound.count; i++) {
		const struct policy_declaration *d = &told->policy->outbound.items[i];
		enum enforce_condition part = ENFORCE_CONDITION_NONE;
		const enum enforce_verdict verdict = enforce_fits_outgoing(
			told->policy, d, told->packet, &told->environment, &part);
		struct str words = STR_INIT(LINE_MAX_BYTES);
		guard_declaration_format(&words, told->policy, d);
		if (part != ENFORCE_CONDITION_PORT) {
			json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}",
							      "declaration", d->entry.name,
							      "verdict", verdicts[verdict], "part",
							      view_string(parts[part]), "program",
							      view_string(str_text(&words)),
							      "purpose", view_string(d->purpose),
							      "owner", view_string(d->owner)));
		}
		str_deinit(&words);
	}
	return list;
}

json_t *outgoing_json(const struct outgoing_told *told)
{
	static const char *const verdicts[] = {
		[ENFORCE_OPEN] = "open", [ENFORCE_CLOSED] = "closed", [ENFORCE_DEPENDS] = "depends"
	};
	const struct enforce_outgoing *packet = told->packet;
	char to[ADDR_TEXT_BYTES];
	return json_pack(
		"{s:s, s:i, s:s, s:o, s:o, s:o, s:s, s:b, s:o, s:o, s:b, s:b, s:o}", "protocol",
		protocol_name(packet->protocol), "port", packet->port, "destination",
		addr_format(&packet->to, to), "interface", view_string(packet->interface), "user",
		view_string(told->user), "unit", view_string(told->unit), "verdict",
		verdicts[told->verdict], "confirmed", told->confirmed, "declaration",
		view_string(told->by == NULL ? NULL : told->by->entry.name), "declarations",
		declarations_json(told), "programs_lost", told->kept_lost, "goes",
		outgoing_goes(told), "way", told->way == NULL ? json_null() : way_json(told->way));
}
