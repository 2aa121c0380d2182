/* What a ready-made use of the catalogue fills in. */
#include <string.h>

#include "catalog/catalog.h"
#include "policy/reader.h"

enum { PROFILES_MAX = 256 };

static void unknown_profile(struct reader *reader, const struct node *node)
{
	const char *names[PROFILES_MAX];
	size_t count = 0;
	const struct profile *profiles = catalog_profiles(&count);
	count = count > PROFILES_MAX ? PROFILES_MAX : count;
	for (size_t i = 0; i < count; i++) {
		names[i] = profiles[i].name;
	}
	fault(reader, node, "policy-profile-unknown", text_nearest(node->text, names, count),
	      ARGUMENTS({ "name", node->text }));
}

static void fill_ports(struct reader *reader, struct policy_declaration *d,
		       const struct profile *profile)
{
	d->ports.items = policy_alloc(reader, profile->port_count * sizeof(*d->ports.items));
	if (d->ports.items == NULL) {
		return;
	}
	d->ports.count = profile->port_count;
	for (size_t i = 0; i < profile->port_count; i++) {
		const struct port_span *span = &profile->ports[i];
		d->ports.items[i] =
			(struct policy_ports){ span->protocol, span->first, span->last };
	}
}

/*
 * What is written goes first. A profile whose protocol has no encryption, or may have some, says
 * nothing about it: `encryption: none` is a decision that a person has to give a reason for.
 */
void fill_profile(struct reader *reader, struct policy_declaration *d, const struct node *node)
{
	const struct node *value = tree_get(node, "profile");
	if (value == NULL || d->profile == NULL) {
		return;
	}
	const struct profile *profile = catalog_profile(d->profile);
	if (profile == NULL) {
		unknown_profile(reader, value);
		return;
	}
	if (tree_get(node, "port") == NULL) {
		fill_ports(reader, d, profile);
	}
	if (tree_get(node, "encryption") == NULL) {
		d->encryption = profile->encryption == PROFILE_ENCRYPTION_OWN
					? POLICY_ENCRYPTION_OWN
				: profile->encryption == PROFILE_ENCRYPTION_GATEWAY
					? POLICY_ENCRYPTION_GATEWAY
					: POLICY_ENCRYPTION_UNSAID;
	}
}
