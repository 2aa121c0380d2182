/* Values of the language: each type read, or complained about. */
#include "policy/values.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "policy/reader.h"

enum { NEAR_NAMES_MAX = 500 }; /* names that are tried for "did you mean" */

const char *text_of(struct reader *reader, const struct node *node, const char *key)
{
	if (node->kind == NODE_BROKEN) {
		return NULL;
	}
	if (node->kind != NODE_TEXT) {
		fault(reader, node, "policy-wants-text", NULL, ARGUMENTS({ "key", key }));
		return NULL;
	}
	if (node->text[0] == '\0') {
		fault(reader, node, "policy-empty-value", NULL, ARGUMENTS({ "key", key }));
		return NULL;
	}
	return node->text;
}

void bad(struct reader *reader, const struct node *node, const char *id)
{
	fault(reader, node, id, NULL, ARGUMENTS({ "value", node->text }));
}

/* Counts characters; complains about hidden ones, also those written as escapes. */
static bool text_length(struct reader *reader, const struct node *node, size_t *out)
{
	size_t left = strlen(node->text);
	size_t characters = 0;
	for (const char *at = node->text; left > 0; characters++) {
		uint32_t code = 0;
		size_t bytes = text_character(&code, at, left);
		if (code == '\n') {
			bad(reader, node, "policy-one-line");
			return false;
		}
		if (bytes == 0 || character_hidden(code) || code == '\r' || code == '\t') {
			char text[16];
			(void)snprintf(text, sizeof(text), "U+%04X", code);
			fault(reader, node, "policy-hidden-character", NULL,
			      ARGUMENTS({ "character", text }));
			return false;
		}
		at += bytes;
		left -= bytes;
	}
	*out = characters;
	return true;
}

static void read_text(struct reader *reader, const struct node *node, const struct schema_key *key,
		      const char **field)
{
	size_t characters = 0;
	if (!text_length(reader, node, &characters)) {
		return;
	}
	if (key->max != 0 && (characters < key->min || characters > key->max)) {
		char limit[16];
		(void)snprintf(limit, sizeof(limit), "%u", key->max);
		fault(reader, node, "policy-text-length", NULL,
		      ARGUMENTS({ "key", key->name }, { "limit", limit }));
		return;
	}
	if (key->type == SCHEMA_PATH && node->text[0] != '/') {
		bad(reader, node, "policy-path");
	} else if (key->type == SCHEMA_INTERFACE && !interface_valid(node->text)) {
		bad(reader, node, "policy-interface");
	} else {
		*field = policy_strdup(reader, node->text);
	}
}

static void read_version(struct reader *reader, const struct node *node,
			 const struct schema_key *key, uint32_t *field)
{
	uint64_t value = 0;
	if (parse_u64(&value, node->text, key->min, key->max) < 0) {
		bad(reader, node, "policy-version");
	}
	*field = (uint32_t)value;
}

static void read_choice(struct reader *reader, const struct node *node,
			const struct schema_key *key, int *field)
{
	struct str list = STR_INIT(1024);
	const char *near[16];
	size_t count = 0;
	bool found = false;
	for (int i = 0; key->choices[i] != NULL; i++) {
		if (key->choices[i][0] == '\0') {
			continue;
		}
		if (strcmp(key->choices[i], node->text) == 0) {
			*field = i;
			found = true;
		}
		str_printf(&list, "%s%s", count == 0 ? "" : ", ", key->choices[i]);
		near[count++] = key->choices[i];
	}
	if (!found) {
		fault(reader, node, "policy-choice", text_nearest(node->text, near, count),
		      ARGUMENTS({ "key", key->name }, { "value", node->text },
				{ "choices", str_text(&list) }));
	}
	str_deinit(&list);
}

static void read_boolean(struct reader *reader, const struct node *node,
			 const struct schema_key *key, bool *field)
{
	if (strcmp(node->text, "yes") == 0 || strcmp(node->text, "true") == 0) {
		*field = true;
	} else if (strcmp(node->text, "no") == 0 || strcmp(node->text, "false") == 0) {
		*field = false;
	} else {
		fault(reader, node, "policy-choice", NULL,
		      ARGUMENTS({ "key", key->name }, { "value", node->text },
				{ "choices", "yes, no" }));
	}
}

/* Four digits, two, two: then it was meant as a date. */
static bool date_shape(const char *text)
{
	static const char shape[] = "0000-00-00";
	if (strlen(text) != sizeof(shape) - 1) {
		return false;
	}
	for (size_t i = 0; shape[i] != '\0'; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';
		if (shape[i] == '0' ? !digit : text[i] != shape[i]) {
			return false;
		}
	}
	return true;
}

static void read_date(struct reader *reader, const struct node *node, int32_t *field)
{
	int year = 0;
	int month = 0;
	int day = 0;
	if (date_parse(&year, &month, &day, node->text) == 0) {
		*field = (int32_t)date_to_days(year, month, day);
	} else {
		bad(reader, node,
		    date_shape(node->text) ? "policy-date-impossible" : "policy-date");
	}
}

static void read_span(struct reader *reader, const struct node *node, const struct schema_key *key,
		      usec_t *field)
{
	usec_t span = 0;
	char least[SPAN_WORD_BYTES];
	char most[SPAN_WORD_BYTES];
	if (span_parse(&span, node->text) == 0 && span >= key->min * USEC_PER_SEC &&
	    span <= key->max * USEC_PER_SEC) {
		*field = span;
		return;
	}
	fault(reader, node, "policy-span", NULL,
	      ARGUMENTS({ "value", node->text }, { "key", key->name },
			{ "least", span_write(least, key->min * USEC_PER_SEC) },
			{ "most", span_write(most, key->max * USEC_PER_SEC) }));
}

static void read_number(struct reader *reader, const struct node *node,
			const struct schema_key *key, uint32_t *field)
{
	uint64_t value = 0;
	char least[16];
	char most[16];
	if (parse_u64(&value, node->text, key->min, key->max) == 0) {
		*field = (uint32_t)value;
		return;
	}
	(void)snprintf(least, sizeof(least), "%u", key->min);
	(void)snprintf(most, sizeof(most), "%u", key->max);
	fault(reader, node, "policy-number", NULL,
	      ARGUMENTS({ "value", node->text }, { "key", key->name }, { "least", least },
			{ "most", most }));
}

/* ---- lists: one value, or a list of them ---- */

static void read_one_port(struct reader *reader, const struct node *node,
			  const struct schema_key *key, struct policy_ports *out, size_t *count)
{
	const char *text = text_of(reader, node, key->name);
	const char *id = text == NULL ? NULL : ports_read(&out[*count], text);
	if (id != NULL) {
		const char *slash = strchr(text, '/');
		bool protocol = strcmp(id, "policy-port-protocol") == 0;
		const char *near =
			protocol && slash != NULL
				? text_nearest(slash + 1, protocol_words, protocol_word_count)
				: NULL;
		fault(reader, node, id, near, ARGUMENTS({ "value", text }));
	} else if (text != NULL) {
		(*count)++;
	}
}

static void network_fault(struct reader *reader, const struct node *node, const char *id,
			  const struct prefix *network)
{
	char text[PREFIX_TEXT_BYTES] = "";
	bool host_bits = strcmp(id, "policy-address-host-bits") == 0;
	if (host_bits) {
		prefix_format(network, text);
	}
	fault(reader, node, id, host_bits ? text : NULL,
	      ARGUMENTS({ "value", node->text }, { "network", text }));
}

static void read_one_network(struct reader *reader, const struct node *node,
			     const struct schema_key *key, struct prefix *out, size_t *count)
{
	struct prefix network = { 0 };
	const char *text = text_of(reader, node, key->name);
	if (text == NULL) {
		return;
	}
	const char *id = network_read(&out[*count], &network, text);
	if (id != NULL) {
		network_fault(reader, node, id, &network);
	} else if (key->type == SCHEMA_ADDRESSES &&
		   out[*count].bits != (out[*count].address.family == ADDR_IPV4 ? 32 : 128)) {
		bad(reader, node, "policy-address-whole");
	} else {
		(*count)++;
	}
}

static void read_one_interface(struct reader *reader, const struct node *node,
			       const struct schema_key *key, const char **out, size_t *count)
{
	const char *text = text_of(reader, node, key->name);
	if (text != NULL && !interface_valid(text)) {
		bad(reader, node, "policy-interface");
	} else if (text != NULL) {
		out[*count] = policy_strdup(reader, text);
		*count += out[*count] != NULL;
	}
}

static void read_one(struct reader *reader, const struct node *node, const struct schema_key *key,
		     void *out, size_t *count)
{
	if (key->type == SCHEMA_PORTS) {
		read_one_port(reader, node, key, out, count);
	} else if (key->type == SCHEMA_INTERFACES) {
		read_one_interface(reader, node, key, out, count);
	} else {
		read_one_network(reader, node, key, out, count);
	}
}

static void read_list(struct reader *reader, const struct node *node, const struct schema_key *key,
		      size_t item_bytes, void *field)
{
	POLICY_LIST(void) list = { 0 };
	size_t room = node->kind == NODE_LIST ? node->count : 1;
	if (room == 0) {
		fault(reader, node, "policy-empty-value", NULL, ARGUMENTS({ "key", key->name }));
		return;
	}
	list.items = policy_alloc(reader, room * item_bytes);
	if (list.items == NULL) {
		return;
	}
	if (node->kind != NODE_LIST) {
		read_one(reader, node, key, list.items, &list.count);
	} else {
		for (node = node->first; node != NULL; node = node->next) {
			read_one(reader, node, key, list.items, &list.count);
		}
	}
	memcpy(field, &list, sizeof(list));
}

/* ---- from ---- */

static void wait_for_who(struct reader *reader, const struct node *node,
			 const struct schema_key *key, void *field)
{
	struct waiting *waiting = vec_push(&reader->waiting);
	if (waiting == NULL) {
		reader->error = -ENOMEM;
		return;
	}
	*waiting = (struct waiting){ field, node, key->name, key->type == SCHEMA_PEOPLE };
}

static const char *near_who(const struct reader *reader, const char *name, bool people_only)
{
	const char *names[NEAR_NAMES_MAX];
	size_t count = 0;
	const struct bag *bag = bag_find(reader, &reader->policy.who);
	if (!people_only) {
		names[count++] = "any";
		names[count++] = "host";
	}
	for (const struct draft *d = bag == NULL ? NULL : bag->drafts;
	     d != NULL && count < NEAR_NAMES_MAX; d = d->hh.next) {
		names[count++] = ((const struct policy_entry *)d->entry)->name;
	}
	return text_nearest(name, names, count);
}

static void unknown_who(struct reader *reader, const struct node *node, bool people_only)
{
	if (!reader->cut) { /* what was cut off may have declared it */
		bool kept = reader->faults.count < POLICY_DIAGNOSTICS_MAX;
		const char *near = kept ? near_who(reader, node->text, people_only) : NULL;
		fault(reader, node, "policy-who-unknown", near, ARGUMENTS({ "name", node->text }));
	}
}

static void read_one_from(struct reader *reader, const struct node *node,
			  const struct waiting *waiting, struct policy_from *out, size_t *count)
{
	const bool people_only = waiting->people_only;
	struct policy_from from = { 0 };
	struct prefix network = { 0 };
	const char *text = text_of(reader, node, waiting->key);
	if (text == NULL) {
		return;
	}
	bool any = strcmp(text, "any") == 0;
	if (any || strcmp(text, "host") == 0) {
		if (people_only) {
			fault(reader, node, "policy-never-cut", NULL,
			      ARGUMENTS({ "value", text }, { "key", waiting->key }));
			return;
		}
		from.kind = any ? POLICY_FROM_ANY : POLICY_FROM_HOST;
	} else if (looks_like_address(text)) {
		const char *id = network_read(&from.prefix, &network, text);
		if (id != NULL) {
			network_fault(reader, node, id, &network);
			return;
		}
		from.kind = POLICY_FROM_PREFIX;
	} else {
		from.kind = POLICY_FROM_WHO;
		from.who = who_find(reader, text);
		if (from.who == UINT32_MAX) {
			unknown_who(reader, node, people_only);
			return;
		}
	}
	out[(*count)++] = from;
}

/* `any` beside others: one of the two was not meant. */
static void check_mixed(struct reader *reader, const struct node *node,
			const struct policy_from *items, size_t count)
{
	for (size_t i = 0; i < count && count > 1; i++) {
		if (items[i].kind == POLICY_FROM_ANY) {
			fault(reader, node, "policy-from-mixed", NULL, NO_ARGUMENTS);
			return;
		}
	}
}

void read_from(struct reader *reader, const struct waiting *waiting)
{
	POLICY_LIST(struct policy_from) list;
	const struct node *node = waiting->node;
	memcpy(&list, waiting->list, sizeof(list)); /* never_cut of several files adds up */
	size_t more = node->kind == NODE_LIST ? node->count : 1;
	struct policy_from *items = policy_alloc(reader, (list.count + more) * sizeof(*items));
	if (more == 0) {
		fault(reader, node, "policy-empty-value", NULL, ARGUMENTS({ "key", waiting->key }));
	}
	if (items == NULL || more == 0) {
		return;
	}
	if (list.count > 0) {
		memcpy(items, list.items, list.count * sizeof(*items));
	}
	list.items = items;
	if (node->kind == NODE_LIST) {
		for (const struct node *item = node->first; item != NULL; item = item->next) {
			read_one_from(reader, item, waiting, items, &list.count);
		}
		check_mixed(reader, node, items, list.count);
	} else {
		read_one_from(reader, node, waiting, items, &list.count);
	}
	memcpy(waiting->list, &list, sizeof(list));
}

/* ---- by type ---- */

/* The types whose value is one text. */
static void read_scalar(struct reader *reader, const struct node *node,
			const struct schema_key *key, void *field)
{
	switch (key->type) {
	case SCHEMA_VERSION:
		read_version(reader, node, key, field);
		break;
	case SCHEMA_CHOICE:
		read_choice(reader, node, key, field);
		break;
	case SCHEMA_BOOLEAN:
		read_boolean(reader, node, key, field);
		break;
	case SCHEMA_DATE:
		read_date(reader, node, field);
		break;
	case SCHEMA_SPAN:
		read_span(reader, node, key, field);
		break;
	case SCHEMA_NUMBER:
		read_number(reader, node, key, field);
		break;
	case SCHEMA_MAC:
		if (mac_read(field, node->text) < 0) {
			bad(reader, node, "policy-mac");
		}
		break;
	case SCHEMA_RATE:
		if (rate_read(field, node->text, key->min, key->max) < 0) {
			bad(reader, node, "policy-rate");
		}
		break;
	default:
		read_text(reader, node, key, field);
		break;
	}
}

void read_value(struct reader *reader, const struct node *node, const struct schema_key *key,
		void *field)
{
	switch (key->type) {
	case SCHEMA_MAP:
	case SCHEMA_MAPPING:
	case SCHEMA_PATHS:
		read_container(reader, node, key, field);
		break;
	case SCHEMA_PORTS:
		read_list(reader, node, key, sizeof(struct policy_ports), field);
		break;
	case SCHEMA_NETWORKS:
	case SCHEMA_ADDRESSES:
		read_list(reader, node, key, sizeof(struct prefix), field);
		break;
	case SCHEMA_INTERFACES:
		read_list(reader, node, key, sizeof(const char *), field);
		break;
	case SCHEMA_HOSTNAMES:
		read_host_names(reader, node, field);
		break;
	case SCHEMA_FROM:
	case SCHEMA_PEOPLE:
		wait_for_who(reader, node, key, field);
		break;
	default:
		if (text_of(reader, node, key->name) != NULL) {
			read_scalar(reader, node, key, field);
		}
		break;
	}
}
