/* Whether other rules of this host let in whom the policy lets in: proven by the kernel, in a copy
 * of the whole packet filter, before the host is touched. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "rules.h"
#include "twin/twin.h"
#include "words.h"

enum { PACKETS_MAX = 64 };

struct proving {
	struct proof *proof;
	const struct policy *policy;
	struct enforce_environment environment;
	struct twin *twin;
};

static void host_freep(struct twin_host **host)
{
	(void)twin_host_free(*host); /* always NULL */
}

static void twin_freep(struct twin **twin)
{
	(void)twin_free(*twin); /* always NULL */
}

/* ---- one packet ---- */

static bool is_ours(const struct twin_step *step)
{
	return step != NULL && step->table != NULL && strcmp(step->table, "minato") == 0;
}

static void describe_rule(char *out, size_t room, const struct twin_answer *answer)
{
	const struct twin_step *step = answer->deciding;
	if (step == NULL) {
		(void)snprintf(out, room, "%s", twin_cause_name(answer->cause));
		return;
	}
	(void)snprintf(out, room, "%s: %s, %s: %s", twin_owner(step->table, step->chain),
		       step->table ?: "?", step->chain ?: "?", step->rule ?: "policy");
}

static int object(struct proving *p, const struct twin_packet *packet,
		  const struct twin_answer *answer, bool mine)
{
	char address[ADDR_TEXT_BYTES];
	struct objection *objection = vec_push(&p->proof->list);
	if (objection == NULL) {
		return -ENOMEM;
	}
	(void)snprintf(objection->packet, sizeof(objection->packet), _("%u/%s from %s"),
		       packet->port, packet->protocol == IPPROTO_UDP ? "udp" : "tcp",
		       addr_format(&packet->from, address));
	describe_rule(objection->rule, sizeof(objection->rule), answer);
	objection->mine = mine;
	p->proof->mine = p->proof->mine || mine;
	return 0;
}

/* Only those that the policy itself lets in: what it refuses is no contradiction. */
static int ask(struct proving *p, const struct twin_packet *packet, bool mine)
{
	const struct enforce_packet same = {
		.protocol = packet->protocol == IPPROTO_UDP ? PROTOCOL_UDP : PROTOCOL_TCP,
		.port = packet->port,
		.from = packet->from,
		.interface = packet->interface,
	};
	if (p->proof->asked >= PACKETS_MAX ||
	    enforce_decide(p->policy, &same, &p->environment, NULL) != ENFORCE_OPEN) {
		return 0;
	}
	struct twin_answer answer;
	struct err e = ERR_INIT;
	int r = twin_probe(p->twin, packet, &answer, &e);
	if (r == 0) {
		p->proof->asked++;
		const bool refused =
			answer.outcome == TWIN_DROPPED || answer.outcome == TWIN_REJECTED;
		r = refused && !is_ours(answer.deciding) ? object(p, packet, &answer, mine) : 0;
	}
	twin_answer_deinit(&answer);
	return r == -EINVAL ? 0 : r; /* a packet that cannot be: nothing to prove */
}

static int ask_from(struct proving *p, const struct addr *from, enum protocol protocol,
		    uint16_t port)
{
	struct twin_packet packet = {
		.protocol = protocol == PROTOCOL_UDP ? IPPROTO_UDP : IPPROTO_TCP,
		.from = *from,
		.port = port,
	};
	/* From where no route leads nobody comes. */
	return twin_way(packet.interface, &packet.to, from, NULL) < 0 ? 0 : ask(p, &packet, false);
}

/* ---- which packets ---- */

static int ask_for_login(struct proving *p, const struct login *login)
{
	struct twin_packet packet = { .protocol = IPPROTO_TCP,
				      .from = login->remote,
				      .port = login->local_port };
	struct addr to;
	if (login->kind != LOGIN_NETWORK ||
	    twin_way(packet.interface, &to, &login->remote, NULL) < 0) {
		return 0;
	}
	packet.to = login->local;
	return ask(p, &packet, true);
}

/* The first address of a network that a host can have. */
static struct addr first_host(const struct prefix *prefix)
{
	struct addr address = prefix->address;
	const bool ipv4 = address.family == ADDR_IPV4;
	if (prefix->bits < (ipv4 ? 31 : 127)) {
		address.bytes[ipv4 ? 3 : 15] |= 1;
	}
	return address;
}

/* "Everybody" is somebody of the documentation networks (RFC 5737, RFC 3849): nobody's own. */
static int ask_for_all(struct proving *p, enum protocol protocol, uint16_t port)
{
	static const char *const strangers[] = { "198.51.100.77", "2001:db8:ffff::77" };
	int r = 0;
	for (size_t i = 0; r == 0 && i < 2; i++) {
		struct addr from = { 0 };
		(void)addr_parse(&from, strangers[i]); /* valid as they stand here */
		r = ask_from(p, &from, protocol, port);
	}
	return r;
}

static int ask_for_item(struct proving *p, const struct policy_from *from, enum protocol protocol,
			uint16_t port)
{
	if (from->kind == POLICY_FROM_ANY) {
		return ask_for_all(p, protocol, port);
	}
	const struct policy_who *who =
		from->kind == POLICY_FROM_WHO ? &p->policy->who.items[from->who] : NULL;
	const struct prefix *prefix = from->kind == POLICY_FROM_PREFIX ? &from->prefix
				      : who != NULL && who->addresses.count > 0
					      ? &who->addresses.items[0]
					      : NULL;
	if (prefix == NULL) {
		return 0;
	}
	const struct addr address = first_host(prefix);
	return ask_from(p, &address, protocol, port);
}

static int ask_for_declarations(struct proving *p)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < p->policy->declarations.count; i++) {
		const struct policy_declaration *d = &p->policy->declarations.items[i];
		for (size_t k = 0; r == 0 && k < d->ports.count; k++) {
			const struct policy_ports *ports = &d->ports.items[k];
			if (ports->protocol != PROTOCOL_TCP && ports->protocol != PROTOCOL_UDP) {
				continue;
			}
			for (size_t n = 0; r == 0 && n < d->from.count; n++) {
				r = ask_for_item(p, &d->from.items[n], ports->protocol,
						 ports->first);
			}
		}
	}
	return r;
}

int rules_prove(struct proof *out, const struct rules *rules, const struct context *context,
		const char *rules_text, unsigned number, struct err *e)
{
	_cleanup_(host_freep) struct twin_host *host = NULL;
	_cleanup_(twin_freep) struct twin *twin = NULL;
	const bool outbound = enforce_limits_outbound(&rules->wanted.policy);
	struct str text = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	*out = (struct proof){ 0 };
	enforce_frame(&text, outbound);
	(void)str_add(&text, rules_text); /* kept in text.error */
	enforce_activation(&text, number, outbound);
	int r = text.error;
	if (r == 0) {
		r = twin_host_read(&host, NULL, e);
	}
	if (r == 0) {
		r = twin_new(&twin, host, str_text(&text), e);
	}
	str_deinit(&text);
	if (r < 0) {
		return r;
	}
	struct proving proving = { .proof = out,
				   .policy = &rules->wanted.policy,
				   .environment = rules_environment(context),
				   .twin = twin };
	r = ask_for_login(&proving, &rules->login);
	return r == 0 ? ask_for_declarations(&proving) : r;
}

void proof_add(struct str *out, const struct proof *proof)
{
	for (size_t i = 0; i < proof->list.count; i++) {
		const struct objection *objection = &proof->list.items[i];
		if (i == 0) {
			str_add(out, _("Let in by the policy, but other rules of this host refuse "
				       "it:\n"));
		}
		str_printf(out, "    %s\n      ", objection->packet);
		text_escape(out, objection->rule);
		str_add_char(out, '\n');
	}
}
