/* Users of outbound: whose number is no longer that of their name. The packet filter knows numbers
 * alone; names and numbers come and go apart. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "enforce/access.h"
#include "enforce/enforce.h"

/* What a line of a listing lets go, and by which declaration. */
struct permit {
	uint32_t user;
	const struct policy_declaration *declaration;
};

static const struct policy_declaration *declaration_called(const struct policy *policy,
							   const char *name, size_t length)
{
	for (size_t i = 0; i < policy->outbound.count; i++) {
		const struct policy_declaration *d = &policy->outbound.items[i];
		if (strlen(d->entry.name) == length && memcmp(d->entry.name, name, length) == 0) {
			return d;
		}
	}
	return NULL;
}

/* `... meta skuid 105 ... accept comment "mail"`, as outbound.c writes it and nft lists it. */
static bool read_permit(struct permit *out, const struct policy *policy, const char *line,
			size_t length)
{
	static const char skuid[] = "meta skuid ";
	static const char comment[] = " accept comment \"";
	const char *user = memmem(line, length, skuid, sizeof(skuid) - 1);
	const char *name = memmem(line, length, comment, sizeof(comment) - 1);
	uint64_t number = 0;
	if (user == NULL || name == NULL || user > name) {
		return false;
	}
	user += sizeof(skuid) - 1;
	name += sizeof(comment) - 1;
	const char *end = memchr(name, '"', length - (size_t)(name - line));
	if (end == NULL ||
	    parse_u64_bytes(&number, user, strspn(user, "0123456789"), 0, UINT32_MAX) < 0) {
		return false;
	}
	*out = (struct permit){ (uint32_t)number,
				declaration_called(policy, name, (size_t)(end - name)) };
	return out->declaration != NULL;
}

/* Declarations that are alike but for their ports share their rules: so by the user's name. */
static bool find_permit(struct permit *out, const struct policy *policy, const char *listing,
			const char *user)
{
	const char *line = listing;
	while (*line != '\0') {
		const size_t length = strcspn(line, "\n");
		if (read_permit(out, policy, line, length) &&
		    out->declaration->program.user != NULL &&
		    strcmp(out->declaration->program.user, user) == 0) {
			return true;
		}
		line += length + (line[length] == '\n');
	}
	return false;
}

static bool is_told(const struct enforce_stale_users *told, const char *user)
{
	for (size_t i = 0; i < told->count; i++) {
		if (strcmp(told->items[i].declaration->program.user, user) == 0) {
			return true;
		}
	}
	return false;
}

int enforce_stale_users(struct enforce_stale_users *out, const struct policy *policy,
			const char *listing, const struct enforce_environment *environment)
{
	*out = (struct enforce_stale_users){ 0 };
	for (size_t i = 0; i < policy->outbound.count; i++) {
		const struct policy_declaration *d = &policy->outbound.items[i];
		struct permit permit = { 0 };
		struct enforce_stale_user found = { .declaration = d };
		const char *user = d->program.user;
		if (user == NULL || environment->user == NULL || is_told(out, user) ||
		    access_left(d, environment) < 0) {
			continue;
		}
		found.is_known = environment->user(&found.is, user) == 0;
		found.was_known = find_permit(&permit, policy, listing, user);
		found.was = found.was_known ? permit.user : 0;
		if (found.is_known == found.was_known && found.is == found.was) {
			continue;
		}
		struct enforce_stale_user *kept = vec_push(out);
		if (kept == NULL) {
			return -ENOMEM;
		}
		*kept = found;
	}
	return 0;
}
