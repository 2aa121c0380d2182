/* What is published past the host's own sockets, and what could not be seen or judged. */
#include <string.h>

#include "review/rules.h"

static bool same_published(const struct published *a, const struct published *b)
{
	return protocol_registry(a->protocol) == protocol_registry(b->protocol) &&
	       a->first_port == b->first_port && a->last_port == b->last_port &&
	       a->target_port == b->target_port;
}

/* The IPv6 rule beside the IPv4 one, the output rule beside the prerouting one. */
static bool published_before(const struct inventory *inventory, uint32_t index)
{
	for (uint32_t i = 0; i < index; i++) {
		if (same_published(&inventory->published.items[i],
				   &inventory->published.items[index])) {
			return true;
		}
	}
	return false;
}

/* A redirect ends at a socket of this host, which is judged by itself. */
static bool leaves_host(const struct inventory *inventory, const struct published *published)
{
	return published->target.family != ADDR_NONE &&
	       addr_exposure(&published->address) != EXPOSURE_LOOPBACK &&
	       inventory_is_host(inventory, published->netns);
}

static enum severity published_severity(const struct published *published,
					const struct port_knowledge *knowledge,
					const struct policy_declaration *declaration)
{
	enum severity danger = danger_of(knowledge, addr_exposure(&published->address));
	if (declaration != NULL) {
		return danger > SEVERITY_HIGH ? danger : SEVERITY_HIGH; /* its limits are gone */
	}
	return danger > SEVERITY_MEDIUM ? danger : SEVERITY_MEDIUM;
}

/* Where the rule itself has to be looked at, or the one option of the runtime that narrows it. */
static void add_remedy(struct review *review, struct finding *finding,
		       const struct published *published)
{
	bool runtime = published->owner != NULL && (strcmp(published->owner, "docker") == 0 ||
						    strcmp(published->owner, "podman") == 0);
	if (runtime) {
		review_fact_printf(review, finding, "command", "%s run -p 127.0.0.1:%u:%u/%s ...",
				   published->owner, published->first_port, published->target_port,
				   protocol_name(protocol_registry(published->protocol)));
	} else {
		review_fact_printf(review, finding, "command", "nft -a list chain %s %s",
				   published->table, published->chain);
	}
}

static void around_firewall(struct review *review, uint32_t index)
{
	const struct published *published = &review->in->inventory->published.items[index];
	const struct policy *policy = review->in->policy;
	const struct policy_declaration *declaration =
		policy == NULL ? NULL
			       : policy_declaration_for(policy, published->protocol,
							published->first_port, NULL, NULL);
	if (declaration != NULL && declared_for_any(declaration)) {
		return; /* goes around a limit that nobody set */
	}
	if (review_is_closed(review, published->protocol, published->first_port)) {
		return; /* minato's rules stand before the translation */
	}
	const struct port_knowledge *knowledge = catalog_published(published);
	struct finding *finding = review_add(review, "container-around-firewall",
					     published_severity(published, knowledge, declaration));
	char text[ENDPOINT_TEXT_BYTES];
	if (finding == NULL) {
		return;
	}
	finding->published = index;
	review_fact_printf(review, finding, "port", "%u", published->first_port);
	review_fact(review, finding, "protocol",
		    protocol_name(protocol_registry(published->protocol)));
	review_fact(review, finding, "endpoint",
		    endpoint_format(&published->address, published->first_port, text));
	review_fact(review, finding, "target",
		    endpoint_format(&published->target, published->target_port, text));
	review_fact(review, finding, "container", published->container_name);
	review_fact(review, finding, "runtime", published->owner);
	review_fact(review, finding, "service", knowledge == NULL ? NULL : knowledge->name);
	if (declaration != NULL) {
		finding->declaration = arena_strdup(&review->out->arena, declaration->entry.name);
		review_fact(review, finding, "declaration", declaration->entry.name);
	}
	add_remedy(review, finding, published);
}

static void hidden_owners(struct review *review)
{
	const struct coverage *coverage = &review->in->inventory->coverage;
	if (coverage->listeners_hidden == 0 && coverage->netns_hidden == 0) {
		return;
	}
	struct finding *finding = review_add(review, "hidden-owners", SEVERITY_NONE);
	review_fact_printf(review, finding, "listeners_hidden", "%u", coverage->listeners_hidden);
	review_fact_printf(review, finding, "processes_hidden", "%u", coverage->processes_hidden);
	review_fact_printf(review, finding, "netns_hidden", "%u", coverage->netns_hidden);
}

void rules_of_host(struct review *review)
{
	const struct inventory *inventory = review->in->inventory;
	for (uint32_t i = 0; i < inventory->published.count; i++) {
		if (leaves_host(inventory, &inventory->published.items[i]) &&
		    !published_before(inventory, i)) {
			around_firewall(review, i);
		}
	}
	hidden_owners(review);
	if (review->in->policy == NULL) {
		(void)review_add(review, "no-policy", SEVERITY_NONE);
	}
}
