/* A policy as a tree in its normal form, and as text. */
#include <errno.h>
#include <stdio.h>

#include "policy/form.h"
#include "policy/policy.h"
#include "policy/schema.h"
#include "policy/tree.h"
#include "policy/values.h"

void put(struct form *f, struct node *mapping, const char *key, struct node *value)
{
	f->failed |= tree_put(f->arena, mapping, key, value) == NULL;
}

void put_text(struct form *f, struct node *mapping, const char *key, const char *text)
{
	if (text != NULL) {
		put(f, mapping, key, tree_text(f->arena, text));
	}
}

void put_word(struct form *f, struct node *mapping, const char *key, const char *word)
{
	if (word[0] != '\0') {
		put(f, mapping, key, tree_word(f->arena, word));
	}
}

/* Puts a list; a list of one is written as its item. */
void put_list(struct form *f, struct node *mapping, const char *key, struct node *list)
{
	if (list != NULL && list->count == 0) {
		return;
	}
	bool one = list != NULL && list->count == 1;
	put(f, mapping, key, one ? list->first : list);
}

static void put_networks(struct form *f, struct node *mapping, const char *key,
			 const struct prefix *items, size_t count)
{
	struct node *list = tree_list(f->arena);
	for (size_t i = 0; i < count; i++) {
		char text[PREFIX_TEXT_BYTES];
		(void)tree_add(list, tree_text(f->arena, prefix_format(&items[i], text)));
	}
	f->failed |= list == NULL || list->count != count;
	put_list(f, mapping, key, list);
}

/* A name with what it is frozen to, if it is: only the record holds such. */
static void put_names(struct form *f, struct node *mapping, const struct policy_who *who)
{
	struct node *list = tree_list(f->arena);
	struct node *frozen = tree_mapping(f->arena);
	bool all = true;
	for (size_t i = 0; i < who->names.count; i++) {
		const struct policy_host_name *name = &who->names.items[i];
		(void)tree_add(list, tree_text(f->arena, name->name));
		put_networks(f, frozen, name->name, name->addresses.items, name->addresses.count);
		all = all && name->addresses.count > 0;
	}
	f->failed |= list == NULL || frozen == NULL || list->count != who->names.count;
	if (all && who->names.count > 0) {
		put(f, mapping, "name", frozen);
	} else {
		put_list(f, mapping, "name", list);
	}
}

void put_ports(struct form *f, struct node *mapping, const char *key,
	       const struct policy_ports *items, size_t count)
{
	struct node *list = tree_list(f->arena);
	for (size_t i = 0; i < count; i++) {
		struct str text = STR_INIT(64);
		policy_ports_format(&text, &items[i]);
		(void)tree_add(list, tree_text(f->arena, str_text(&text)));
		f->failed |= text.error != 0;
		str_deinit(&text);
	}
	f->failed |= list == NULL || list->count != count;
	put_list(f, mapping, key, list);
}

void put_from(struct form *f, struct node *mapping, const char *key,
	      const struct policy_from *items, size_t count)
{
	struct node *list = tree_list(f->arena);
	for (size_t i = 0; i < count; i++) {
		struct str text = STR_INIT(256);
		policy_from_format(&text, f->policy, &items[i]);
		(void)tree_add(list, tree_text(f->arena, str_text(&text)));
		f->failed |= text.error != 0;
		str_deinit(&text);
	}
	f->failed |= list == NULL || list->count != count;
	put_list(f, mapping, key, list);
}

static void put_mac(struct form *f, struct node *mapping, const struct policy_mac *mac)
{
	char text[18];
	const uint8_t *b = mac->bytes;
	if (mac->given) {
		(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1],
			       b[2], b[3], b[4], b[5]);
		put_text(f, mapping, "mac", text);
	}
}

static void put_program(struct form *f, struct node *mapping, const struct policy_program *program)
{
	struct node *inner = tree_mapping(f->arena);
	put_text(f, inner, "unit", program->unit);
	put_text(f, inner, "executable", program->executable);
	put_text(f, inner, "user", program->user);
	put_text(f, inner, "container", program->container);
	if (inner == NULL || inner->count > 0) {
		put(f, mapping, "program", inner);
	}
}

void put_rate(struct form *f, struct node *mapping, const struct policy_rate *rate)
{
	char text[32];
	if (rate->count > 0) {
		(void)snprintf(text, sizeof(text), "%u/%s", rate->count, rate_unit(rate->per));
		put_text(f, mapping, "rate", text);
	}
}

/* @param here  it is for this host to hold to, not for another device. */
static struct node *declaration_node(struct form *f, const struct policy_declaration *d, bool here)
{
	char date[POLICY_DATE_TEXT_BYTES];
	struct node *m = tree_mapping(f->arena);
	put_ports(f, m, "port", d->ports.items, d->ports.count);
	put_text(f, m, "profile", d->profile);
	put_text(f, m, "for", d->purpose);
	put_text(f, m, "owner", d->owner);
	put_from(f, m, "from", d->from.items, d->from.count);
	put_from(f, m, "to", d->to.items, d->to.count);
	put_program(f, m, &d->program);
	put_word(f, m, "encryption", policy_encryption_name(d->encryption));
	put_text(f, m, "because", d->because);
	put_rate(f, m, &d->rate);
	put_word(f, m, "until", policy_date_format(d->until, date));
	put_word(f, m, "review", policy_date_format(d->review, date));
	put_text(f, m, "interface", d->interface);
	put_text(f, m, "out", d->out);
	put_word(f, m, "mode",
		 d->mode == POLICY_MODE_OBSERVE   ? "observe"
		 : d->mode == POLICY_MODE_ENFORCE ? "enforce"
						  : "");
	put_word(f, m, "cut", d->cut ? "yes" : f->policy->defaults.cut && here ? "no" : "");
	return m;
}

static void put_declarations(struct form *f, struct node *mapping, const char *section,
			     const struct policy_declaration *items, size_t count, bool here)
{
	struct node *m = tree_mapping(f->arena);
	for (size_t i = 0; i < count; i++) {
		put(f, m, items[i].entry.name, declaration_node(f, &items[i], here));
	}
	if (count > 0) {
		put(f, mapping, section, m);
	}
}

static void put_outbound(struct form *f, struct node *root)
{
	char date[POLICY_DATE_TEXT_BYTES];
	struct node *all = tree_mapping(f->arena);
	for (size_t i = 0; i < f->policy->outbound.count; i++) {
		const struct policy_declaration *d = &f->policy->outbound.items[i];
		struct node *m = tree_mapping(f->arena);
		put_ports(f, m, "port", d->ports.items, d->ports.count);
		put_text(f, m, "for", d->purpose);
		put_text(f, m, "owner", d->owner);
		put_from(f, m, "to", d->from.items, d->from.count);
		put_program(f, m, &d->program);
		put_word(f, m, "until", policy_date_format(d->until, date));
		put_word(f, m, "review", policy_date_format(d->review, date));
		put(f, all, d->entry.name, m);
	}
	if (f->policy->outbound.count > 0) {
		put(f, root, "outbound", all);
	}
}

static void put_who(struct form *f, struct node *root)
{
	struct node *all = tree_mapping(f->arena);
	for (size_t i = 0; i < f->policy->who.count; i++) {
		const struct policy_who *who = &f->policy->who.items[i];
		struct node *m = tree_mapping(f->arena);
		put_networks(f, m, "address", who->addresses.items, who->declared);
		put_names(f, m, who);
		put_text(f, m, "interface", who->interface);
		put_mac(f, m, &who->mac);
		if (who->certificate.name != NULL) {
			struct node *certificate = tree_mapping(f->arena);
			put_text(f, certificate, "name", who->certificate.name);
			put(f, m, "certificate", certificate);
		}
		put(f, all, who->entry.name, m);
	}
	if (f->policy->who.count > 0) {
		put(f, root, "who", all);
	}
}

static void put_defaults(struct form *f, struct node *root)
{
	const struct policy_defaults *defaults = &f->policy->defaults;
	struct node *m = tree_mapping(f->arena);
	put_word(f, m, "inbound", policy_verdict_name(defaults->inbound));
	put_word(f, m, "outbound", policy_verdict_name(defaults->outbound));
	put_word(f, m, "forward", policy_verdict_name(defaults->forward));
	put_word(f, m, "ping", defaults->ping ? "yes" : "no");
	put_word(f, m, "mode", defaults->observe == 1 ? "observe" : "enforce");
	put_word(f, m, "guard", policy_guard_name(defaults->guard));
	put_word(f, m, "cut", defaults->cut ? "yes" : "no");
	if (defaults->repair) {
		put_word(f, m, "repair", "yes");
	}
	put_text(f, m, "owner", defaults->owner);
	put_from(f, m, "from", defaults->from.items, defaults->from.count);
	put(f, root, "defaults", m);
}

static void put_hosts(struct form *f, struct node *root)
{
	struct node *all = tree_mapping(f->arena);
	for (size_t i = 0; i < f->policy->hosts.count; i++) {
		const struct policy_host *host = &f->policy->hosts.items[i];
		struct node *m = tree_mapping(f->arena);
		char every[SPAN_WORD_BYTES];
		put_networks(f, m, "address", host->addresses.items, host->addresses.count);
		put_mac(f, m, &host->mac);
		put_word(f, m, "every", host->every == 0 ? "" : span_write(every, host->every));
		put_declarations(f, m, "ports", host->ports.items, host->ports.count, false);
		put(f, all, host->entry.name, m);
	}
	if (f->policy->hosts.count > 0) {
		put(f, root, "hosts", all);
	}
}

struct node *policy_tree(struct arena *arena, const struct policy *policy)
{
	struct form f = { .arena = arena, .policy = policy };
	struct node *root = tree_mapping(arena);
	char version[16];
	(void)snprintf(version, sizeof(version), "%u", policy->version);
	put_word(&f, root, "minato", version);
	put_who(&f, root);
	put_declarations(&f, root, "ports", policy->declarations.items, policy->declarations.count,
			 true);
	put_declarations(&f, root, "forward", policy->forward.items, policy->forward.count, true);
	put_outbound(&f, root);
	put_defaults(&f, root);
	put_hosts(&f, root);
	put_defend(&f, root);
	put_from(&f, root, "never_cut", policy->never_cut.items, policy->never_cut.count);
	return f.failed ? NULL : root;
}

int policy_print(struct str *out, const struct policy *policy)
{
	struct arena arena;
	arena_init(&arena, 0);
	const struct node *root = policy_tree(&arena, policy);
	int r = root == NULL ? -ENOMEM : tree_write(out, root);
	arena_deinit(&arena);
	return r;
}

const char *policy_schema(enum language language)
{
	return language == LANGUAGE_JA ? schema_json_ja : schema_json_en;
}

int policy_preserve(struct str *out, const struct policy *policy)
{
	return policy->text != NULL ? str_add(out, policy->text) : policy_print(out, policy);
}
