/* Drives lib/conntrack from a test: prints what it sees as JSON. Not installed. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/parse.h"
#include "conntrack/conntrack.h"
#include "conntrack/io/handle.h"
#include "observe/observe.h"

enum { SYNTHETIC_MAX = 400000 };

static void print(json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
	(void)puts(text);
	(void)fflush(stdout);
	free(text);
	json_decref(value);
}

static bool without(void)
{
	return conntrack_without(getenv("MINATO_WITHOUT"));
}

static int look(void)
{
	struct conntrack_state state;
	struct err e = ERR_INIT;
	int r = conntrack_look(&state, without(), &e);
	if (r < 0) {
		print(json_pack("{si ss}", "r", r, "error", err_text(&e)));
		return 1;
	}
	int check = conntrack_check(&state, 1, &e);
	print(json_pack("{sb sb sI sI sb sb si ss}", "available", state.available, "count_known",
			state.count_known, "count", (json_int_t)state.count, "max",
			(json_int_t)state.max, "active_known", state.active_known, "active",
			state.active, "check", check, "error", check < 0 ? err_text(&e) : ""));
	return 0;
}

/* ---- Entries ---- */

static json_t *tuple_json(const struct conntrack_tuple *tuple)
{
	char source[ENDPOINT_TEXT_BYTES];
	char destination[ENDPOINT_TEXT_BYTES];
	return json_pack(
		"[ss]", endpoint_format(&tuple->source, tuple->source_port, source),
		endpoint_format(&tuple->destination, tuple->destination_port, destination));
}

static int show_flow(const struct conntrack_flow *flow, void *data)
{
	json_array_append_new(
		data,
		json_pack("{so so si si si si sI sI sI si si sI sb sI sI sI sI}", "original",
			  tuple_json(&flow->original), "reply", tuple_json(&flow->reply),
			  "protocol", flow->protocol, "tcp_state", flow->tcp_state,
			  "flags_original", flow->tcp_flags_original, "flags_reply",
			  flow->tcp_flags_reply, "status", (json_int_t)flow->status, "timeout",
			  (json_int_t)flow->timeout_s, "mark", (json_int_t)flow->mark, "zone",
			  flow->zone, "zone_direction", flow->zone_direction, "id",
			  (json_int_t)flow->id, "counted", flow->counted, "packets_original",
			  (json_int_t)flow->packets_original, "packets_reply",
			  (json_int_t)flow->packets_reply, "bytes_original",
			  (json_int_t)flow->bytes_original, "bytes_reply",
			  (json_int_t)flow->bytes_reply));
	return 0;
}

static int dump(struct conntrack *conntrack, const char *family, struct err *e)
{
	json_t *rows = json_array();
	uint8_t number = strcmp(family, "4") == 0   ? AF_INET
			 : strcmp(family, "6") == 0 ? AF_INET6
						    : AF_UNSPEC;
	int r = conntrack_dump(conntrack, number, show_flow, rows, e);
	if (r < 0) {
		json_decref(rows);
		return r;
	}
	print(rows);
	return 0;
}

static int count_flow(const struct conntrack_flow *flow, void *data)
{
	size_t *count = data;
	(void)flow;
	(*count)++;
	return 0;
}

/* Asked for with all rights, read with none. */
static int count_without_rights(struct conntrack *conntrack, struct err *e)
{
	size_t entries = 0;
	int r = conntrack_dump_ask(conntrack->dump_fd, AF_UNSPEC, 1, e);
	if (r == 0 && setresuid(65534, 65534, 65534) < 0) {
		r = -errno;
	}
	r = r < 0 ? r : conntrack_dump_read(conntrack->dump_fd, 1, count_flow, &entries, e);
	int refused = conntrack_dump_ask(conntrack->dump_fd, AF_UNSPEC, 2, NULL);
	refused = refused < 0
			  ? refused
			  : conntrack_dump_read(conntrack->dump_fd, 2, count_flow, &entries, NULL);
	if (r == 0) {
		print(json_pack("{sI si}", "entries", (json_int_t)entries, "refused", refused));
	}
	return r;
}

static int count(struct conntrack *conntrack, struct err *e)
{
	size_t entries = 0;
	int r = conntrack_dump(conntrack, AF_UNSPEC, count_flow, &entries, e);
	if (r == 0) {
		print(json_integer((json_int_t)entries));
	}
	return r;
}

/* ---- Seeding ---- */

static int seed_list(struct conntrack *conntrack, const struct connection *list, size_t length,
		     unsigned flags, struct err *e)
{
	struct conntrack_seeded seeded;
	usec_t before = clock_now();
	int r = conntrack_seed(conntrack, list, length, flags, &seeded, e);
	print(json_pack("{si sI sI sI sI sI si sI ss}", "r", r, "created",
			(json_int_t)seeded.created, "existing", (json_int_t)seeded.existing,
			"loopback", (json_int_t)seeded.loopback, "unfit", (json_int_t)seeded.unfit,
			"failed", (json_int_t)seeded.failed, "failure", seeded.failure,
			"duration_us", (json_int_t)(clock_now() - before), "error",
			r < 0 ? err_text(e) : ""));
	return 0;
}

static int seed(struct conntrack *conntrack, unsigned flags, struct err *e)
{
	struct observe_request request = { .flags = OBSERVE_CONNECTIONS, .now = clock_now() };
	struct inventory inventory;
	int r = observe_inventory(&inventory, &request, e);
	if (r < 0) {
		return r;
	}
	r = seed_list(conntrack, inventory.connections.items, inventory.connections.count, flags,
		      e);
	inventory_deinit(&inventory);
	return r;
}

/* Connections that no socket has: 198.18.0.0/15 is for benchmarks (RFC 2544). */
static int seed_synthetic(struct conntrack *conntrack, uint64_t length, uint64_t receive_bytes,
			  struct err *e)
{
	_cleanup_(freep) struct connection *list = calloc(length, sizeof(*list));
	if (list == NULL) {
		return -ENOMEM;
	}
	for (uint64_t i = 0; i < length; i++) {
		const uint8_t local[4] = { 198, 18, 0, 1 };
		const uint8_t remote[4] = { 198, 19, (uint8_t)(i >> 8), (uint8_t)i };
		list[i] = (struct connection){ .protocol = PROTOCOL_TCP,
					       .state = 1,
					       .direction = DIRECTION_INBOUND,
					       .local = addr_from_ipv4(local),
					       .remote = addr_from_ipv4(remote),
					       .local_port = 443,
					       .remote_port = (uint16_t)(1024 + (i >> 16)) };
	}
	int bytes = (int)receive_bytes;
	if (bytes > 0) {
		(void)setsockopt(conntrack->change_fd, SOL_SOCKET, SO_RCVBUF, &bytes,
				 sizeof(bytes));
	}
	return seed_list(conntrack, list, length, 0, e);
}

/* ---- Deleting ---- */

static bool has_port(const struct conntrack_flow *flow, void *data)
{
	const uint16_t *port = data;
	return *port == 0 || flow->original.source_port == *port ||
	       flow->original.destination_port == *port;
}

static int delete_matching(struct conntrack *conntrack, uint16_t port, struct err *e)
{
	size_t deleted = 0;
	int r = conntrack_delete_matching(conntrack, has_port, &port, &deleted, e);
	print(json_pack("{si sI}", "r", r, "deleted", (json_int_t)deleted));
	return 0;
}

struct deleting {
	struct conntrack *conntrack;
	uint16_t port;
	int other_id, first, second;
};

/* While the dump is running: with the id of another, as it is, and once more. */
static int delete_one(const struct conntrack_flow *flow, void *data)
{
	struct deleting *deleting = data;
	if (!has_port(flow, &deleting->port)) {
		return 0;
	}
	struct conntrack_flow other = *flow;
	other.id ^= 1;
	deleting->other_id = conntrack_delete(deleting->conntrack, &other, NULL);
	deleting->first = conntrack_delete(deleting->conntrack, flow, NULL);
	deleting->second = conntrack_delete(deleting->conntrack, flow, NULL);
	return 1;
}

static int delete_first(struct conntrack *conntrack, uint16_t port, struct err *e)
{
	struct deleting deleting = { .conntrack = conntrack, .port = port };
	int r = conntrack_dump(conntrack, AF_UNSPEC, delete_one, &deleting, e);
	print(json_pack("{si si si si}", "r", r, "other_id", deleting.other_id, "first",
			deleting.first, "second", deleting.second));
	return 0;
}

static int run(struct conntrack *conntrack, int words, char **word, struct err *e)
{
	uint64_t first = 0;
	uint64_t second = 0;
	const char *verb = word[1];
	if (strcmp(verb, "dump") == 0 && words == 3) {
		return dump(conntrack, word[2], e);
	}
	if ((words > 2 && parse_u64(&first, word[2], 0, SYNTHETIC_MAX) < 0) ||
	    (words > 3 && parse_u64(&second, word[3], 0, INT32_MAX) < 0)) {
		return -EINVAL;
	}
	if (strcmp(verb, "count") == 0) {
		return count(conntrack, e);
	}
	if (strcmp(verb, "count-without-rights") == 0) {
		return count_without_rights(conntrack, e);
	}
	if (strcmp(verb, "seed") == 0) {
		return seed(conntrack, (unsigned)first, e);
	}
	if (strcmp(verb, "synthetic") == 0) {
		return seed_synthetic(conntrack, first, second, e);
	}
	if (strcmp(verb, "delete") == 0) {
		return delete_matching(conntrack, (uint16_t)first, e);
	}
	return strcmp(verb, "delete-first") == 0 ? delete_first(conntrack, (uint16_t)first, e)
						 : -EINVAL;
}

int main(int words, char **word)
{
	struct conntrack *conntrack = NULL;
	struct err e = ERR_INIT;
	if (words < 2) {
		(void)fputs("conntrack-probe look | count | count-without-rights | dump FAMILY | "
			    "seed FLAGS |\n"
			    "synthetic COUNT RECEIVE_BYTES | delete PORT | delete-first PORT\n",
			    stderr);
		return 2;
	}
	if (strcmp(word[1], "look") == 0) {
		return look();
	}
	int r = conntrack_open(&conntrack, without(), &e);
	r = r < 0 ? r : run(conntrack, words, word, &e);
	if (r < 0) {
		print(json_pack("{si ss}", "r", r, "error", err_text(&e)));
	}
	(void)conntrack_close(conntrack);
	return r < 0;
}
