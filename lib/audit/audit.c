/* What a sweep found, held against what is declared of that address. */
#include "audit/audit.h"

#include <errno.h>
#include <string.h>

/* ---- what is declared ---- */

static bool has_run_out(const struct policy_declaration *declaration, int64_t today)
{
	return declaration->until != POLICY_NO_DATE && declaration->until < today;
}

/* Whether it lets in who asks. Who is told by other than an address may be anybody. */
static bool lets_in(const struct audit_declared *declared, const struct policy_declaration *d)
{
	if (declared->own || declared->from.family == ADDR_NONE ||
	    policy_from_has(declared->policy, d, &declared->from)) {
		return true;
	}
	for (size_t i = 0; i < d->from.count; i++) {
		const struct policy_from *from = &d->from.items[i];
		if (from->kind == POLICY_FROM_WHO &&
		    !policy_who_located(&declared->policy->who.items[from->who])) {
			return true;
		}
	}
	return false;
}

/* The one that lets in who asks, else the first. */
static const struct policy_declaration *find(const struct audit_declared *declared,
					     enum protocol protocol, uint16_t port, bool *let_in)
{
	const struct policy_declaration *first = NULL;
	*let_in = false;
	for (size_t i = 0; i < declared->count; i++) {
		const struct policy_declaration *d = &declared->items[i];
		if (has_run_out(d, declared->today) || !policy_names_port(d, protocol, port)) {
			continue;
		}
		if (lets_in(declared, d)) {
			*let_in = true;
			return d;
		}
		first = first == NULL ? d : first;
	}
	return first;
}

void audit_declared_ports(struct portset *out, enum protocol protocol,
			  const struct audit_declared *declared)
{
	for (size_t i = 0; i < declared->count; i++) {
		const struct policy_declaration *d = &declared->items[i];
		for (size_t k = 0; k < d->ports.count && !has_run_out(d, declared->today); k++) {
			const struct policy_ports *ports = &d->ports.items[k];
			if (protocol_registry(ports->protocol) == protocol) {
				portset_add_range(out, ports->first, ports->last);
			}
		}
	}
}

/* ---- comparing ---- */

static enum audit_verdict judge_declared(enum sweep_state state, enum protocol protocol,
					 bool let_in)
{
	switch (state) {
	case SWEEP_OPEN:
		return let_in ? AUDIT_IN_ORDER : AUDIT_OTHERS_ONLY;
	case SWEEP_CLOSED:
		return let_in ? AUDIT_CLOSED : AUDIT_IN_ORDER;
	case SWEEP_HELD:
		return AUDIT_UNKNOWN;
	case SWEEP_SILENT:
		return !let_in                    ? AUDIT_IN_ORDER
		       : protocol == PROTOCOL_UDP ? AUDIT_UNKNOWN
						  : AUDIT_FILTERED;
	case SWEEP_REJECTED:
		return let_in ? AUDIT_FILTERED : AUDIT_IN_ORDER;
	default:
		return AUDIT_NOT_ASKED;
	}
}

/* @return whether there is something to say. */
static bool judge(struct audit_row *row, enum protocol protocol,
		  const struct audit_declared *declared)
{
	bool let_in = false;
	row->declaration =
		declared->policy == NULL ? NULL : find(declared, protocol, row->port, &let_in);
	if (row->declaration != NULL) {
		row->verdict = judge_declared(row->state, protocol, let_in);
		return true;
	}
	if (row->state == SWEEP_HELD) {
		row->verdict = AUDIT_UNKNOWN;
		return true;
	}
	row->verdict = declared->policy == NULL ? AUDIT_NOT_COMPARED : AUDIT_UNDECLARED;
	return row->state == SWEEP_OPEN;
}

size_t audit_compare(struct audit_row *out, size_t room, const uint8_t *states,
		     enum protocol protocol, const struct portset *asked,
		     const struct audit_declared *declared)
{
	size_t count = 0;
	for (int32_t port = portset_next(asked, 1); port >= 0 && count < room;
	     port = portset_next(asked, (uint32_t)port + 1)) {
		struct audit_row row = { .port = (uint16_t)port,
					 .state = (enum sweep_state)states[port] };
		if (judge(&row, protocol, declared)) {
			out[count++] = row;
		}
	}
	return count;
}

/* ---- words ---- */

const char *audit_verdict_name(enum audit_verdict verdict)
{
	static const char *const names[AUDIT_VERDICTS] = {
		[AUDIT_IN_ORDER] = "in_order",
		[AUDIT_UNDECLARED] = "open_undeclared",
		[AUDIT_OTHERS_ONLY] = "open_for_others_only",
		[AUDIT_CLOSED] = "declared_closed",
		[AUDIT_FILTERED] = "declared_filtered",
		[AUDIT_UNKNOWN] = "unknown",
		[AUDIT_NOT_COMPARED] = "not_compared",
		[AUDIT_NOT_ASKED] = "not_asked",
	};
	return names[verdict];
}

bool audit_differs(enum audit_verdict verdict)
{
	return verdict == AUDIT_UNDECLARED || verdict == AUDIT_OTHERS_ONLY ||
	       verdict == AUDIT_CLOSED || verdict == AUDIT_FILTERED;
}

int audit_parse_ports(struct portset *out, const char *text)
{
	struct portset read = { 0 };
	const int r = portset_parse(&read, text);
	if (r < 0) {
		return r;
	}
	if (portset_count(&read) == 0 || portset_has(&read, 0)) {
		return -EINVAL;
	}
	*out = read;
	return 0;
}
