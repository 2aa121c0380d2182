/* A packet socket with a ring that both sides map. */
#include "tap/io/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"
#include "base/cleanup.h"
#include "tap/filter.h"

enum {
	BLOCK_BYTES = 1 << 18,
	BLOCKS = 32, /* 8 MiB: 20,000 packets */
	FRAME_BYTES = 2048,
	RETIRE_MS = 20, /* a block that is not full is handed over after so long */
	LINK_RAW = 101,
	VLAN_TAG_BYTES = 4,
	VLAN_TAGS_MAX = 4,
};

static int set(int fd, int option, const void *value, socklen_t length)
{
	return setsockopt(fd, SOL_PACKET, option, value, length) < 0 ? -errno : 0;
}

static int set_filter(int fd)
{
	struct sock_filter steps[FILTER_STEPS_MAX];
	struct sock_fprog program = { .filter = steps };
	program.len = (unsigned short)filter_write(steps);
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

static int set_ring(int fd)
{
	const int version = TPACKET_V3;
	const struct tpacket_req3 request = {
		.tp_block_size = BLOCK_BYTES,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = FRAME_BYTES,
		.tp_frame_nr = BLOCK_BYTES / FRAME_BYTES * BLOCKS,
		.tp_retire_blk_tov = RETIRE_MS,
	};
	int r = set(fd, PACKET_VERSION, &version, sizeof(version));
	return r < 0 ? r : set(fd, PACKET_RX_RING, &request, sizeof(request));
}

int tap_socket_open(struct tap_fds *out, struct err *e)
{
	/* No protocol until the filter stands: nothing comes before it. */
	_cleanup_(close_fdp) int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return err_system(e, errno, "cannot open a packet socket");
	}
	const struct sockaddr_ll everywhere = { .sll_family = AF_PACKET,
						.sll_protocol = htons(ETH_P_ALL) };
	int r = set_filter(fd);
	if (r == 0) {
		r = set_ring(fd);
	}
	if (r == 0 && bind(fd, (const struct sockaddr *)&everywhere, sizeof(everywhere)) < 0) {
		r = -errno;
	}
	if (r < 0) {
		return err_system(e, r, "cannot set up the packet socket");
	}
	*out = TAP_FDS_INIT;
	out->ring = steal_fd(&fd);
	return 0;
}

/* ---- reading ---- */

int packets_open(struct packets **out, int fd, const uint64_t secret[2], struct err *e)
{
	struct packets *packets = calloc(1, sizeof(*packets));
	if (packets == NULL) {
		return err_system(e, ENOMEM, "tap");
	}
	*out = packets;
	packets->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	memcpy(packets->seen.secret, secret, sizeof(packets->seen.secret));
	void *memory =
		mmap(NULL, (size_t)BLOCK_BYTES * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (packets->fd < 0 || memory == MAP_FAILED) {
		return err_system(e, errno, "cannot map the packet socket");
	}
	packets->blocks = memory;
	return 0;
}

void packets_free(struct packets *packets)
{
	if (packets == NULL) {
		return;
	}
	if (packets->blocks != NULL) {
		(void)munmap(packets->blocks, (size_t)BLOCK_BYTES * BLOCKS);
	}
	close_fdp(&packets->fd);
	free(packets);
}

static struct tpacket_block_desc *block_of(const struct packets *packets)
{
	return (void *)(packets->blocks + (size_t)packets->block * BLOCK_BYTES);
}

static _Atomic uint32_t *status_of(struct tpacket_block_desc *block)
{
	return (_Atomic uint32_t *)(void *)&block->hdr.bh1.block_status;
}

/* @return whether a packet waits. */
static bool next_block(struct packets *packets)
{
	for (unsigned i = 0; packets->left == 0 && i <= BLOCKS; i++) {
		struct tpacket_block_desc *block = block_of(packets);
		if (packets->begun) {
			atomic_store_explicit(status_of(block), TP_STATUS_KERNEL,
					      memory_order_release);
			packets->begun = false;
			packets->block = (packets->block + 1) % BLOCKS;
			continue;
		}
		if ((atomic_load_explicit(status_of(block), memory_order_acquire) &
		     TP_STATUS_USER) == 0) {
			return false;
		}
		packets->begun = true;
		packets->left = block->hdr.bh1.num_pkts;
		packets->at = block->hdr.bh1.offset_to_first_pkt;
	}
	return packets->left > 0;
}

/* Takes the tags away that the kernel has left. @return whether an IP packet follows. */
static bool untag(const uint8_t **bytes, size_t *length, uint16_t protocol)
{
	for (unsigned i = 0; i < VLAN_TAGS_MAX && *length >= VLAN_TAG_BYTES &&
			     (protocol == ETH_P_8021Q || protocol == ETH_P_8021AD);
	     i++) {
		protocol = be16_at(*bytes + 2);
		*bytes += VLAN_TAG_BYTES;
		*length -= VLAN_TAG_BYTES;
	}
	return protocol == ETH_P_IP || protocol == ETH_P_IPV6;
}

static bool read_one(struct packets *packets, struct packet_note *out)
{
	const struct tpacket3_hdr *header =
		(const void *)((const uint8_t *)block_of(packets) + packets->at);
	const struct sockaddr_ll *from =
		(const void *)((const uint8_t *)header + TPACKET_ALIGN(sizeof(*header)));
	const uint8_t *bytes = (const uint8_t *)header + header->tp_net;
	size_t length = header->tp_snaplen;
	const usec_t time = (usec_t)header->tp_sec * USEC_PER_SEC + header->tp_nsec / 1000;
	packets->left--;
	packets->at += header->tp_next_offset;
	if (!untag(&bytes, &length, ntohs(from->sll_protocol))) {
		return false;
	}
	const int r = capture_decode(out, &packets->fragments, bytes, length, LINK_RAW, time);
	packets->counters.malformed += r == CAPTURE_MALFORMED;
	if (r != CAPTURE_NOTE) {
		return false;
	}
	if (from->sll_pkttype == PACKET_OUTGOING) {
		out->marks |= PACKET_SENT; /* an address alone could be forged */
	}
	const bool before = seen_before(&packets->seen, out);
	packets->counters.suppressed += before;
	packets->counters.noted += !before;
	return !before;
}

unsigned packets_read(struct packets *packets, unsigned max, tap_note_function *function,
		      void *data)
{
	unsigned count = 0;
	while (count < max && next_block(packets)) {
		struct packet_note note;
		if (read_one(packets, &note)) {
			function(&note, data);
			count++;
		}
	}
	return count;
}

void packets_count(struct packets *packets, struct tap_counters *out)
{
	struct tpacket_stats_v3 since = { 0 };
	socklen_t length = sizeof(since);
	/* Refused where system calls are few: then the loss is not known. */
	if (getsockopt(packets->fd, SOL_PACKET, PACKET_STATISTICS, &since, &length) == 0) {
		packets->counters.lost += since.tp_drops;
	}
	*out = packets->counters;
}
