/* How many came for which ports, as the maps from ports to doors counted. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/vec.h"
#include "enforce/counts.h"
#include "enforce/io/nft.h"
#include "enforce/io/objects.h"
#include "enforce/listing.h"

static const enum protocol protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP, PROTOCOL_DCCP,
					   PROTOCOL_UDPLITE };

struct reading {
	VEC(struct enforce_counted) list;
	enum protocol protocol; /* of the present map, and the next likewise */
	enum enforce_direction direction;
};

static uint16_t port_of(const json_t *value)
{
	const json_int_t port = json_integer_value(value);
	return port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* [{"elem": {"val": 22 | {"range": [80, 90]}, "counter": {"packets": 0}}}, verdict] */
static int take(void *data, const json_t *element)
{
	struct reading *reading = data;
	const json_t *inner = json_object_get(json_array_get(element, 0), "elem");
	const json_t *value = json_object_get(inner, "val");
	const json_t *range = json_object_get(value, "range");
	const json_int_t packets =
		json_integer_value(json_object_get(json_object_get(inner, "counter"), "packets"));
	struct enforce_counted *item = packets > 0 ? vec_push(&reading->list) : NULL;
	if (packets > 0 && item == NULL) {
		return -ENOMEM;
	}
	if (item != NULL) {
		*item = (struct enforce_counted){
			.direction = reading->direction,
			.protocol = reading->protocol,
			.port = port_of(range == NULL ? value : json_array_get(range, 0)),
			.last_port = port_of(json_array_get(range, 1)),
			.packets = (uint64_t)packets,
		};
	}
	return 0;
}

static int read_map(struct reading *reading, const char *name, struct err *e)
{
	struct err mine = ERR_INIT;
	int r = nft_elements("map", name, take, reading, &mine);
	/* Swept meanwhile. */
	return r == -ENOENT ? 0 : r < 0 ? err_set(e, r, "%s", err_text(&mine)) : 0;
}

/* Names of maps, a line each. */
static int note(enum object_kind kind, const char *name, void *data)
{
	return kind == OBJECT_MAP && listing_generation(name) != 0 ? str_printf(data, "%s\n", name)
								   : 0;
}

/* "gN-tcp", "gN-fwd-tcp". @return whether it is such a map. */
static bool is_counting(struct reading *reading, const char *name)
{
	static const char forward[] = "fwd-";
	const char *rest = strchr(name, '-') + 1; /* a generation's name has one */
	const bool passes = strncmp(rest, forward, strlen(forward)) == 0;
	rest += passes ? strlen(forward) : 0;
	reading->direction = passes ? ENFORCE_FORWARD : ENFORCE_INBOUND;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(rest, protocol_name(protocols[i])) == 0) {
			reading->protocol = protocols[i];
			return true;
		}
	}
	return false;
}

int enforce_asked(struct enforce_counts *out, struct err *e)
{
	struct reading reading = { 0 };
	struct str names = STR_INIT(1 << 16);
	char *rest = NULL;
	int r = objects_list(note, &names, e);
	char *text = r == 0 && names.length > 0 ? names.text : NULL;
	for (char *name = text == NULL ? NULL : strtok_r(text, "\n", &rest); r == 0 && name != NULL;
	     name = strtok_r(NULL, "\n", &rest)) {
		r = is_counting(&reading, name) ? read_map(&reading, name, e) : 0;
	}
	str_deinit(&names);
	*out = (struct enforce_counts){ reading.list.items, reading.list.count };
	enforce_counts_merge(out);
	counts_rank(out);
	return r;
}
