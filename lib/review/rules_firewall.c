/* What other rules of the host do otherwise than the policy says. */
#include <string.h>

#include "review/rules.h"

static enum severity severity_of(const struct review_contradiction *c)
{
	if (!c->let_in) {
		return SEVERITY_MEDIUM; /* somebody misses a service: nobody is in danger */
	}
	const enum severity least = c->entry == NULL ? SEVERITY_HIGH : SEVERITY_MEDIUM;
	const enum exposure exposure = c->entry == NULL ? EXPOSURE_ANY : EXPOSURE_PRIVATE;
	const enum severity danger = danger_of(catalog_port(c->protocol, c->port), exposure);
	return danger > least ? danger : least;
}

/* What lets the port through there too; who may come in is still minato's to say. */
static void add_command(struct review *review, struct finding *finding,
			const struct review_contradiction *c)
{
	const char *protocol = protocol_name(c->protocol);
	if (!c->let_in && strcmp(c->owner, "ufw") == 0) {
		review_fact_printf(review, finding, "command", "ufw allow %u/%s", c->port,
				   protocol);
	} else if (!c->let_in && strcmp(c->owner, "firewalld") == 0) {
		review_fact_printf(review, finding, "command",
				   "firewall-cmd --permanent --add-port=%u/%s && firewall-cmd "
				   "--reload",
				   c->port, protocol);
	} else {
		review_fact(review, finding, "command", c->command ?: "nft -a list ruleset");
	}
}

static const struct policy_declaration *declaration_of(const struct review *review,
						       const struct review_contradiction *c)
{
	return review->in->policy == NULL ? NULL
					  : policy_declaration_for(review->in->policy, c->protocol,
								   c->port, NULL, NULL);
}

static void contradicts(struct review *review, const struct review_contradiction *c)
{
	const struct policy_declaration *declaration = declaration_of(review, c);
	struct finding *finding =
		review_add(review, c->let_in ? "let-in-against-policy" : "refused-against-policy",
			   severity_of(c));
	if (finding == NULL) {
		return;
	}
	review_fact_printf(review, finding, "port", "%u", c->port);
	review_fact(review, finding, "protocol", protocol_name(c->protocol));
	review_fact(review, finding, "source", c->source);
	review_fact(review, finding, "entry", c->entry);
	review_fact(review, finding, "firewall",
		    strcmp(c->owner, "unknown") == 0 ? NULL : c->owner);
	review_fact(review, finding, "rule", c->rule);
	if (declaration != NULL) {
		finding->declaration = arena_strdup(&review->out->arena, declaration->entry.name);
		review_fact(review, finding, "declaration", declaration->entry.name);
	}
	add_command(review, finding, c);
}

/* One finding for a port, and one for all ports of a declaration that the same rule decides. */
static bool is_told(const struct review *review, size_t index)
{
	const struct review_contradiction *c = &review->in->contradictions[index];
	const struct policy_declaration *declaration = declaration_of(review, c);
	for (size_t i = 0; i < index; i++) {
		const struct review_contradiction *before = &review->in->contradictions[i];
		const bool port = before->port == c->port && before->protocol == c->protocol;
		const bool rule = declaration != NULL && strcmp(before->rule, c->rule) == 0 &&
				  declaration_of(review, before) == declaration;
		if (before->let_in == c->let_in && (port || rule)) {
			return true;
		}
	}
	return false;
}

void rules_of_firewall(struct review *review)
{
	for (size_t i = 0; i < review->in->contradiction_count; i++) {
		if (!is_told(review, i)) {
			contradicts(review, &review->in->contradictions[i]);
		}
	}
}
