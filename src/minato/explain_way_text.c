/* How the way of a packet is told, to people and to machines. */
#include "explain_way_text.h"

#include <netinet/in.h>
#include <string.h>

#include "bans.h"
#include "view/view.h"
#include "words.h"

enum { LINE_MAX_BYTES = 64 * 1024 };

static bool is_banned(const struct way_told *told)
{
	return told->ban != NULL && told->ban->verdict == DEFEND_BAN;
}

bool way_reachable(const struct way_told *told)
{
	enum twin_outcome outcome = told->answer->outcome;
	if (is_banned(told)) {
		return false;
	}
	return outcome == TWIN_FORWARDED ||
	       (outcome == TWIN_ACCEPTED && told->listening != WAY_LISTENING_NOBODY);
}

static const char *protocol_word(const struct twin_packet *packet)
{
	return packet->protocol == IPPROTO_UDP ? "udp" : "tcp";
}

/* ---- The answer in a line ---- */

/* Proper names are the same in both languages. */
const char *way_owner_word(const char *owner)
{
	static const char *const names[][2] = {
		{ "docker", "Docker" },         { "podman", "Podman" },
		{ "kubernetes", "Kubernetes" }, { "tailscale", "Tailscale" },
		{ "crowdsec", "CrowdSec" },     { "nixos", "NixOS" },
		{ "wireguard", "WireGuard" },   { "shorewall", "Shorewall" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(owner, names[i][0]) == 0) {
			return names[i][1];
		}
	}
	return owner;
}

static const char *owner_of(const struct twin_answer *answer)
{
	bool known = answer->deciding != NULL && strcmp(answer->deciding->owner, "unknown") != 0;
	return known ? way_owner_word(answer->deciding->owner) : NULL;
}

/* One of two formats: by whom, or not. */
static void add_by(struct str *out, const char *by, const char *plain, const char *owner)
{
	if (owner != NULL) {
		str_printf(out, by, owner);
	} else {
		str_add(out, plain);
	}
}

static void add_forwarded(struct str *out, const struct twin_answer *answer)
{
	char target[ENDPOINT_TEXT_BYTES];
	endpoint_format(&answer->to, answer->port, target);
	str_printf(out, _("forwarded to %s through %s"), target, answer->interface);
}

static void add_outcome(struct str *out, const struct way_told *told)
{
	const struct twin_answer *answer = told->answer;
	const char *owner = owner_of(answer);
	switch (answer->outcome) {
	case TWIN_ACCEPTED:
		if (told->listening == WAY_LISTENING_NOBODY) {
			str_add(out, _("let in, but nothing listens there"));
		} else {
			add_by(out, _("let in by %s"), _("let in"), owner);
		}
		break;
	case TWIN_FORWARDED:
		add_forwarded(out, answer);
		break;
	case TWIN_DROPPED:
		add_by(out, _("dropped by %s"), _("dropped"), owner);
		break;
	case TWIN_REJECTED:
		add_by(out, _("rejected by %s"), _("rejected"), owner);
		break;
	case TWIN_UNROUTED:
		str_add(out, _("not delivered"));
		break;
	default:
		str_add(out, _("cannot be told"));
	}
}

static enum ink ink_of(const struct way_told *told)
{
	if (told->answer->outcome == TWIN_UNKNOWN && !is_banned(told)) {
		return INK_WARN;
	}
	return way_reachable(told) ? INK_GOOD : INK_BAD;
}

static void add_headline(struct str *out, const struct explain *explain,
			 const struct way_told *told)
{
	const struct twin_packet *packet = told->packet;
	char from[ADDR_TEXT_BYTES];
	char to[ADDR_TEXT_BYTES];
	struct str outcome = STR_INIT(LINE_MAX_BYTES);
	if (is_banned(told)) {
		str_add(&outcome, _("kept out before any rule"));
	} else {
		add_outcome(&outcome, told);
	}
	str_printf(out, _("%u/%s on %s from %s through %s: "), packet->port, protocol_word(packet),
		   addr_format(&packet->to, to), addr_format(&packet->from, from),
		   packet->interface);
	str_printf(out, "%s%s%s\n", style_ink(&explain->context->out_style, ink_of(told)),
		   str_text(&outcome), style_ink(&explain->context->out_style, INK_PLAIN));
	str_deinit(&outcome);
}

/* ---- Why ---- */

const char *way_cause_sentence(enum twin_cause cause)
{
	switch (cause) {
	case TWIN_CAUSE_NONE:
		return N_("no rule stands in its way");
	case TWIN_CAUSE_UNTRACED:
		return N_("something that leaves no trace: probably rules of iptables-legacy");
	case TWIN_CAUSE_DOWN:
		return N_("the interface is down");
	case TWIN_CAUSE_NO_ROUTE:
		return N_("no route leads to that address");
	case TWIN_CAUSE_REVERSE_PATH:
		return N_("the answer would leave through another interface (rp_filter)");
	case TWIN_CAUSE_SOURCE:
		return N_("no packet from that address may come in from outside");
	case TWIN_CAUSE_TARGET:
		return N_("loopback addresses cannot be reached from outside");
	case TWIN_CAUSE_NO_FORWARD:
		return N_("the address is not this host's, and it forwards nothing (ip_forward)");
	case TWIN_CAUSE_ABSENT:
		return N_("there is no such interface, or it belongs to a bond");
	default:
		return NULL;
	}
}

void way_add_deciding(struct str *out, const struct twin_step *step)
{
	str_printf(out, "%s %s, ", step->family, step->table);
	if (step->policy) {
		str_printf(out, _("chain %s, policy %s"), step->chain,
			   twin_verdict_name(step->verdict));
		return;
	}
	if (step->handle != 0) {
		str_printf(out, _("chain %s, rule %llu: "), step->chain,
			   (unsigned long long)step->handle);
	} else {
		str_printf(out, _("chain %s: "), step->chain);
	}
	text_escape(out, step->rule);
}

const char *way_doubt_sentence(enum twin_doubt_kind kind)
{
	static const char *const sentences[] = {
		[TWIN_DOUBT_SOCKET] = N_("a rule asks for the socket: %s"),
		[TWIN_DOUBT_CGROUP] = N_("a rule asks for a control group: %s"),
		[TWIN_DOUBT_OWNER] = N_("a rule asks for the user of a socket: %s"),
		[TWIN_DOUBT_RATE] = N_("a rule counts or throws dice: %s"),
		[TWIN_DOUBT_LEARNED] = N_("a rule remembers who was here: %s"),
		[TWIN_DOUBT_PROGRAM] = N_("a program decides: %s"),
		[TWIN_DOUBT_OFFLOAD] = N_("a flowtable carries connections past the rules: %s"),
		[TWIN_DOUBT_DEVICE] = N_("a rule asks of what kind an interface is: %s"),
		[TWIN_DOUBT_IPSEC] = N_("a rule asks for IPsec: %s"),
		[TWIN_DOUBT_TABLE] = N_("a table could not be loaded: %s"),
		[TWIN_DOUBT_INTERFACE] = N_("an interface could not be copied: %s"),
		[TWIN_DOUBT_ROUTES] = N_("routes that could not be copied: %s"),
		[TWIN_DOUBT_SETTING] = N_("a setting could not be copied: %s"),
		[TWIN_DOUBT_STEPS] = N_("the way is too long to be shown whole%s"),
		[TWIN_DOUBT_LOST] = N_("the kernel lost a part of its trace%s"),
	};
	return sentences[kind];
}

static void add_doubts(struct str *out, const struct explain *explain,
		       const struct twin_doubt *doubts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str sentence = STR_INIT(LINE_MAX_BYTES);
		struct str detail = STR_INIT(LINE_MAX_BYTES);
		text_escape(&detail, doubts[i].detail);
		str_printf(&sentence, _(way_doubt_sentence(doubts[i].kind)), str_text(&detail));
		explain_row(out, explain, _("not proven"), str_text(&sentence));
		str_deinit(&detail);
		str_deinit(&sentence);
	}
}

static void add_reasons(struct str *out, const struct explain *explain, const struct way_told *told)
{
	const struct twin_answer *answer = told->answer;
	struct str line = STR_INIT(LINE_MAX_BYTES);
	if (answer->deciding != NULL) {
		way_add_deciding(&line, answer->deciding);
		explain_row(out, explain, _("decided by"), str_text(&line));
	} else if (way_cause_sentence(answer->cause) != NULL) {
		explain_row(out, explain, _("reason"), _(way_cause_sentence(answer->cause)));
	}
	if (answer->outcome == TWIN_REJECTED) {
		explain_row(out, explain, _("sender hears"), answer->reject);
	}
	str_deinit(&line);
	add_doubts(out, explain, answer->doubts.items, answer->doubts.count);
	add_doubts(out, explain, told->doubts, told->doubt_count);
}

/* ---- The way ---- */

static void add_step(struct table *table, const struct twin_step *step)
{
	table_cell(table, INK_DIM, step->hook);
	table_printf(table, INK_PLAIN, "%s %s", step->family, step->table);
	table_cell(table, INK_PLAIN, step->chain);
	table_printf(table, INK_PLAIN, "%s%s%s", twin_verdict_name(step->verdict),
		     step->target[0] != '\0' ? " " : "", step->target);
	table_cell(table, INK_PLAIN, step->policy ? _("(policy)") : step->rule);
}

static void add_way(struct str *out, const struct explain *explain,
		    const struct twin_answer *answer)
{
	const struct table_column columns[] = {
		{ _("HOOK"), ALIGN_LEFT, 0, 0 },   { _("TABLE"), ALIGN_LEFT, 8, 24 },
		{ _("CHAIN"), ALIGN_LEFT, 8, 28 }, { _("DOES"), ALIGN_LEFT, 8, 30 },
		{ _("RULE"), ALIGN_LEFT, 16, 0 },
	};
	struct table table;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < answer->steps.count; i++) {
		add_step(&table, &answer->steps.items[i]);
	}
	if (answer->steps.count > 0) {
		str_add_char(out, '\n');
		(void)table_render(out, &table, explain->context->columns,
				   &explain->context->out_style); /* kept in out->error */
	}
	table_deinit(&table);
}

/* The tap comes before every rule, and the twin knows nothing of it. */
static void add_ban(struct str *out, const struct explain *explain, const struct way_told *told)
{
	struct str text = STR_INIT(LINE_MAX_BYTES);
	if (told->ban != NULL) {
		bans_add_rest(&text, told->bans, told->ban);
		explain_row_inked(out, explain, _("kept out"), is_banned(told) ? INK_BAD : INK_WARN,
				  bans_verdict_words(told->ban->verdict), str_text(&text));
	}
	if (is_banned(told)) {
		str_clear(&text);
		add_outcome(&text, told);
		explain_row(out, explain, _("otherwise"), str_text(&text));
	}
	str_deinit(&text);
}

void way_reasons(struct str *out, const struct explain *explain, const struct way_told *told)
{
	add_reasons(out, explain, told);
	add_way(out, explain, told->answer);
}

void way_outcome(struct str *out, const struct way_told *told)
{
	add_outcome(out, told);
}

void way_text(struct str *out, const struct explain *explain, const struct way_told *told)
{
	add_headline(out, explain, told);
	add_ban(out, explain, told);
	way_reasons(out, explain, told);
}

/* ---- For machines ---- */

json_t *way_step_json(const struct twin_step *step)
{
	if (step == NULL) {
		return json_null();
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:s, s:b}", "hook", step->hook,
			 "family", step->family, "table", view_string(step->table), "chain",
			 view_string(step->chain), "rule", view_string(step->rule), "handle",
			 step->handle != 0 ? json_integer((json_int_t)step->handle) : json_null(),
			 "verdict", twin_verdict_name(step->verdict), "target",
			 view_string(step->target), "owner", step->owner, "policy", step->policy);
}

static json_t *listening_json(enum way_listening listening)
{
	return listening == WAY_LISTENING_UNKNOWN ? json_null()
						  : json_boolean(listening == WAY_LISTENING);
}

static void add_doubts_json(json_t *list, const struct twin_doubt *doubts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(list, json_pack("{s:s, s:o}", "kind",
						      twin_doubt_name(doubts[i].kind), "detail",
						      view_string(doubts[i].detail)));
	}
}

json_t *way_json(const struct way_told *told)
{
	const struct twin_packet *packet = told->packet;
	const struct twin_answer *answer = told->answer;
	char from[ADDR_TEXT_BYTES];
	char to[ADDR_TEXT_BYTES];
	char target[ADDR_TEXT_BYTES];
	json_t *steps = json_array();
	json_t *doubts = json_array();
	for (size_t i = 0; i < answer->steps.count; i++) {
		json_array_append_new(steps, way_step_json(&answer->steps.items[i]));
	}
	add_doubts_json(doubts, answer->doubts.items, answer->doubts.count);
	add_doubts_json(doubts, told->doubts, told->doubt_count);
	return json_pack(
		"{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:{s:s, s:i, s:o}, s:o, s:o, "
		"s:o, s:o, s:b, s:o}",
		"protocol", protocol_word(packet), "port", packet->port, "address",
		addr_format(&packet->to, to), "source", addr_format(&packet->from, from),
		"interface", packet->interface, "outcome", twin_outcome_name(answer->outcome),
		"cause", twin_cause_name(answer->cause), "reachable", way_reachable(told),
		"listening", listening_json(told->listening), "target", "address",
		addr_format(&answer->to, target), "port", answer->port, "interface",
		view_string(answer->interface), "reject", view_string(answer->reject), "deciding",
		way_step_json(answer->deciding), "steps", steps, "not_proven", doubts, "bans_known",
		told->bans != NULL, "ban",
		told->ban == NULL ? json_null() : bans_json(told->bans, told->ban));
}
