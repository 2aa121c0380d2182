/* Where the rules of other tools contradict the policy. */
#include "common/contradictions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "observe/observe.h"
#include "twin/twin.h"

enum { LISTING_BYTES_MAX = 64 << 20 };

/* One table. */
struct reading {
	struct contradictions *out;
	const struct enforce_ports *ports;
	const char *table; /* "FAMILY NAME"; NULL = those of iptables-legacy */
	struct str text;   /* as nft prints it, once it is needed */
};

static void describe(struct reading *reading, struct contradiction *found,
		     const struct foreign_rule *rule)
{
	struct str text = STR_INIT(1 << 16);
	const bool legacy = reading->table == NULL;
	if (!legacy && reading->text.length == 0) {
		/* Without it the place still says which rule it is. */
		(void)enforce_foreign_listing(&reading->text, reading->table, false, NULL);
	}
	if (legacy || !enforce_foreign_text(&text, str_text(&reading->text), rule)) {
		(void)(rule->rule == FOREIGN_POLICY ? str_add(&text, "policy") /* short */
						    : str_printf(&text, "rule %d", rule->rule + 1));
	}
	(void)snprintf(found->table, sizeof(found->table), "%s %.100s%s", rule->family, rule->table,
		       legacy ? " (iptables-legacy)" : "");
	(void)str_copy(found->chain, sizeof(found->chain), rule->chain);
	(void)str_copy(found->rule, sizeof(found->rule), str_text(&text));
	(void)str_copy(found->tool, sizeof(found->tool), twin_owner(rule->table, rule->chain));
	str_deinit(&text);
}

static void judge(struct reading *reading, const struct foreign_rule *rule)
{
	struct contradiction found;
	if (!enforce_contradicts(&found, reading->ports, rule)) {
		return;
	}
	struct contradiction *kept = reading->out->list.count < CONTRADICTIONS_MAX
					     ? vec_push(&reading->out->list)
					     : NULL;
	if (kept == NULL) {
		reading->out->cut = true;
		return;
	}
	describe(reading, &found, rule);
	*kept = found;
}

static int read_table(struct reading *reading, struct err *e)
{
	struct str json = STR_INIT(LISTING_BYTES_MAX);
	struct foreign_rules rules;
	foreign_rules_init(&rules);
	int r = enforce_foreign_listing(&json, reading->table, true, e);
	if (r == 0 && json.length > 0) {
		r = observe_foreign_table(&rules, reading->table, str_text(&json), json.length);
		r = r == -EINVAL ? 0 : r;
	}
	for (size_t i = 0; r == 0 && i < rules.list.count; i++) {
		judge(reading, &rules.list.items[i]);
	}
	reading->out->cut |= rules.cut;
	foreign_rules_deinit(&rules);
	str_deinit(&json);
	return r;
}

/* The daemon's keeper opens no socket that could talk to the network, as asking for them needs:
 * that there are some is told rather than nothing. */
static void add_unread(struct contradictions *out)
{
	struct contradiction *one =
		out->list.count < CONTRADICTIONS_MAX ? vec_push(&out->list) : NULL;
	if (one == NULL) {
		out->cut = true;
		return;
	}
	*one = (struct contradiction){ .kind = CONTRADICTION_UNCLEAR, .last_port = UINT16_MAX };
	(void)str_copy(one->table, sizeof(one->table), "iptables-legacy");
	(void)str_copy(one->tool, sizeof(one->tool), "iptables");
}

static int read_legacy(struct reading *reading)
{
	struct foreign_rules rules;
	foreign_rules_init(&rules);
	int r = observe_foreign_legacy(&rules);
	for (size_t i = 0; i < rules.list.count; i++) {
		judge(reading, &rules.list.items[i]);
	}
	if (r < 0 && r != -ENOMEM) {
		add_unread(reading->out);
	}
	reading->out->cut |= rules.cut;
	foreign_rules_deinit(&rules);
	return r == -ENOMEM ? r : 0;
}

int contradictions_find(struct contradictions *out, const struct enforce_ports *ports,
			struct err *e)
{
	struct str tables = STR_INIT(1 << 20);
	char *rest = NULL;
	*out = (struct contradictions){ 0 };
	int r = enforce_foreign_tables(&tables, e);
	char *text = r == 0 && tables.length > 0 ? tables.text : NULL;
	for (char *table = text == NULL ? NULL : strtok_r(text, "\n", &rest);
	     table != NULL && r == 0; table = strtok_r(NULL, "\n", &rest)) {
		struct reading reading = { .out = out,
					   .ports = ports,
					   .table = table,
					   .text = STR_INIT(LISTING_BYTES_MAX) };
		r = read_table(&reading, e);
		str_deinit(&reading.text);
	}
	str_deinit(&tables);
	struct reading legacy = { .out = out, .ports = ports };
	return r == 0 ? read_legacy(&legacy) : r;
}

void contradictions_deinit(struct contradictions *contradictions)
{
	vec_free(&contradictions->list);
	*contradictions = (struct contradictions){ 0 };
}
