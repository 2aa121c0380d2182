/* Where rules of other tools contradict the policy. */
#include <stdio.h>
#include <string.h>

#include "enforce/access.h"

static const enum protocol protocols[ENFORCE_PROTOCOLS] = { PROTOCOL_TCP, PROTOCOL_UDP,
							    PROTOCOL_SCTP, PROTOCOL_DCCP,
							    PROTOCOL_UDPLITE };

/* -1 = it has no ports. */
static int place_of(enum protocol protocol)
{
	for (int i = 0; i < ENFORCE_PROTOCOLS; i++) {
		if (protocols[i] == protocol) {
			return i;
		}
	}
	return -1;
}

/* ---- what a policy opens ---- */

static bool opens(const struct access *access, const struct door *door)
{
	bool any = door->open;
	for (uint32_t i = 0; !any && i < door->gate_count; i++) {
		const uint32_t gate = access->gates_of_doors.items[door->first_gate + i];
		any = !access->gates.items[gate].closed;
	}
	return any;
}

/* A run of ports: those of a door, or without one those that nobody declared. */
static void add_run(struct enforce_ports *out, int protocol, uint32_t first, uint32_t last,
		    bool open, bool wide, bool observed)
{
	if (first > last) {
		return;
	}
	if (open) {
		portset_add_range(&out->open[protocol], (uint16_t)first, (uint16_t)last);
	}
	if (wide) {
		portset_add_range(&out->wide[protocol], (uint16_t)first, (uint16_t)last);
	}
	if (observed) {
		portset_add_range(&out->passing[protocol], (uint16_t)first, (uint16_t)last);
	}
}

static void add_protocol(struct enforce_ports *out, const struct access *access,
			 const struct policy *policy, int protocol)
{
	const bool accepted = policy->defaults.inbound == POLICY_ACCEPT;
	const bool observed = !accepted && policy_observes(policy, NULL);
	uint32_t next = 0;
	for (size_t i = 0; i < access->openings.count; i++) {
		const struct opening *o = &access->openings.items[i];
		const struct door *door = &access->doors.items[o->door];
		if (o->protocol != protocols[protocol]) {
			continue;
		}
		add_run(out, protocol, next, (uint32_t)o->first - 1, accepted, accepted, observed);
		add_run(out, protocol, o->first, o->last, opens(access, door), door->open,
			door->observed);
		next = (uint32_t)o->last + 1;
	}
	add_run(out, protocol, next, UINT16_MAX, accepted, accepted, observed);
}

int enforce_ports(struct enforce_ports *out, const struct policy *policy,
		  const struct enforce_environment *environment, struct err *e)
{
	struct access access;
	memset(out, 0, sizeof(*out));
	int r = access_make(&access, policy, ENFORCE_INBOUND, environment, e);
	for (int i = 0; r == 0 && i < ENFORCE_PROTOCOLS; i++) {
		add_protocol(out, &access, policy, i);
	}
	for (size_t i = 0; r == 0 && i < access.gates.count; i++) {
		const usec_t left = access.gates.items[i].left;
		const usec_t end = environment->now + left;
		out->until = left > 0 && (out->until == 0 || end < out->until) ? end : out->until;
	}
	access_deinit(&access);
	return r;
}

bool enforce_has_ended(const struct policy_declaration *declaration,
		       const struct enforce_environment *environment)
{
	return access_left(declaration, environment) < 0;
}

/* ---- what a rule does against it ---- */

/* Whether the policy closes the port to everybody. */
static bool is_closed(const struct enforce_ports *ports, int protocol, uint16_t port)
{
	return port != 0 && !portset_has(&ports->open[protocol], port);
}

static enum contradiction_kind judge_accept(const struct enforce_ports *ports, int protocol,
					    uint16_t port)
{
	return !is_closed(ports, protocol, port)              ? 0
	       : portset_has(&ports->passing[protocol], port) ? CONTRADICTION_OPENS
							      : CONTRADICTION_IN_VAIN;
}

/* Who may ask for the one port gets to the other. */
static enum contradiction_kind judge_redirect(const struct enforce_ports *ports, int protocol,
					      uint16_t port, uint16_t target)
{
	const bool asked = portset_has(&ports->open[protocol], port) ||
			   portset_has(&ports->passing[protocol], port);
	const bool wider = portset_has(&ports->wide[protocol], port) &&
			   !portset_has(&ports->wide[protocol], target);
	const bool passing = portset_has(&ports->passing[protocol], target);
	return asked && port != target && !passing && (is_closed(ports, protocol, target) || wider)
		       ? CONTRADICTION_OPENS
		       : 0;
}

static enum contradiction_kind judge(const struct enforce_ports *ports, int protocol,
				     const struct foreign_rule *rule, uint16_t port)
{
	switch (rule->kind) {
	case FOREIGN_ACCEPT:
		return judge_accept(ports, protocol, port);
	case FOREIGN_REFUSE:
		return portset_has(&ports->open[protocol], port) && port != 0 ? CONTRADICTION_CLOSES
									      : 0;
	case FOREIGN_REDIRECT:
		return judge_redirect(ports, protocol, port, rule->target_port);
	case FOREIGN_EXPECT:
		return is_closed(ports, protocol, port) ? CONTRADICTION_OPENS : 0;
	case FOREIGN_AROUND:
	case FOREIGN_UNCLEAR:
		break;
	}
	return CONTRADICTION_OPENS;
}

/* What everybody may ask for when nothing is declared is no contradiction port by port. */
static bool is_whole(const struct enforce_ports *ports, int protocol, uint32_t first, uint32_t last)
{
	for (uint32_t port = first; port <= last; port++) {
		if (!portset_has(&ports->wide[protocol], (uint16_t)port)) {
			return false;
		}
	}
	return last - first >= UINT16_MAX - 1;
}

bool enforce_contradicts(struct contradiction *out, const struct enforce_ports *ports,
			 const struct foreign_rule *rule)
{
	const int protocol = place_of(rule->protocol);
	*out = (struct contradiction){ .protocol = rule->protocol };
	if (rule->kind == FOREIGN_AROUND || rule->kind == FOREIGN_UNCLEAR) {
		out->kind =
			rule->kind == FOREIGN_AROUND ? CONTRADICTION_OPENS : CONTRADICTION_UNCLEAR;
		out->last_port = UINT16_MAX;
		return true;
	}
	for (uint32_t port = rule->first_port; protocol >= 0 && port <= rule->last_port; port++) {
		const enum contradiction_kind kind = judge(ports, protocol, rule, (uint16_t)port);
		if (kind == 0 || (out->kind != 0 && kind != out->kind)) {
			if (out->kind != 0) {
				break;
			}
			continue;
		}
		out->first_port = out->kind == 0 ? (uint16_t)port : out->first_port;
		out->kind = kind;
		out->last_port = (uint16_t)port;
	}
	if (out->kind != 0 && rule->kind == FOREIGN_REDIRECT) {
		out->through_port = out->first_port;
		out->first_port = out->last_port = rule->target_port;
	}
	return out->kind != 0 && !is_whole(ports, protocol, out->first_port, out->last_port);
}

/* ---- what nft prints of it ---- */

/* The line after the one at `line`. */
static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line == '\n' ? line + 1 : line;
}

static const char *find_line(const char *from, const char *end, const char *wanted)
{
	for (; *from != '\0' && from != end; from = next_line(from)) {
		if (strncmp(from, wanted, strlen(wanted)) == 0) {
			return from;
		}
		if (end == NULL && from[0] == '}') {
			return NULL;
		}
	}
	return NULL;
}

bool enforce_foreign_text(struct str *out, const char *text, const struct foreign_rule *rule)
{
	char wanted[600];
	(void)snprintf(wanted, sizeof(wanted), "table %s %s {", rule->family, rule->table);
	const char *line = find_line(text, text + strlen(text), wanted);
	(void)snprintf(wanted, sizeof(wanted), "\tchain %s {", rule->chain);
	line = line == NULL ? NULL : find_line(next_line(line), NULL, wanted);
	int32_t place = FOREIGN_POLICY;
	for (line = line == NULL ? "" : next_line(line); strncmp(line, "\t\t", 2) == 0;
	     line = next_line(line)) {
		const bool head = strncmp(line, "\t\ttype ", 7) == 0;
		/* Long ones go on in lines that begin further in. */
		const bool rules =
			!head && line[2] != '\t' && strncmp(line, "\t\tcomment ", 10) != 0;
		place += rules;
		if (rule->rule == FOREIGN_POLICY ? head : rules && place == rule->rule) {
			return str_add_bytes(out, line + 2, strcspn(line + 2, "\n")) == 0;
		}
	}
	return false;
}
