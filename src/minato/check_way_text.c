/* The way to a port of this host, in words and for machines. */
#include <string.h>

#include "check.h"
#include "view/view.h"
#include "words.h"

enum { PLACE_COLUMNS = 17, STATE_COLUMNS = 9, LABEL_COLUMNS = 12, LINE_BYTES = 2048 };

/* {0} stands for detail, {1} for more. */
static const struct {
	const char *name, *words;
} bases[CHECK_BASES] = {
	[CHECK_LISTENS] = { "listens", N_("{0} listens on {1}") },
	[CHECK_LISTENS_INSIDE] = { "listens_on_loopback",
				   N_("{0} listens on {1} alone: only this host gets there") },
	[CHECK_LISTENS_NOBODY] = { "nobody_listens", N_("nothing listens there") },
	[CHECK_LISTENS_FULL] = { "queue_full",
				 N_("{0} listens on {1}, but its queue of connections is full") },
	[CHECK_LISTENS_UNSEEN] = { "not_seen", N_("the sockets could not be read") },
	[CHECK_RULES_LET_IN] = { "rules_let_in",
				 N_("lets in {0} through {1}, says the kernel in a copy of all "
				    "rules") },
	[CHECK_RULES_SEND_ON] = { "rules_send_on", N_("sends {0}, who comes through {1}, on to "
						      "somewhere else, says the "
						      "kernel in a copy of all rules") },
	[CHECK_RULES_END] = { "rules_end", N_("keeps out {0}: {1}") },
	[CHECK_RULES_DOUBT] = { "rules_doubt",
				N_("for {0} it depends on what a copy of the rules does not have: "
				   "{1}") },
	[CHECK_RULES_RIGHTS] = { "rules_need_root",
				 N_("the rules are for root to read: type it with sudo") },
	[CHECK_RULES_UNASKED] = { "rules_not_asked", N_("the rules could not be asked: {1}") },
	[CHECK_LAN_REACHED] = { "lan_reached", N_("neighbours reach it as {0} ({1})") },
	[CHECK_LAN_IF] = { "lan_if_rules_let_in",
			   N_("neighbours reach it as {0} ({1}), if the rules let them in") },
	[CHECK_LAN_NO_ADDRESS] = { "no_address", N_("this host has no address but loopback's") },
	[CHECK_LAN_NO_LINK] = { "no_link", N_("{1} has no link: see the cable or Wi-Fi") },
	[CHECK_ROUTER_NONE] = { "no_router",
				N_("no route leads out of the LAN, so nobody beyond it "
				   "gets an answer") },
	[CHECK_ROUTER_SILENT] = { "router_silent", N_("the router {1} does not answer") },
	[CHECK_ROUTER_PUBLIC] = { "public_address", N_("{0} is public: no NAT stands before it") },
	[CHECK_ROUTER_PRIVATE] = { "private_address",
				   N_("{0} is private (RFC 1918): it has to be forwarded by NAT, "
				      "as by "
				      "the router {1}; only its settings tell") },
	[CHECK_ROUTER_SHARED] = { "shared_address",
				  N_("{0} is shared by customers of a provider (RFC 6598): whoever "
				     "does NAT there has to forward it, which few do") },
	[CHECK_INTERNET_UNPROVEN] = { "unproven",
				      N_("nobody here can prove it; --via ssh:USER@HOST asks from "
					 "outside") },
	[CHECK_INTERNET_SEEN] = { "seen_from_outside", N_("{0} gets in: {1}") },
	[CHECK_INTERNET_UNSEEN] = { "not_seen_from_outside", N_("{0} does not get in: {1}") },
	[CHECK_INTERNET_UNTOLD] = { "outside_cannot_tell", N_("{0} cannot tell: {1}") },
};

static void fill(struct str *out, const char *words, const struct check_way_step *step)
{
	const struct message_argument arguments[] = {
		{ "0", step->detail[0] == '\0' ? _("something") : step->detail },
		{ "1", step->more }
	};
	message_fill(out, words, arguments, 2);
}

static void pad(struct str *out, const char *text, size_t columns)
{
	const size_t width = text_width(text);
	str_printf(out, "%s%*s", text, (int)(width < columns ? columns - width : 1), "");
}

static void add_place(struct str *out, const struct check_way_step *step, const char *place,
		      const struct context *context)
{
	static const char *const states[] = { N_("unknown"), N_("passes"), N_("ends here") };
	static const enum ink inks[] = { INK_NOTE, INK_GOOD, INK_BAD };
	enum { BEFORE = LABEL_COLUMNS + PLACE_COLUMNS + STATE_COLUMNS };
	struct str words = STR_INIT(LINE_BYTES);
	struct str wrapped = STR_INIT(2L * LINE_BYTES);
	pad(out, place, PLACE_COLUMNS);
	str_add(out, style_ink(&context->out_style, inks[step->state]));
	pad(out, _(states[step->state]), STATE_COLUMNS);
	str_add(out, style_ink(&context->out_style, INK_PLAIN));
	fill(&words, _(bases[step->basis].words), step);
	text_wrap(&wrapped, str_text(&words),
		  context->columns > BEFORE + 30 ? context->columns - BEFORE : 30, 0);
	for (const char *c = str_text(&wrapped); *c != '\0'; c++) {
		str_add_char(out, *c);
		if (*c == '\n') {
			str_printf(out, "%*s", BEFORE, "");
		}
	}
	str_add_char(out, '\n');
	str_deinit(&words);
	str_deinit(&wrapped);
}

void check_add_way(struct str *out, const struct check *check, const struct context *context)
{
	static const char *const places[] = { N_("program"), N_("host firewall"), N_("LAN"),
					      N_("router"), N_("Internet") };
	for (size_t i = 0; check->has_way && i < CHECK_PLACES; i++) {
		check_add_label(out, i == 0 ? _("way") : "");
		add_place(out, &check->way[i], _(places[i]), context);
	}
}

json_t *check_way_json(const struct check *check)
{
	static const char *const places[] = { "program", "host_firewall", "lan", "router",
					      "internet" };
	static const char *const states[] = { "unknown", "done", "refused" };
	json_t *way = check->has_way ? json_array() : json_null();
	for (size_t i = 0; check->has_way && i < CHECK_PLACES; i++) {
		const struct check_way_step *step = &check->way[i];
		json_array_append_new(
			way,
			json_pack("{s:s,s:s,s:s,s:o,s:o}", "place", places[i], "state",
				  states[step->state], "basis", bases[step->basis].name, "detail",
				  step->detail[0] == '\0' ? json_null() : view_string(step->detail),
				  "more",
				  step->more[0] == '\0' ? json_null() : view_string(step->more)));
	}
	return way;
}
