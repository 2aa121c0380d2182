/* What earlier audits found, as text of the file it is kept in, and back. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"

enum { SCHEMA = 1, SETS = 5, LIST_BYTES_MAX = 512 * 1024 };

/* The sets of a layer, and their words in the file. */
static const struct {
	const char *name;
	size_t offset;
} sets[SETS] = {
	{ "open", offsetof(struct audit_layer, open) },
	{ "closed", offsetof(struct audit_layer, closed) },
	{ "rejected", offsetof(struct audit_layer, rejected) },
	{ "filtered", offsetof(struct audit_layer, filtered) },
	{ "left", offsetof(struct audit_layer, left) },
};

static struct portset *set_of(const struct audit_layer *layer, unsigned set)
{
	return (struct portset *)((char *)(uintptr_t)layer + sets[set].offset);
}

/* ---- to text ---- */

/* "22,80,8000-8100", as portset_parse() reads it. */
static int add_list(struct str *out, const struct portset *ports)
{
	const char *separator = "";
	for (int32_t first = portset_next(ports, 0); first >= 0;) {
		int32_t last = first;
		while (last < UINT16_MAX && portset_has(ports, (uint16_t)(last + 1))) {
			last++;
		}
		str_printf(out, last == first ? "%s%d" : "%s%d-%d", separator, first, last);
		separator = ",";
		first = portset_next(ports, (uint32_t)last + 1);
	}
	return out->error;
}

static json_t *layer_json(const struct audit_layer *layer)
{
	char time[TIME_TEXT_BYTES];
	struct str list = STR_INIT(LIST_BYTES_MAX);
	json_t *json = json_pack("{s:s,s:s}", "protocol", protocol_name(layer->protocol), "time",
				 time_format(layer->time, time));
	for (unsigned i = 0; i < SETS && json != NULL; i++) {
		str_clear(&list);
		if (add_list(&list, set_of(layer, i)) < 0 ||
		    (list.length > 0 &&
		     json_object_set_new(json, sets[i].name, json_string(str_text(&list))) < 0)) {
			json_decref(json);
			json = NULL;
		}
	}
	str_deinit(&list);
	return json;
}

int audit_record_print(struct str *out, const struct audit_record *record)
{
	char address[ADDR_TEXT_BYTES];
	json_t *audits = json_array();
	int r = audits == NULL ? -ENOMEM : 0;
	for (size_t i = 0; i < record->count && r == 0; i++) {
		r = json_array_append_new(audits, layer_json(&record->layers[i])) < 0 ? -ENOMEM : 0;
	}
	json_t *root = json_pack("{s:i,s:s,s:o}", "schema", SCHEMA, "address",
				 addr_format(&record->address, address), "audits", audits);
	char *text = r < 0 || root == NULL ? NULL : json_dumps(root, JSON_INDENT(1));
	r = text == NULL ? -ENOMEM : str_add(out, text);
	r = r < 0 ? r : str_add_char(out, '\n');
	json_decref(root);
	free(text);
	return r;
}

/* ---- from text ---- */

static int take_set(struct audit_layer *layer, struct portset *seen, unsigned set,
		    const json_t *value)
{
	struct portset *ports = set_of(layer, set);
	if (value == NULL) {
		return 0;
	}
	if (!json_is_string(value) || portset_parse(ports, json_string_value(value)) < 0 ||
	    portset_has(ports, 0)) {
		return -EBADMSG;
	}
	for (unsigned i = 0; i < 65536 / 64; i++) {
		if ((seen->words[i] & ports->words[i]) != 0) {
			return -EBADMSG; /* of one port two things */
		}
		seen->words[i] |= ports->words[i];
	}
	return 0;
}

static int take_layer(struct audit_layer *layer, const json_t *item)
{
	const char *protocol = json_string_value(json_object_get(item, "protocol"));
	const char *time = json_string_value(json_object_get(item, "time"));
	struct portset seen = { 0 };
	int r = time == NULL || time_parse(&layer->time, time) < 0 || layer->time <= 0 ? -EBADMSG
										       : 0;
	if (protocol != NULL && strcmp(protocol, "tcp") == 0) {
		layer->protocol = PROTOCOL_TCP;
	} else if (protocol != NULL && strcmp(protocol, "udp") == 0) {
		layer->protocol = PROTOCOL_UDP;
	} else {
		r = -EBADMSG;
	}
	for (unsigned i = 0; i < SETS && r == 0; i++) {
		r = take_set(layer, &seen, i, json_object_get(item, sets[i].name));
	}
	return r;
}

/* By the way of taking in: what two layers say of one port is what the later one says. */
static int take_root(struct audit_record *record, const json_t *root)
{
	const char *address = json_string_value(json_object_get(root, "address"));
	const json_t *audits = json_object_get(root, "audits");
	if (json_integer_value(json_object_get(root, "schema")) != SCHEMA || address == NULL ||
	    addr_parse(&record->address, address) < 0 || !json_is_array(audits) ||
	    json_array_size(audits) > 2 * (size_t)AUDIT_LAYERS_MAX) {
		return -EBADMSG;
	}
	for (size_t i = 0; i < json_array_size(audits); i++) {
		struct audit_layer *layer = calloc(1, sizeof(*layer));
		const int r =
			layer == NULL ? -ENOMEM : take_layer(layer, json_array_get(audits, i));
		if (r == 0) {
			audit_record_take(record, layer);
		}
		free(layer);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

int audit_record_parse(struct audit_record *out, const char *text, size_t length)
{
	struct audit_record *record = calloc(1, sizeof(*record));
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	int r = record == NULL ? -ENOMEM : root == NULL ? -EBADMSG : take_root(record, root);
	if (r == 0) {
		*out = *record;
	}
	json_decref(root);
	free(record);
	return r;
}
