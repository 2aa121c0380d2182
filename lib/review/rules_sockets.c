/* What is open: undeclared, wrong, wide, dangerous. */
#include <string.h>

#include "review/rules.h"

/* ---- undeclared ---- */

static enum severity worse(enum severity a, enum severity b)
{
	return a > b ? a : b;
}

static bool is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* A name for the declaration: that of the service or the program, where the language takes it. */
static void add_name(struct str *out, const struct offering *offering)
{
	const char *name = process_program(offering->process);
	if (offering->knowledge != NULL && !offering->doubted) {
		name = offering->knowledge->name;
	}
	bool usable = name != NULL && name[0] >= 'a' && name[0] <= 'z';
	for (const char *at = name; usable && *at != '\0'; at++) {
		usable = is_name_character(*at);
	}
	if (usable) {
		str_add(out, name);
	} else {
		str_printf(out, "port-%u", offering->port);
	}
}

/* Fact "line": the declaration as the policy file would hold it. What is dangerous in the open is
 * offered for this host alone. */
static void add_line(struct review *review, struct finding *finding,
		     const struct offering *offering)
{
	bool any = offering->exposure != EXPOSURE_LOOPBACK &&
		   danger_of(offering->knowledge, EXPOSURE_ANY) == SEVERITY_NONE;
	struct str line = STR_INIT(512);
	add_name(&line, offering);
	str_printf(&line, ": {port: %u/%s, for: %s, owner: %s, from: %s}", offering->port,
		   protocol_name(offering->protocol), POLICY_UNCONFIRMED, POLICY_UNCONFIRMED,
		   any ? "any" : "host");
	review_fact(review, finding, "line", str_text(&line));
	str_deinit(&line);
}

static void undeclared(struct review *review, const struct offering *offering)
{
	if (review->in->policy == NULL || offering->declaration != NULL) {
		return;
	}
	enum severity severity = SEVERITY_MEDIUM;
	if (offering->exposure == EXPOSURE_LOOPBACK) {
		severity = SEVERITY_LOW;
	} else if (danger_of(offering->knowledge, offering->exposure) >= SEVERITY_HIGH &&
		   !offering->doubted &&
		   !review_is_closed(review, offering->protocol, offering->port)) {
		severity = SEVERITY_HIGH;
	}
	struct finding *finding =
		review_add_offering(review, "undeclared-listener", severity, offering);
	add_line(review, finding, offering);
	review_stop_command(review, finding, offering->process);
}

/* ---- otherwise than declared ---- */

static const char *wanted_part(const struct policy_program *program, const char *part)
{
	if (strcmp(part, "unit") == 0) {
		return program->unit;
	}
	if (strcmp(part, "executable") == 0) {
		return program->executable;
	}
	return strcmp(part, "container") == 0 ? program->container : program->user;
}

/* Fact "line": the policy line that fits what is running. A program that is in no unit and no
 * container is told by its file, or by its user. */
static void add_program_line(struct review *review, struct finding *finding,
			     const struct process *process, const char *part)
{
	const struct policy_program actual = { process->unit, process->executable, process->user,
					       process->container_name };
	const char *value = wanted_part(&actual, part);
	if (value == NULL && process->executable != NULL) {
		part = "executable";
		value = process->executable;
	}
	if (value != NULL) {
		review_fact_printf(review, finding, "line", "program: {%s: %s}", part, value);
	} else {
		review_fact_printf(review, finding, "line", "program: {user: %u}", process->uid);
	}
}

static void wrong_program(struct review *review, const struct offering *offering)
{
	if (offering->wrong == NULL || offering->process == NULL) {
		return;
	}
	struct finding *finding =
		review_add_offering(review, "wrong-program", SEVERITY_HIGH, offering);
	review_fact_printf(review, finding, "expected", "%s %s", offering->wrong,
			   wanted_part(&offering->declaration->program, offering->wrong));
	add_program_line(review, finding, offering->process, offering->wrong);
	review_stop_command(review, finding, offering->process);
}

/* Whether nobody of a public network is let in. */
static bool declared_private_only(const struct policy *policy,
				  const struct policy_declaration *declaration)
{
	for (size_t i = 0; i < declaration->from.count; i++) {
		const struct policy_from *from = &declaration->from.items[i];
		if (from->kind == POLICY_FROM_ANY) {
			return false;
		}
		if (from->kind == POLICY_FROM_PREFIX &&
		    addr_exposure(&from->prefix.address) >= EXPOSURE_PUBLIC) {
			return false;
		}
		if (from->kind != POLICY_FROM_WHO) {
			continue;
		}
		const struct policy_who *who = &policy->who.items[from->who];
		if (who->addresses.count == 0 || who->names.count > 0) {
			return false; /* told by interface, certificate or name: could be anywhere
				       */
		}
		for (size_t k = 0; k < who->addresses.count; k++) {
			if (addr_exposure(&who->addresses.items[k].address) >= EXPOSURE_PUBLIC) {
				return false;
			}
		}
	}
	return true;
}

/*
 * Bound to every address is not wider than declared by itself: narrowing `from` is the packet
 * filter's work. Wider is what no filter is meant to cure: the service is for this host alone, or
 * for private networks alone and sits on a public address.
 */
static void bound_wider(struct review *review, const struct offering *offering)
{
	const struct policy_declaration *declaration = offering->declaration;
	if (declaration == NULL || offering->exposure == EXPOSURE_LOOPBACK) {
		return;
	}
	enum severity severity = SEVERITY_NONE;
	if (policy_only_host(declaration)) {
		severity = offering->exposure == EXPOSURE_PRIVATE ? SEVERITY_MEDIUM : SEVERITY_HIGH;
		severity = worse(severity, danger_of(offering->knowledge, offering->exposure));
	} else if (offering->exposure == EXPOSURE_PUBLIC &&
		   declared_private_only(review->in->policy, declaration)) {
		severity = SEVERITY_MEDIUM;
	}
	if (severity != SEVERITY_NONE) {
		/* Then the packet filter is all that keeps the others out. */
		severity = review_is_closed(review, offering->protocol, offering->port)
				   ? SEVERITY_LOW
				   : severity;
		(void)review_add_offering(review, "bound-wider-than-declared", severity, offering);
	}
}

/* ---- dangerous in any case ---- */

/* Declared for some: the packet filter limits it. Declared for everybody: somebody thought of it,
 * and it is still dangerous. */
static void risky_exposed(struct review *review, const struct offering *offering)
{
	enum severity severity = danger_of(offering->knowledge, offering->exposure);
	const struct policy_declaration *declaration = offering->declaration;
	if (severity == SEVERITY_NONE || (declaration != NULL && !declared_for_any(declaration)) ||
	    review_is_closed(review, offering->protocol, offering->port)) {
		return;
	}
	severity = declaration != NULL ? severity_down(severity) : severity;
	severity = offering->doubted ? severity_down(severity) : severity;
	struct finding *finding =
		review_add_offering(review, "risky-service-exposed", severity, offering);
	review_fact(review, finding, "risk", severity_name(offering->knowledge->risk));
	review_fact(review, finding, "doubted", offering->doubted ? "yes" : NULL);
}

static void plaintext(struct review *review, const struct offering *offering)
{
	const struct policy_declaration *declaration = offering->declaration;
	const struct port_knowledge *knowledge = offering->knowledge;
	if (declaration == NULL || knowledge == NULL || offering->doubted ||
	    offering->exposure == EXPOSURE_LOOPBACK || knowledge->plaintext != TRISTATE_YES) {
		return; /* behind a gateway the service itself is on loopback */
	}
	if (declaration->encryption != POLICY_ENCRYPTION_OWN &&
	    declaration->encryption != POLICY_ENCRYPTION_GATEWAY) {
		return;
	}
	enum severity severity =
		offering->exposure == EXPOSURE_PRIVATE ? SEVERITY_MEDIUM : SEVERITY_HIGH;
	struct finding *finding = review_add_offering(review, "plaintext-where-encryption-declared",
						      severity, offering);
	review_fact(review, finding, "encryption", policy_encryption_name(declaration->encryption));
}

/* ---- about the socket itself ---- */

/* Only of what is known to be a service: a program that asked for any port got one of these by
 * right. Declared ports are judged with their declarations. */
static void ephemeral_clash(struct review *review, const struct offering *offering)
{
	if (offering->declaration != NULL || offering->knowledge == NULL || offering->doubted ||
	    offering->exposure == EXPOSURE_LOOPBACK ||
	    !inventory_is_ephemeral(review->in->inventory, offering->port)) {
		return;
	}
	struct finding *finding =
		review_add_offering(review, "ephemeral-clash", SEVERITY_LOW, offering);
	review_reserve_command(review, finding, offering->port, offering->port);
}

/* Ports that the kernel itself serves: VXLAN, its older number, Geneve, WireGuard, NFS. */
static bool is_kernel_service(const struct offering *offering)
{
	static const struct {
		enum protocol protocol;
		uint16_t port;
	} served[] = {
		{ PROTOCOL_UDP, 4789 },  { PROTOCOL_UDP, 8472 }, { PROTOCOL_UDP, 6081 },
		{ PROTOCOL_UDP, 51820 }, { PROTOCOL_TCP, 2049 }, { PROTOCOL_UDP, 2049 },
	};
	for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
		if (served[i].protocol == offering->protocol && served[i].port == offering->port) {
			return true;
		}
	}
	return false;
}

static void ownerless(struct review *review, const struct offering *offering)
{
	if (review_listener(review, offering)->ownership != OWNERSHIP_NONE) {
		return;
	}
	bool kernel = is_kernel_service(offering);
	if (kernel && offering->declaration != NULL) {
		return;
	}
	enum severity severity =
		kernel || offering->exposure == EXPOSURE_LOOPBACK ? SEVERITY_LOW : SEVERITY_MEDIUM;
	struct finding *finding =
		review_add_offering(review, "ownerless-socket", severity, offering);
	add_line(review, finding, offering);
}

/* The same replaced program on another port is the same finding. */
static bool told_before(const struct review *review, const struct offering *offering)
{
	for (const struct offering *other = review->offerings.list.items; other < offering;
	     other++) {
		if (other->process == offering->process && !other->quiet) {
			return true;
		}
	}
	return false;
}

static void executable_deleted(struct review *review, const struct offering *offering)
{
	if (offering->process == NULL || !offering->process->executable_deleted ||
	    told_before(review, offering)) {
		return;
	}
	enum severity severity =
		offering->exposure == EXPOSURE_LOOPBACK ? SEVERITY_LOW : SEVERITY_MEDIUM;
	struct finding *finding =
		review_add_offering(review, "executable-deleted", severity, offering);
	review_fact(review, finding, "executable", offering->process->executable);
	review_restart_command(review, finding, offering->process);
}

void rules_of_sockets(struct review *review)
{
	for (size_t i = 0; i < review->offerings.list.count; i++) {
		const struct offering *offering = &review->offerings.list.items[i];
		if (offering->quiet) {
			continue;
		}
		undeclared(review, offering);
		wrong_program(review, offering);
		bound_wider(review, offering);
		risky_exposed(review, offering);
		plaintext(review, offering);
		ephemeral_clash(review, offering);
		ownerless(review, offering);
		executable_deleted(review, offering);
	}
}
