/* Whom the rules refused, or would refuse, as the kernel counted. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "enforce/counts.h"
#include "enforce/io/nft.h"

enum { TEXT_BYTES_MAX = 64 * 1024 * 1024 };

struct reading {
	VEC(struct enforce_counted) list;
	usec_t now;
};

/* [address, "tcp", 22]; protocols without a name of ours have no ports. */
static bool read_key(struct enforce_counted *out, const json_t *key)
{
	const char *from = json_string_value(json_array_get(key, 0));
	const json_t *protocol = json_array_get(key, 1);
	out->port = (uint16_t)json_integer_value(json_array_get(key, 2));
	return from != NULL && addr_parse(&out->from, from) == 0 && json_is_string(protocol) &&
	       protocol_parse(&out->protocol, json_string_value(protocol)) == 0;
}

static int take(struct reading *reading, const json_t *element)
{
	const json_t *inner = json_object_get(element, "elem");
	struct enforce_counted counted = { 0 };
	if (!read_key(&counted, json_object_get(json_object_get(inner, "val"), "concat"))) {
		return 0;
	}
	const usec_t expires = json_integer_value(json_object_get(inner, "expires")) * USEC_PER_SEC;
	counted.packets = (uint64_t)json_integer_value(
		json_object_get(json_object_get(inner, "counter"), "packets"));
	/* Each packet begins the time anew. */
	counted.last = reading->now - (ENFORCE_COUNTED_SECONDS * USEC_PER_SEC - expires);
	struct enforce_counted *item = vec_push(&reading->list);
	if (item == NULL) {
		return -ENOMEM;
	}
	*item = counted;
	return 0;
}

static int take_all(struct reading *reading, const json_t *document)
{
	size_t i;
	size_t k;
	json_t *object;
	json_t *element;
	int r = 0;
	json_array_foreach(json_object_get(document, "nftables"), i, object)
	{
		json_t *elements = json_object_get(json_object_get(object, "set"), "elem");
		json_array_foreach(elements, k, element)
		{
			r = r == 0 ? take(reading, element) : r;
		}
	}
	return r;
}

static int read_set(struct reading *reading, const char *name, int family, struct err *e)
{
	char command[64];
	struct str text = STR_INIT(TEXT_BYTES_MAX);
	struct err mine = ERR_INIT;
	(void)snprintf(command, sizeof(command), "list set inet minato %s-%d", name, family);
	int r = nft_run(&text, command, NFT_JSON, &mine);
	json_t *document = r == 0 ? json_loads(str_text(&text), 0, NULL) : NULL;
	str_deinit(&text);
	if (r == 0) {
		r = take_all(reading, document);
	}
	json_decref(document);
	if (r == -ENOENT) {
		return 0; /* no rules, or older ones */
	}
	return r < 0 ? err_set(e, r, "%s", err_text(&mine)) : 0;
}

int enforce_counted(struct enforce_counts *out, bool observed, usec_t now, struct err *e)
{
	const char *name = observed ? "would" : "refused";
	struct reading reading = { .now = now };
	int r = read_set(&reading, name, ADDR_IPV4, e);
	if (r == 0) {
		r = read_set(&reading, name, ADDR_IPV6, e);
	}
	*out = (struct enforce_counts){ reading.list.items, reading.list.count };
	counts_rank(out);
	return r;
}
