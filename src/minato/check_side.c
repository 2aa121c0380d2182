/* This host's own side of a check that failed: its resolver, its rules for what goes out, its
 * queues of connections. */
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/netlink.h"
#include "check.h"
#include "explain_way_text.h"
#include "twin/twin.h"
#include "twin_ask.h"

static const usec_t RESOLVER_TIME = 2 * USEC_PER_SEC;

enum {
	NOBODY = 65534,            /* who minato-probe is when we are root */
	RULES_BYTES_MAX = 1 << 20, /* beyond, a copy takes longer than anybody waits here */
};

/* ---- the resolver ---- */

/* One question to one server. @return whether it answers. */
static bool answers(const struct addr *server)
{
	struct probe_record records[PROBE_RECORDS_MAX];
	size_t count = 0;
	struct probe_order order = {
		.talk = PROBE_TALK_DNS,
		.udp = 1,
		.port = 53,
		.connect_time = RESOLVER_TIME,
		.answer_time = RESOLVER_TIME,
	};
	const struct probe_record *evidence = NULL;
	probe_order_addresses(&order, server, 1);
	(void)addr_format(&order.addresses[0], order.host);
	(void)str_copy(order.path, sizeof(order.path), "/");
	return probe_ask(records, PROBE_RECORDS_MAX, &count, &order, NULL) == 0 &&
	       probe_judge(&order, records, count, 0, &evidence) == PROBE_ANSWERS;
}

static void ask_resolvers(struct check *check)
{
	struct addr servers[PROBE_RESOLVERS_MAX];
	const size_t count = probe_resolvers(servers, PROBE_RESOLVERS_MAX);
	check->dns = count == 0 ? CHECK_DNS_NONE : CHECK_DNS_SILENT;
	for (size_t i = 0; i < count && check->dns == CHECK_DNS_SILENT; i++) {
		const bool answered = answers(&servers[i]);
		if (i == 0 || answered) {
			check->resolver = servers[i];
		}
		check->dns = answered ? CHECK_DNS_ANSWERS : CHECK_DNS_SILENT;
	}
	if (count > 0) {
		(void)probe_local(&check->local, &check->resolver, NULL);
	}
}

/* ---- rules for what goes out ---- */

static void take_answer(struct check *check, const struct twin_answer *answer)
{
	struct str rule = STR_INIT(1 << 16);
	const bool ends = answer->outcome == TWIN_DROPPED || answer->outcome == TWIN_REJECTED;
	if (twin_is_doubtful(answer) || answer->outcome == TWIN_UNKNOWN) {
		check->output = CHECK_OUTPUT_UNKNOWN;
	} else if (ends && answer->deciding != NULL) {
		way_add_deciding(&rule, answer->deciding);
		(void)str_copy(check->output_rule, sizeof(check->output_rule), str_text(&rule));
		check->output = CHECK_OUTPUT_ENDS;
		check->cause = PROBE_LOCAL;
	} else {
		check->output = ends ? CHECK_OUTPUT_UNKNOWN : CHECK_OUTPUT_GOES;
	}
	str_deinit(&rule);
}

static void ask_twin(struct check *check, const struct addr *to)
{
	_cleanup_(twin_host_freep) struct twin_host *host = NULL;
	_cleanup_(twin_freep) struct twin *twin = NULL;
	_cleanup_(close_fdp) int route = netlink_open(NETLINK_ROUTE);
	const uint32_t user = NOBODY;
	char interface[TWIN_INTERFACE_BYTES];
	struct twin_answer answer = { .reject = "" };
	struct twin_packet packet = {
		.protocol = check->order.udp != 0 ? IPPROTO_UDP : IPPROTO_TCP,
		.to = *to,
		.port = check->order.port,
		.interface = "lo",
	};
	check->output = CHECK_OUTPUT_UNKNOWN;
	if (twin_way(interface, &packet.from, route, to, NULL) == 0 &&
	    strcmp(interface, "lo") != 0 && twin_host_read(&host, NULL, NULL, NULL) == 0 &&
	    twin_host_rules_bytes(host) <= RULES_BYTES_MAX &&
	    twin_new_as(&twin, host, &user, NULL) == 0 &&
	    twin_probe(twin, &packet, &answer, NULL) == 0) {
		take_answer(check, &answer);
	}
	twin_answer_deinit(&answer);
}

/* A drop of the output chain is told to nobody: it looks like any other silence, or like EPERM. */
static void ask_output(struct check *check)
{
	const bool silent = check->cause == PROBE_FILTERED || check->cause == PROBE_UNKNOWN;
	if (!silent || check->own || check->evidence == NULL) {
		return;
	}
	if (geteuid() != 0) {
		check->output = CHECK_OUTPUT_RIGHTS;
		return;
	}
	ask_twin(check, &check->evidence->to);
}

void check_side(struct check *check)
{
	if (check->cause == PROBE_NO_RESOLVER) {
		ask_resolvers(check);
	} else {
		ask_output(check);
	}
}

/* ---- queues of connections ---- */

void check_queue_begin(struct check_queue *queue)
{
	queue->counted = probe_overflows(&queue->lost) == 0;
}

void check_queue_end(struct check_queue *queue)
{
	uint64_t now = 0;
	queue->counted = queue->counted && probe_overflows(&now) == 0;
	if (queue->counted) {
		queue->lost_now = now - queue->lost;
		queue->lost = now;
	}
}
