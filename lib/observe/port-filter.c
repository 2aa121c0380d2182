/* A program for sock_diag that passes sockets with certain local ports alone. Pure. */
#include "observe/port-filter.h"

#include <linux/inet_diag.h>
#include <string.h>

/* Ports nearer to each other than this share a range: each range costs every socket a test. */
enum { GAP = 512 };

struct range {
	uint16_t first, last;
};

static size_t gather(struct range *ranges, const struct portset *ports)
{
	size_t count = 0;
	for (int32_t port = portset_next(ports, 0); port >= 0;
	     port = portset_next(ports, (uint32_t)port + 1)) {
		bool joins = count > 0 &&
			     (port - ranges[count - 1].last <= GAP || count == PORT_FILTER_RANGES);
		if (!joins) {
			ranges[count++].first = (uint16_t)port;
		}
		ranges[count - 1].last = (uint16_t)port;
	}
	return count;
}

static void put(struct port_filter *out, uint8_t code, uint8_t yes, uint16_t no)
{
	const struct inet_diag_bc_op op = { .code = code, .yes = yes, .no = no };
	memcpy(out->program + out->length, &op, sizeof(op));
	out->length += sizeof(op);
}

/* A comparison takes two instructions: the port stands in the second one. */
static void put_comparison(struct port_filter *out, uint8_t code, uint16_t port, uint16_t no)
{
	enum { BOTH = 2 * sizeof(struct inet_diag_bc_op) };
	put(out, code, BOTH, no);
	put(out, INET_DIAG_BC_NOP, sizeof(struct inet_diag_bc_op), port);
}

void port_filter_make(struct port_filter *out, const struct portset *ports)
{
	/* Per range: "not below first, else on to the next range", "not above last, else on", "jump
	 * to the end". A socket passes by ending exactly at the end; beyond it is refused, and that
	 * is where the last range, which needs no jump, leads (inet_diag_bc_run). */
	enum {
		OP = sizeof(struct inet_diag_bc_op),
		COMPARISON = 2 * OP,
		BLOCK = 2 * COMPARISON + OP,
	};
	struct range ranges[PORT_FILTER_RANGES];
	const size_t count = gather(ranges, ports);
	const size_t total = count * BLOCK - (count > 0 ? OP : 0);
	out->length = 0;
	for (size_t i = 0; i < count; i++) {
		put_comparison(out, INET_DIAG_BC_S_GE, ranges[i].first, BLOCK);
		put_comparison(out, INET_DIAG_BC_S_LE, ranges[i].last, BLOCK - COMPARISON);
		if (out->length < total) {
			put(out, INET_DIAG_BC_JMP, OP, (uint16_t)(total - out->length));
		}
	}
}
