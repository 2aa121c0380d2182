/* What is known of an address: who it is to the policy, what it may reach, whether it is kept out.
 */
#include <string.h>

#include "bans.h"
#include "explain.h"
#include "words.h"

enum { TEXT_BYTES_MAX = 16 * 1024 };

static const char *place_words(const struct addr *address)
{
	switch (addr_exposure(address)) {
	case EXPOSURE_LOOPBACK:
		return _("this machine itself");
	case EXPOSURE_PRIVATE:
		return _("private: not routed on the Internet");
	case EXPOSURE_PUBLIC:
		return _("public: routed on the Internet");
	default:
		return _("no address of anybody");
	}
}

/* One item alone, so that the same rules hold as in a from:. */
static bool who_has(const struct policy *policy, uint32_t who, const struct addr *address)
{
	const struct policy_from item = { .kind = POLICY_FROM_WHO, .who = who };
	return policy_froms_have(policy, &item, 1, address);
}

static void add_who(struct str *out, const struct explain *explain, const struct addr *address)
{
	const struct policy *policy = explain->policy;
	struct str names = STR_INIT(TEXT_BYTES_MAX);
	for (uint32_t i = 0; i < policy->who.count; i++) {
		if (who_has(policy, i, address)) {
			str_printf(&names, "%s%s", names.length > 0 ? ", " : "",
				   policy->who.items[i].entry.name);
		}
	}
	explain_row(out, explain, _("who"), str_text(&names));
	str_deinit(&names);
}

static void add_ports(struct str *out, const struct explain *explain, const struct addr *address)
{
	const struct policy *policy = explain->policy;
	struct str text = STR_INIT(TEXT_BYTES_MAX);
	for (size_t i = 0; i < policy->declarations.count; i++) {
		const struct policy_declaration *d = &policy->declarations.items[i];
		if (!policy_from_has(policy, d, address)) {
			continue;
		}
		str_printf(&text, "%s%s (", text.length > 0 ? ", " : "", d->entry.name);
		for (size_t k = 0; k < d->ports.count; k++) {
			str_add(&text, k > 0 ? ", " : "");
			policy_ports_format(&text, &d->ports.items[k]);
		}
		str_add_char(&text, ')');
	}
	explain_row(out, explain, _("may reach"),
		    text.length > 0 ? str_text(&text) : _("nothing that the policy declares"));
	str_deinit(&text);
}

static void add_never(struct str *out, const struct explain *explain, const struct addr *address)
{
	const struct policy *policy = explain->policy;
	if (policy_froms_have(policy, policy->never_cut.items, policy->never_cut.count, address) ||
	    policy_froms_have(policy, policy->defend.never.items, policy->defend.never.count,
			      address)) {
		explain_row(out, explain, _("never"), _("it is never kept out, says the policy"));
	}
}

static void add_ban(struct str *out, const struct explain *explain, const struct addr *address)
{
	const struct bans *bans = explain->bans;
	const struct defend_ban *ban =
		bans == NULL ? NULL : defend_table_covers(&bans->table, address);
	if (bans == NULL) {
		explain_row(out, explain, _("kept out"), _("only root can see that"));
		return;
	}
	if (ban == NULL) {
		explain_row(out, explain, _("kept out"), _("no"));
		return;
	}
	struct str text = STR_INIT(4096);
	bans_add_rest(&text, bans, ban);
	explain_row_inked(out, explain, _("kept out"), INK_BAD, bans_verdict_words(ban->verdict),
			  str_text(&text));
	str_deinit(&text);
}

void explain_address(struct str *out, const struct explain *explain, const struct subject *subject)
{
	char text[ADDR_TEXT_BYTES];
	const struct addr plain = addr_unmap(&subject->address);
	explain_heading(out, explain, addr_format(&plain, text));
	explain_row(out, explain, _("address"), place_words(&plain));
	if (explain->policy != NULL) {
		add_who(out, explain, &plain);
		add_ports(out, explain, &plain);
		add_never(out, explain, &plain);
	}
	add_ban(out, explain, &plain);
}
