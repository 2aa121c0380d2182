/* Names of facts and figures, as data/lessons.yaml writes them. */
#include "learn/learn.h"

static const char *const facts[LEARN_FACTS] = {
	[LEARN_NONE] = "",
	[LEARN_HOST] = "host",
	[LEARN_ADDRESS] = "address",
	[LEARN_PROGRAMS] = "programs",
	[LEARN_LISTENERS] = "listeners",
	[LEARN_TRIED_ADDRESS] = "tried_address",
	[LEARN_TRIED_PORT] = "tried_port",
	[LEARN_TRIED_ERROR] = "tried_error",
	[LEARN_EPHEMERAL_FIRST] = "ephemeral_first",
	[LEARN_EPHEMERAL_LAST] = "ephemeral_last",
	[LEARN_EPHEMERAL_COUNT] = "ephemeral_count",
	[LEARN_EPHEMERAL_LISTENER] = "ephemeral_listener",
	[LEARN_EPHEMERAL_LISTENER_PORT] = "ephemeral_listener_port",
	[LEARN_LOCAL_ADDRESS] = "local_address",
	[LEARN_LOCAL_PORT] = "local_port",
	[LEARN_REMOTE_ADDRESS] = "remote_address",
	[LEARN_REMOTE_PORT] = "remote_port",
	[LEARN_CONNECTION_PROGRAM] = "connection_program",
	[LEARN_CONNECTION_MADE] = "connection_made",
	[LEARN_CLIENT_PORT] = "client_port",
	[LEARN_SERVER_PORT] = "server_port",
	[LEARN_CHOSEN_BY_KERNEL] = "chosen_by_kernel",
	[LEARN_TCP_CAPTURED] = "tcp_captured",
	[LEARN_TCP_TIME] = "tcp_time",
	[LEARN_RISKY_OPEN] = "risky_open",
	[LEARN_RISKY_NAMES] = "risky_names",
	[LEARN_NAT_LIVE] = "nat_live",
	[LEARN_NAT_SANDBOX] = "nat_sandbox",
	[LEARN_NAT_DEVICES] = "nat_devices",
	[LEARN_NAT_CONNECTIONS] = "nat_connections",
	[LEARN_NAT_OUTSIDE] = "nat_outside",
	[LEARN_NAT_INSIDE] = "nat_inside",
	[LEARN_NAT_INSIDE_PORT] = "nat_inside_port",
	[LEARN_NAT_OUTSIDE_PORT] = "nat_outside_port",
	[LEARN_SANDBOX_WHY] = "sandbox_why",
	[LEARN_SCAN_SOURCE] = "scan_source",
	[LEARN_SCAN_ASKED] = "scan_asked",
	[LEARN_SCAN_OPEN] = "scan_open",
	[LEARN_SCAN_LINE] = "scan_line",
	[LEARN_SCAN_AFTER] = "scan_after",
};

static const char *const figures[LEARN_FIGURES] = {
	[LEARN_FIGURE_NONE] = "",         [LEARN_FIGURE_DOORS] = "doors",
	[LEARN_FIGURE_RANGES] = "ranges", [LEARN_FIGURE_HEADER] = "header",
	[LEARN_FIGURE_TCP] = "tcp",       [LEARN_FIGURE_UDP] = "udp",
	[LEARN_FIGURE_RISKS] = "risks",   [LEARN_FIGURE_NAT] = "nat",
	[LEARN_FIGURE_SCAN] = "scan",
};

const char *learn_fact_name(enum learn_fact fact)
{
	return facts[fact];
}

const char *learn_figure_name(enum learn_figure figure)
{
	return figures[figure];
}
