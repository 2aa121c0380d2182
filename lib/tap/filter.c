/* The filter of the packet socket, as rows with names in the place of distances. */
#include "filter.h"

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdint.h>

#define AUX(field) ((uint32_t)(SKF_AD_OFF + SKF_AD_##field))

enum {
	LOAD_AUX = BPF_LD | BPF_W | BPF_ABS,
	LOAD_BYTE = BPF_LD | BPF_B | BPF_ABS,
	LOAD_HALF = BPF_LD | BPF_H | BPF_ABS,
	LOAD_BYTE_BEHIND = BPF_LD | BPF_B | BPF_IND, /* behind the IPv4 header */
	HEADER = BPF_LDX | BPF_B | BPF_MSH,          /* its length */
	AND = BPF_ALU | BPF_AND | BPF_K,
	SHIFT_RIGHT = BPF_ALU | BPF_RSH | BPF_K,
	SUBTRACT_X = BPF_ALU | BPF_SUB | BPF_X,
	KEEP = BPF_ST,
	KEPT = BPF_LD | BPF_MEM,
	TO_X = BPF_MISC | BPF_TAX,
	IS = BPF_JMP | BPF_JEQ | BPF_K,
	OVER = BPF_JMP | BPF_JGT | BPF_K,
	ANY = BPF_JMP | BPF_JSET | BPF_K,
	RETURN = BPF_RET | BPF_K,
};

enum place {
	NEXT,
	COPY,
	DROP,
	FAMILY,
	IPV4,
	IPV6,
	WHOLE4,
	TCP4,
	TCP4_QUESTION,
	ICMP4,
	ICMP4_TYPE,
	TCP6,
	TCP6_QUESTION,
	ICMP6,
	ICMP6_TYPE,
	PLACES,
};

/* The numbers of TCP's flags are in model/packet.h: FIN 1, SYN 2, RST 4, ACK 16. */
static const struct step {
	enum place here; /* NEXT = it has no name */
	uint16_t code;
	uint32_t k;
	enum place yes, no;
} steps[] = {
	{ NEXT, LOAD_AUX, AUX(HATYPE) },
	{ NEXT, IS, ARPHRD_LOOPBACK, DROP, NEXT },
	{ NEXT, LOAD_AUX, AUX(PKTTYPE) },
	{ NEXT, IS, PACKET_HOST, FAMILY, NEXT },
	{ NEXT, IS, PACKET_OUTGOING, FAMILY, DROP },
	{ FAMILY, LOAD_AUX, AUX(PROTOCOL) },
	{ NEXT, IS, ETH_P_IP, IPV4, NEXT },
	{ NEXT, IS, ETH_P_IPV6, IPV6, NEXT },
	{ NEXT, IS, ETH_P_8021Q, COPY, NEXT }, /* a second tag: seldom, so all of it */
	{ NEXT, IS, ETH_P_8021AD, COPY, DROP },

	/* IPv4: of fragments those that may have a part of the header. */
	{ IPV4, LOAD_HALF, 6 },
	{ NEXT, ANY, 0x3fff, NEXT, WHOLE4 },
	{ NEXT, AND, 0x1fff },
	{ NEXT, OVER, 7, DROP, COPY },
	{ WHOLE4, HEADER, 0 },
	{ NEXT, LOAD_BYTE, 9 },
	{ NEXT, IS, 17, COPY, NEXT },
	{ NEXT, IS, 6, TCP4, NEXT },
	{ NEXT, IS, 1, ICMP4, DROP },

	{ TCP4, LOAD_AUX, AUX(PKTTYPE) },
	{ NEXT, IS, PACKET_OUTGOING, NEXT, TCP4_QUESTION },
	{ NEXT, LOAD_BYTE_BEHIND, 13 },
	{ NEXT, ANY, 2, COPY, DROP },
	{ TCP4_QUESTION, LOAD_BYTE_BEHIND, 13 },
	{ NEXT, ANY, 4, DROP, NEXT },
	{ NEXT, ANY, 16, NEXT, COPY }, /* without ACK */
	{ NEXT, ANY, 2, DROP, NEXT },  /* SYN-ACK */
	{ NEXT, ANY, 1, COPY, NEXT },  /* FIN and ACK */
	{ NEXT, LOAD_HALF, 2 },
	{ NEXT, SUBTRACT_X, 0 },
	{ NEXT, KEEP, 0 },
	{ NEXT, LOAD_BYTE_BEHIND, 12 },
	{ NEXT, AND, 0xf0 },
	{ NEXT, SHIFT_RIGHT, 2 },
	{ NEXT, TO_X, 0 },
	{ NEXT, KEPT, 0 },
	{ NEXT, SUBTRACT_X, 0 },
	{ NEXT, IS, 0, COPY, DROP },

	{ ICMP4, LOAD_AUX, AUX(PKTTYPE) },
	{ NEXT, IS, PACKET_HOST, ICMP4_TYPE, DROP },
	{ ICMP4_TYPE, LOAD_BYTE_BEHIND, 0 },
	{ NEXT, IS, 3, COPY, NEXT },
	{ NEXT, IS, 11, COPY, DROP },

	/* IPv6: with extension headers all of it. */
	{ IPV6, LOAD_BYTE, 6 },
	{ NEXT, IS, 6, TCP6, NEXT },
	{ NEXT, IS, 58, ICMP6, NEXT },
	{ NEXT, IS, 17, COPY, NEXT },
	{ NEXT, IS, 0, COPY, NEXT },
	{ NEXT, IS, 43, COPY, NEXT },
	{ NEXT, IS, 44, COPY, NEXT },
	{ NEXT, IS, 51, COPY, NEXT },
	{ NEXT, IS, 60, COPY, DROP },

	{ TCP6, LOAD_AUX, AUX(PKTTYPE) },
	{ NEXT, IS, PACKET_OUTGOING, NEXT, TCP6_QUESTION },
	{ NEXT, LOAD_BYTE, 53 },
	{ NEXT, ANY, 2, COPY, DROP },
	{ TCP6_QUESTION, LOAD_BYTE, 53 },
	{ NEXT, ANY, 4, DROP, NEXT },
	{ NEXT, ANY, 16, NEXT, COPY },
	{ NEXT, ANY, 2, DROP, NEXT },
	{ NEXT, ANY, 1, COPY, NEXT },
	{ NEXT, LOAD_BYTE, 52 },
	{ NEXT, AND, 0xf0 },
	{ NEXT, SHIFT_RIGHT, 2 },
	{ NEXT, TO_X, 0 },
	{ NEXT, LOAD_HALF, 4 },
	{ NEXT, SUBTRACT_X, 0 },
	{ NEXT, IS, 0, COPY, DROP },

	{ ICMP6, LOAD_AUX, AUX(PKTTYPE) },
	{ NEXT, IS, PACKET_HOST, ICMP6_TYPE, DROP },
	{ ICMP6_TYPE, LOAD_BYTE, 40 },
	{ NEXT, IS, 1, COPY, NEXT },
	{ NEXT, IS, 3, COPY, DROP },

	{ COPY, RETURN, FILTER_BYTES },
	{ DROP, RETURN, 0 },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))
_Static_assert(STEPS <= (size_t)FILTER_STEPS_MAX, "the filter has room");

unsigned filter_write(struct sock_filter *out)
{
	unsigned at[PLACES] = { 0 };
	for (unsigned i = 0; i < STEPS; i++) {
		at[steps[i].here] = i;
	}
	for (unsigned i = 0; i < STEPS; i++) {
		const struct step *s = &steps[i];
		const bool jumps = BPF_CLASS(s->code) == BPF_JMP;
		const unsigned yes = jumps && s->yes != NEXT ? at[s->yes] - i - 1 : 0;
		const unsigned no = jumps && s->no != NEXT ? at[s->no] - i - 1 : 0;
		out[i] = (struct sock_filter){ s->code, (uint8_t)yes, (uint8_t)no, s->k };
	}
	return STEPS;
}
