/* Host names of who entries: asked before the policy is compared, and told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "resolve/resolve.h"
#include "rules.h"
#include "view/view.h"
#include "words.h"

_Static_assert((int)RESOLVE_NAMES_MAX == (int)POLICY_HOST_NAMES_MAX &&
		       (int)RESOLVE_ADDRESSES_MAX == (int)POLICY_HOST_NAME_ADDRESSES_MAX,
	       "what a policy may hold is what may be asked and answered");

enum { TOLD_MAX = 10 };

static const usec_t ASK_USEC = 5 * USEC_PER_SEC; /* as long as a DNS server has by resolv.conf(5) */

/* ---- asking ---- */

struct asking {
	struct rules *rules;
	const struct context *context;
	const char *names[POLICY_HOST_NAMES_MAX];
	size_t count;
	struct resolve_answer *answers; /* one for each name */
	bool known;                     /* the rules that hold have an address for every name */
};

static const char *cause_of(enum resolve_outcome outcome)
{
	static const char *const causes[] = {
		[RESOLVE_NO_NAME] = N_("%s: the name %s does not exist"),
		[RESOLVE_NO_ADDRESS] = N_("%s: the name %s has no address"),
		[RESOLVE_NO_REPLY] = N_("%s: the resolver did not answer what %s stands for"),
		[RESOLVE_TOO_MANY] = N_("%s: the name %s stands for more than 64 addresses"),
	};
	return _(causes[outcome]);
}

/* The first entry that has the name; it is asked for once. */
static const char *who_of(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->who.count; i++) {
		const struct policy_who *who = &policy->who.items[i];
		for (size_t k = 0; k < who->names.count; k++) {
			if (strcmp(who->names.items[k].name, name) == 0) {
				return who->entry.name;
			}
		}
	}
	return "";
}

static void complain_of_name(const struct asking *asking, size_t index)
{
	const char *name = asking->names[index];
	char sentence[512];
	char next[POLICY_HOST_NAME_BYTES_MAX + 32];
	(void)snprintf(sentence, sizeof(sentence), cause_of(asking->answers[index].outcome),
		       who_of(&asking->rules->wanted.policy, name), name);
	(void)snprintf(next, sizeof(next), "getent ahosts %s", name);
	complain(asking->context, sentence, next);
}

/* @return how many names have no address; the first of them are told. */
static size_t complain_of_names(const struct asking *asking)
{
	size_t found = 0;
	for (size_t i = 0; i < asking->count; i++) {
		if (asking->answers[i].outcome != RESOLVE_FOUND && found++ < TOLD_MAX) {
			complain_of_name(asking, i);
		}
	}
	if (found > TOLD_MAX) {
		char sentence[128];
		(void)snprintf(sentence, sizeof(sentence), _("and %zu more names"),
			       found - TOLD_MAX);
		complain(asking->context, sentence, NULL);
	}
	if (found > 0) {
		complain(asking->context,
			 _("so nothing is compared or applied; the rules stay as they are"),
			 asking->known ? "minato plan --keep-names" : "minato plan");
	}
	return found;
}

static int freeze(const struct asking *asking)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < asking->count; i++) {
		const struct resolve_answer *found = &asking->answers[i];
		/* The first 64 of too many are nobody. */
		const struct policy_answer answer = { asking->names[i], found->addresses,
						      found->outcome == RESOLVE_FOUND ? found->count
										      : 0 };
		r = policy_freeze(&asking->rules->wanted.policy, &answer, 1);
	}
	return r;
}

static int ask(struct asking *asking)
{
	struct err e = ERR_INIT;
	if (resolve_names(asking->answers, asking->names, asking->count, ASK_USEC, &e) < 0) {
		complain(asking->context, err_text(&e), "minato plan");
		return EXIT_ERROR;
	}
	asking->rules->asked = clock_now();
	if (complain_of_names(asking) > 0) {
		return EXIT_ERROR;
	}
	if (freeze(asking) < 0) {
		complain(asking->context, strerror(ENOMEM), NULL);
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

static int keep(const struct asking *asking)
{
	const struct policy_who *who = NULL;
	const char *name = policy_unfrozen(&asking->rules->wanted.policy, &who);
	char sentence[512];
	if (name == NULL) {
		return EXIT_IN_ORDER;
	}
	(void)snprintf(sentence, sizeof(sentence),
		       _("%s: the rules that hold know no address of %s"), who->entry.name, name);
	complain(asking->context, sentence, "minato plan");
	return EXIT_ERROR;
}

int rules_freeze(struct rules *rules, const struct context *context)
{
	struct asking asking = { .rules = rules, .context = context };
	struct policy *policy = &rules->wanted.policy;
	asking.count = policy_host_names(asking.names, policy);
	if (asking.count == 0) {
		return EXIT_IN_ORDER;
	}
	asking.known = policy_unfrozen(policy, NULL) == NULL;
	if (rules->keep_names) {
		return keep(&asking);
	}
	_cleanup_(freep) struct resolve_answer *answers = calloc(asking.count, sizeof(*answers));
	if (answers == NULL) {
		complain(context, strerror(ENOMEM), NULL);
		return EXIT_ERROR;
	}
	asking.answers = answers;
	return ask(&asking);
}

/* ---- telling ---- */

static void add_name(struct str *out, const struct rules *rules, const struct policy_who *who,
		     const struct policy_host_name *name)
{
	const size_t count = name->addresses.count;
	char text[PREFIX_TEXT_BYTES];
	str_printf(out, _("%s: %s is "), who->entry.name, name->name);
	for (size_t i = 0; i < count && i < TOLD_MAX; i++) {
		str_printf(out, "%s%s", i == 0 ? "" : ", ",
			   prefix_format(&name->addresses.items[i], text));
	}
	if (count > TOLD_MAX) {
		str_printf(out, _(" and %zu more"), count - TOLD_MAX);
	}
	str_add(out, rules->asked != 0 ? _(" (asked now)\n") : _(" (as recorded)\n"));
}

void rules_add_names(struct str *out, const struct rules *rules)
{
	const struct policy *policy = &rules->wanted.policy;
	for (size_t i = 0; i < policy->who.count; i++) {
		const struct policy_who *who = &policy->who.items[i];
		for (size_t k = 0; k < who->names.count; k++) {
			add_name(out, rules, who, &who->names.items[k]);
		}
	}
}

static json_t *json_name(const struct rules *rules, const struct policy_who *who,
			 const struct policy_host_name *name)
{
	char text[PREFIX_TEXT_BYTES];
	json_t *addresses = json_array();
	for (size_t i = 0; i < name->addresses.count; i++) {
		json_array_append_new(addresses,
				      json_string(prefix_format(&name->addresses.items[i], text)));
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "who", who->entry.name, "name", name->name,
			 "addresses", addresses, "asked", view_time(rules->asked));
}

json_t *rules_names_json(const struct rules *rules)
{
	const struct policy *policy = &rules->wanted.policy;
	json_t *list = json_array();
	for (size_t i = 0; i < policy->who.count; i++) {
		const struct policy_who *who = &policy->who.items[i];
		for (size_t k = 0; k < who->names.count; k++) {
			json_array_append_new(list, json_name(rules, who, &who->names.items[k]));
		}
	}
	return list;
}
