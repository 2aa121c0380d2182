/* Whom the rules refused, or would refuse, as the kernel counted. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "enforce/counts.h"
#include "enforce/io/nft.h"

struct reading {
	VEC(struct enforce_counted) list;
	usec_t now;
	enum enforce_direction direction; /* of the present set */
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

static int take(void *data, const json_t *element)
{
	struct reading *reading = data;
	const json_t *inner = json_object_get(element, "elem");
	struct enforce_counted counted = { .direction = reading->direction };
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

static int read_set(struct reading *reading, const char *name, int family, struct err *e)
{
	char set[32];
	struct err mine = ERR_INIT;
	const bool forward = reading->direction == ENFORCE_FORWARD;
	(void)snprintf(set, sizeof(set), "%s%s-%d", forward ? "forward-" : "", name, family);
	int r = nft_elements("set", set, take, reading, &mine);
	if (r == -ENOENT) {
		return 0; /* no rules, or older ones */
	}
	return r < 0 ? err_set(e, r, "%s", err_text(&mine)) : 0;
}

int enforce_counted(struct enforce_counts *out, enum enforce_counting which, usec_t now,
		    struct err *e)
{
	static const char *const names[ENFORCE_COUNTINGS] = {
		[ENFORCE_COUNT_REFUSED] = "refused",
		[ENFORCE_COUNT_WOULD] = "would",
		[ENFORCE_COUNT_OUTBOUND] = "refused-out",
	};
	const char *name = names[which];
	struct reading reading = { .now = now };
	int r = 0;
	const bool out_alone = which == ENFORCE_COUNT_OUTBOUND;
	const int first = out_alone ? ENFORCE_OUTBOUND : ENFORCE_INBOUND;
	const int last = out_alone ? ENFORCE_OUTBOUND : ENFORCE_FORWARD;
	for (int i = first; r == 0 && i <= last; i++) {
		reading.direction = (enum enforce_direction)i;
		r = read_set(&reading, name, ADDR_IPV4, e);
		if (r == 0) {
			r = read_set(&reading, name, ADDR_IPV6, e);
		}
	}
	*out = (struct enforce_counts){ reading.list.items, reading.list.count };
	counts_rank(out);
	return r;
}
