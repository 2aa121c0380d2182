/* The filter for one connection. Its blocks end in a verdict of their own, so that jumps stay
 * short: they reach 255 steps, and sixteen addresses of IPv6 take more. */
#include "filter.h"

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#define AUX(field) ((uint32_t)(SKF_AD_OFF + SKF_AD_##field))

enum {
	LOAD = BPF_LD | BPF_W | BPF_ABS,
	LOAD_HALF = BPF_LD | BPF_H | BPF_ABS,
	LOAD_BYTE = BPF_LD | BPF_B | BPF_ABS,
	LOAD_BEHIND = BPF_LD | BPF_W | BPF_IND, /* behind X bytes */
	LOAD_HALF_BEHIND = BPF_LD | BPF_H | BPF_IND,
	LOAD_BYTE_BEHIND = BPF_LD | BPF_B | BPF_IND,
	HEADER = BPF_LDX | BPF_B | BPF_MSH, /* X = length of the IPv4 header */
	AND = BPF_ALU | BPF_AND | BPF_K,
	SHIFT_LEFT = BPF_ALU | BPF_LSH | BPF_K,
	ADD_X = BPF_ALU | BPF_ADD | BPF_X,
	TO_X = BPF_MISC | BPF_TAX,
	IS = BPF_JMP | BPF_JEQ | BPF_K,
	OVER = BPF_JMP | BPF_JGT | BPF_K,
	ANY = BPF_JMP | BPF_JSET | BPF_K,
	JUMP = BPF_JMP | BPF_JA,
	RETURN = BPF_RET | BPF_K,
	ICMP = 1,
	ICMPV6 = 58,
};

struct program {
	struct sock_filter *steps;
	unsigned count;
	const struct capture_connection *connection;
};

static void step(struct program *p, uint16_t code, uint32_t k)
{
	p->steps[p->count++] = (struct sock_filter){ code, 0, 0, k };
}

/* Goes on when it holds, else the packet is not copied. */
static void need(struct program *p, uint16_t code, uint32_t k)
{
	p->steps[p->count++] = (struct sock_filter){ code, 1, 0, k };
	step(p, RETURN, 0);
}

static void need_not(struct program *p, uint16_t code, uint32_t k)
{
	p->steps[p->count++] = (struct sock_filter){ code, 0, 1, k };
	step(p, RETURN, 0);
}

/* Begins a block that is stepped over unless it holds. @return to be given to end_block. */
static unsigned begin_block(struct program *p, uint16_t code, uint32_t k)
{
	p->steps[p->count++] = (struct sock_filter){ code, 1, 0, k };
	step(p, JUMP, 0);
	return p->count - 1;
}

static void end_block(struct program *p, unsigned begun)
{
	p->steps[begun].k = p->count - begun - 1;
}

static uint32_t word(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* The verdict: whether the address at that offset is one of them. */
static void peers4(struct program *p, uint16_t load, uint32_t at)
{
	step(p, load, at);
	for (uint32_t i = 0; i < p->connection->peer_count; i++) {
		const struct addr *peer = &p->connection->peers[i];
		if (peer->family == ADDR_IPV4) {
			const struct sock_filter is = { IS, 0, 1, word(peer->bytes) };
			p->steps[p->count++] = is;
			step(p, RETURN, CAPTURE_PACKET_BYTES);
		}
	}
	step(p, RETURN, 0);
}

static void peers6(struct program *p, uint32_t at)
{
	for (uint32_t i = 0; i < p->connection->peer_count; i++) {
		const struct addr *peer = &p->connection->peers[i];
		if (peer->family != ADDR_IPV6) {
			continue;
		}
		for (unsigned part = 0; part < 4; part++) {
			/* Over what is left of this address, and the verdict behind it. */
			const uint8_t left = (uint8_t)((3 - part) * 2 + 1);
			step(p, LOAD, at + part * 4);
			const struct sock_filter is = { IS, 0, left,
							word(peer->bytes + (size_t)part * 4) };
			p->steps[p->count++] = is;
		}
		step(p, RETURN, CAPTURE_PACKET_BYTES);
	}
	step(p, RETURN, 0);
}

/* The error messages whose quoted packet is ours. */
static void icmp4(struct program *p)
{
	const struct capture_connection *c = p->connection;
	step(p, HEADER, 0);
	step(p, LOAD_BYTE_BEHIND, 0);
	p->steps[p->count++] = (struct sock_filter){ IS, 4, 0, 3 }; /* unreachable */
	p->steps[p->count++] = (struct sock_filter){ IS, 3, 0, 4 };
	p->steps[p->count++] = (struct sock_filter){ IS, 2, 0, 11 }; /* time exceeded */
	p->steps[p->count++] = (struct sock_filter){ IS, 1, 0, 12 };
	step(p, RETURN, 0);
	step(p, LOAD_BYTE_BEHIND, 8 + 9);
	need(p, IS, c->protocol);
	step(p, LOAD_BYTE_BEHIND, 8);
	step(p, AND, 0x0f);
	step(p, SHIFT_LEFT, 2);
	step(p, ADD_X, 0);
	step(p, TO_X, 0);
	step(p, LOAD_HALF_BEHIND, 8);
	need(p, IS, c->local_port);
	step(p, LOAD_HALF_BEHIND, 8 + 2);
	need(p, IS, c->remote_port);
	step(p, HEADER, 0);
	peers4(p, LOAD_BEHIND, 8 + 16);
}

static void ipv4(struct program *p)
{
	const struct capture_connection *c = p->connection;
	step(p, LOAD_BYTE, 9);
	const unsigned icmp = begin_block(p, IS, ICMP);
	icmp4(p);
	end_block(p, icmp);
	need(p, IS, c->protocol);
	step(p, LOAD_HALF, 6);
	need_not(p, ANY, 0x1fff); /* a later fragment has no ports */
	step(p, HEADER, 0);
	step(p, LOAD_HALF_BEHIND, 0);
	const unsigned sent = begin_block(p, IS, c->local_port);
	step(p, LOAD_HALF_BEHIND, 2);
	need(p, IS, c->remote_port);
	peers4(p, LOAD, 16);
	end_block(p, sent);
	need(p, IS, c->remote_port);
	step(p, LOAD_HALF_BEHIND, 2);
	need(p, IS, c->local_port);
	peers4(p, LOAD, 12);
}

static void ipv6(struct program *p)
{
	const struct capture_connection *c = p->connection;
	step(p, LOAD_BYTE, 6);
	const unsigned icmp = begin_block(p, IS, ICMPV6);
	step(p, LOAD_BYTE, 40);
	need_not(p, OVER, 4); /* RFC 4443 2.1: errors are 1 to 4 */
	step(p, LOAD_BYTE, 48 + 6);
	need(p, IS, c->protocol);
	step(p, LOAD_HALF, 48 + 40);
	need(p, IS, c->local_port);
	step(p, LOAD_HALF, 48 + 42);
	need(p, IS, c->remote_port);
	peers6(p, 48 + 24);
	end_block(p, icmp);
	need(p, IS, c->protocol);
	step(p, LOAD_HALF, 40);
	const unsigned sent = begin_block(p, IS, c->local_port);
	step(p, LOAD_HALF, 42);
	need(p, IS, c->remote_port);
	peers6(p, 24);
	end_block(p, sent);
	need(p, IS, c->remote_port);
	step(p, LOAD_HALF, 42);
	need(p, IS, c->local_port);
	peers6(p, 8);
}

unsigned connection_filter(struct sock_filter *out, const struct capture_connection *connection)
{
	struct program p = { .steps = out, .connection = connection };
	step(&p, LOAD, AUX(HATYPE));
	const unsigned loopback = begin_block(&p, IS, ARPHRD_LOOPBACK);
	step(&p, LOAD, AUX(PKTTYPE));
	need_not(&p, IS, PACKET_OUTGOING);
	end_block(&p, loopback);
	step(&p, LOAD, AUX(PROTOCOL));
	const unsigned four = begin_block(&p, IS, ETH_P_IP);
	ipv4(&p);
	end_block(&p, four);
	need(&p, IS, ETH_P_IPV6);
	ipv6(&p);
	return p.count;
}
