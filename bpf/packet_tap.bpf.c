/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The tap: sees every packet that comes in before the packet filter does, tells of those that look
 * for something, and drops what banned sources send. Whatever it does not drop goes on to the
 * programs behind it as if there were no tap (docs/design/tap.md).
 */
#include "tap_packet.h"
#include "tap_way.h"

char _license[] SEC("license") = "Dual MIT/GPL";

/* ---- bans ---- */

/* The ban that holds for a source, or NULL. */
static __always_inline struct tap_ban_value *find_ban(const struct tap_settings *settings,
						      const union address *source, __u32 family)
{
	struct tap_ban_value *ban = NULL;
	__u32 count_of_bans = settings->bans; /* before the tables are looked into */
	__u32 at = (source->halves[3] ^ source->halves[1]) * 2654435761U / (1U << 20) &
		   (TAP_FREE_MAX - 1);
	struct free_source *free = bpf_map_lookup_elem(&tap_free, &at);
	if (free == NULL || (free->bans == count_of_bans && free->family == family &&
			     free->address.words[1] == source->words[1] &&
			     free->address.words[0] == source->words[0])) {
		return NULL;
	}
	struct prefix_key key = { .bits = TAP_PREFIX_ADDRESS, .family = family };
	if ((settings->tables & TAP_HAS_BANS) != 0) {
		ban = bpf_map_lookup_elem(&tap_bans, source);
	}
	int single = ban != NULL;
	if (!single && (settings->tables & TAP_HAS_NETWORKS) != 0) {
		key.address = *source;
		ban = bpf_map_lookup_elem(&tap_networks, &key);
	}
	if (ban == NULL) {
		free->address = *source;
		free->family = family;
		free->bans = count_of_bans;
		return NULL;
	}
	if (coarse_now(settings) >= ban->until_ns) {
		return NULL;
	}
	__u32 list =
		settings->never; /* before it is looked into: it may be another one afterwards */
	if (single && ban->checked == list) {
		return ban;
	}
	/* Whatever the table of bans says: so no mistake in user space locks the owner out. */
	key.address = *source;
	if (bpf_map_lookup_elem(&tap_never, &key) != NULL) {
		count(TAP_COUNT_SPARED);
		return NULL;
	}
	if (single) {
		ban->checked =
			settings->never; /* the same address, the same list: no other answer */
	}
	return ban;
}

static __always_inline int stop(struct tap_ban_value *ban, __u32 counter)
{
	__sync_fetch_and_add(&ban->stopped, 1);
	count(counter);
	return 1;
}

/* Whether a packet of a slowed source comes too early. Two CPUs at once may let one more through.
 */
static __always_inline int is_early(struct tap_ban_value *ban)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u64 due = ban->next_ns > now ? ban->next_ns : now;
	if (due - now > ban->burst_ns) {
		return 1;
	}
	ban->next_ns = due + ban->interval_ns;
	return 0;
}

/* ---- who somebody is, and whether he may speak ---- */

/* Where somebody is in the sketch. Of IPv6 the /64: everybody has as many addresses in it as he
 * likes. */
static __always_inline __u64 place_of(const struct tap_settings *settings,
				      const union address *address, __u32 family)
{
	__u64 low = family == 4 ? address->words[1] : 0;
	return hash3(settings->secret, address->words[0], low, 1);
}

/* Whether the peer has asked for closed ports lately. */
static __always_inline int is_known(const struct tap_settings *settings, const union address *peer,
				    __u32 family, __u64 now)
{
	__u64 hash = place_of(settings, peer, family);
	__u32 at = hash & (TAP_SOURCES_MAX - 1);
	__u16 stamp = now >> 30;
	struct source_cell *cell = bpf_map_lookup_elem(&tap_sources, &at);
	return cell != NULL && cell->tag == (__u32)(hash >> 32) &&
	       (__u16)(stamp - cell->stamp) < SOURCE_SECONDS;
}

/* Counts a source in the sketch. @return whether it was there before. */
static __always_inline int is_known_source(const struct tap_settings *settings,
					   const struct packet *p, __u64 now)
{
	__u64 hash = place_of(settings, &p->source, p->family);
	__u32 at = hash & (TAP_SOURCES_MAX - 1);
	__u32 tag = hash >> 32;
	__u16 stamp = now >> 30; /* of about a second */
	struct source_cell *cell = bpf_map_lookup_elem(&tap_sources, &at);
	if (cell == NULL) {
		return 0;
	}
	if (cell->tag == tag && (__u16)(stamp - cell->stamp) < SOURCE_SECONDS) {
		cell->stamp = stamp;
		cell->hits += cell->hits < SOURCE_HITS_MAX;
		return 1;
	}
	if (cell->hits > 1 && (__u16)(stamp - cell->stamp) < SOURCE_SECONDS) {
		cell->hits--; /* who comes often stays; one of a million forged ones goes */
		return 0;
	}
	cell->tag = tag;
	cell->hits = 1;
	cell->stamp = stamp;
	return 0;
}

/*
 * Takes a note from what this CPU may still send. The last half is kept for closed ports and
 * sources that were seen before, the half of the rest for closed ports: so neither wanted
 * connections nor forged sources, each of which comes once, can push out somebody who scans.
 */
static __always_inline int may_send(const struct tap_settings *settings, int open, int known,
				    __u64 now)
{
	__u32 first = 0;
	struct budget *budget = bpf_map_lookup_elem(&tap_budgets, &first);
	__u64 most = (__u64)settings->burst * settings->interval_ns;
	__u64 kept = open ? most - most / 4 : known ? 0 : most / 2;
	if (budget == NULL) {
		return 0;
	}
	/* Time that was not spent: a note costs one interval of it. */
	__u64 saved = budget->saved_ns + (now - budget->at_ns);
	budget->at_ns = now;
	saved = saved > most ? most : saved;
	if (saved < kept + settings->interval_ns) {
		budget->saved_ns = saved;
		return 0;
	}
	budget->saved_ns = saved - settings->interval_ns;
	return 1;
}

/* ---- notes ---- */

#define OPEN_NS 120000000000ULL
#define BUSY_SAMPLES 16 /* of a second: some 250 connections */
#define BUSY_NS 4000000000ULL

static __always_inline void count_at(__u32 place, __u16 port)
{
	__u32 at = place + port;
	__u64 *counted = bpf_map_lookup_elem(&tap_suppressed, &at);
	if (counted != NULL) {
		__sync_fetch_and_add(counted, 1);
	}
}

static __always_inline void suppress(const struct packet *p)
{
	count_at(TAP_PLACE_SUPPRESSED + (p->protocol == PROTOCOL_UDP ? 65536 : 0),
		 p->destination_port);
	count(TAP_COUNT_SUPPRESSED);
}

static __always_inline void fill(struct tap_record *record, const struct packet *p, __u64 now)
{
	record->time_ns = now;
	__builtin_memcpy(record->source, &p->source, sizeof(record->source));
	__builtin_memcpy(record->destination, &p->destination, sizeof(record->destination));
	record->tcp_sequence = p->sequence;
	record->source_port = p->source_port;
	record->destination_port = p->destination_port;
	record->window = p->window;
	record->ipv4_id = p->ipv4_id;
	record->family = p->family;
	record->protocol = p->protocol;
	record->flags = p->flags;
	record->ttl = p->ttl;
	record->marks = p->marks;
	record->option_bytes = p->option_bytes;
	record->kind = p->kind;
	record->zero = 0;
	__builtin_memset(record->options, 0, sizeof(record->options));
}

/* @return whether there was room. */
static __always_inline int send(struct __sk_buff *skb, const struct packet *p, __u64 now)
{
	struct tap_record *record = bpf_ringbuf_reserve(&tap_ring, sizeof(*record), 0);
	if (record == NULL) {
		count(TAP_COUNT_LOST);
		return 0;
	}
	fill(record, p, now);
	record->interface = skb->ifindex;
	__u32 length = p->option_bytes;
	if (p->kind == TAP_KIND_SYN && (p->marks & TAP_MARK_FRAGMENT) == 0 && length > 0 &&
	    length <= TAP_OPTION_BYTES) {
		/* What is cut off stays zero, the end of options. */
		(void)bpf_skb_load_bytes_relative(skb, p->at + TCP_HEADER, record->options, length,
						  BPF_HDR_START_NET);
	}
	bpf_ringbuf_submit(record, 0);
	count(TAP_COUNT_NOTED);
	return 1;
}

/* What a source looks for at one port of one address. */
static __always_inline __u64 question_of(const struct tap_settings *settings,
					 const struct packet *p)
{
	__u64 rest = (__u64)p->kind << 16 | p->destination_port;
	if (p->family == 4) {
		return hash3(settings->secret, p->source.words[1], p->destination.words[1], rest);
	}
	__u64 from = hash3(settings->secret, p->source.words[0], p->source.words[1], 6);
	return hash3(settings->secret, from,
		     p->destination.words[0] ^ (p->destination.words[1] << 1 | 1), rest);
}

static __always_inline int was_asked(const struct tap_settings *settings, __u64 question, __u64 now)
{
	__u64 *before = bpf_map_lookup_elem(&tap_seen, &question);
	/* What was noted a moment ago can be later than the coarse clock. */
	return before != NULL && (now < *before || now - *before < settings->again_ns);
}

static __always_inline int is_watched(const struct tap_settings *settings, const struct packet *p)
{
	struct prefix_key key = { .bits = TAP_PREFIX_ADDRESS,
				  .family = p->family,
				  .address = p->destination };
	return (settings->tables & TAP_HAS_WATCHED) == 0 ||
	       bpf_map_lookup_elem(&tap_watched, &key) != NULL;
}

/* ---- open ports ---- */

static __always_inline struct open_port *port_of(const struct packet *p)
{
	__u32 port = p->destination_port;
	return bpf_map_lookup_elem(&tap_open, &port);
}

/* Whether a listener was found there since its clients were noted last: then neither an ACK nor a
 * FIN is a question, and whose it is need not be looked up. */
static __always_inline int was_open(const struct tap_settings *settings,
				    const struct open_port *port, __u64 now)
{
	return port != NULL && port->last_ns != 0 && now - port->last_ns < settings->again_ns;
}

static __always_inline void remember_open(const struct packet *p, __u64 now)
{
	struct open_port *port = port_of(p);
	if (port != NULL && p->kind == TAP_KIND_SYN) {
		port->last_ns = now;
	}
}

/* One connection of TAP_SAMPLE, with all of its packets; nobody outside knows which. */
static __always_inline int is_sample(const struct tap_settings *settings, const struct packet *p)
{
	__u32 mixed =
		p->source.halves[3] ^ (__u32)p->source_port << 16 ^ (__u32)settings->secret[0];
	return mixed * 2654435761U < 0xffffffffU / TAP_SAMPLE;
}

/* A connection to an open port begins, as many of a source as there are. */
static __noinline int count_begun(struct __sk_buff *skb, const struct packet *p, __u64 now)
{
	struct open_port *port = port_of(p);
	__u32 second = now >> 30;
	if (port == NULL || port->last_ns == 0 || now - port->last_ns > OPEN_NS ||
	    way_of(skb, skb->ifindex, &p->source, &p->destination, p->family) != WAY_HERE) {
		return 0;
	}
	if (port->second != second) {
		port->second = second;
		port->begun = 0;
	}
	if (++port->begun >= BUSY_SAMPLES) {
		port->busy_until_ns = now + BUSY_NS;
	}
	count_at(TAP_PLACE_ASKED, p->destination_port);
	count(TAP_COUNT_ASKED);
	return 0;
}

/*
 * ...and is made: an ACK to a request that the kernel keeps, or, where it keeps none (cookies), to
 * the listener.
 */
static __noinline int count_made(struct __sk_buff *skb, const struct packet *p)
{
	struct bpf_sock_tuple tuple;
	__u32 state = 0;
	struct bpf_sock *sk = NULL;
	if (tuple_of(&tuple, p) == sizeof(tuple.ipv4)) {
		sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	} else {
		sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	if (sk != NULL) {
		state = sk->state;
		bpf_sk_release(sk);
	}
	if (state == BPF_TCP_NEW_SYN_RECV ||
	    (state == BPF_TCP_LISTEN &&
	     way_of(skb, skb->ifindex, &p->source, &p->destination, p->family) == WAY_HERE)) {
		count_at(TAP_PLACE_MADE, p->destination_port);
	}
	return 0;
}

/* A datagram that answers one to a machine behind this host: its port is open. Once for each flow.
 */
static __always_inline void note_datagram(struct __sk_buff *skb,
					  const struct tap_settings *settings, struct packet *p,
					  __u32 *flow)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u64 port = behind_of(settings, &p->source, p->protocol, p->source_port);
	*flow = FLOW_IS;
	bpf_map_update_elem(&tap_behind, &port, &now, BPF_ANY);
	p->kind = TAP_KIND_ANSWER;
	p->marks |= TAP_MARK_SENT | TAP_MARK_THROUGH;
	if (may_send(settings, 1, 0, now)) {
		(void)send(skb, p, now);
	} else {
		count(TAP_COUNT_SUPPRESSED);
	}
}

/* Whose it is that is passed on. Sockets of this host have nothing to do with it, though one that
 * listens everywhere would be found. */
static __always_inline enum owner owner_through(struct __sk_buff *skb,
						const struct tap_settings *settings,
						struct packet *p, enum way way)
{
	__u64 name = flow_of(settings, p, 0);
	__u32 *flow = bpf_map_lookup_elem(&tap_forwarded, &name);
	if (flow != NULL) {
		if (*flow == FLOW_ASKS && p->kind == TAP_KIND_UDP) {
			note_datagram(skb, settings, p, flow);
		}
		return OWNER_FLOW;
	}
	if (way == WAY_BEYOND || p->kind == TAP_KIND_ACK || p->kind == TAP_KIND_MAIMON) {
		/* Connections that are older than the tap send these too. */
		return OWNER_FLOW;
	}
	p->marks |= TAP_MARK_THROUGH;
	return has_answered(settings, p) ? OWNER_OPEN : OWNER_NONE;
}

static __noinline int note(struct __sk_buff *skb, const struct tap_settings *settings,
			   struct packet *p, enum owner owner)
{
	__u64 now = coarse_now(settings);
	__u64 question = question_of(settings, p);
	if (p->kind == TAP_KIND_SYN && is_sample(settings, p)) {
		(void)count_begun(skb, p, now);
	}
	if (was_asked(settings, question, now) || !is_watched(settings, p)) {
		return 0;
	}
	enum way way = p->kind == TAP_KIND_ERROR
			       ? WAY_HERE
			       : way_of(skb, skb->ifindex, &p->source, &p->destination, p->family);
	if (way != WAY_HERE) {
		owner = owner_through(skb, settings, p, way);
	} else if (owner == OWNER_UNKNOWN) {
		owner = owner_of(skb, settings, p);
	}
	if (owner == OWNER_FLOW) {
		if (way == WAY_BEYOND) { /* of no interest for as long */
			bpf_map_update_elem(&tap_seen, &question, &now, BPF_ANY);
		}
		return 0;
	}
	int open = owner == OWNER_OPEN;
	if (open) {
		p->marks |= TAP_MARK_OPEN;
	}
	if (open && way == WAY_HERE) {
		remember_open(p, now);
	}
	now = bpf_ktime_get_boot_ns();
	/* Of a scan the open ports matter most: they have the scanner's share, not the clients'. */
	int known = open ? is_known(settings, &p->source, p->family, now)
			 : is_known_source(settings, p, now);
	if (!may_send(settings, open && !known, known, now)) {
		suppress(p);
		return 0;
	}
	if (send(skb, p, now)) {
		bpf_map_update_elem(&tap_seen, &question, &now, BPF_ANY);
	}
	return 0;
}

/* ---- machines that are declared ---- */

/* What a packet answers: to whom, from which port. */
static __always_inline __u64 answer_of(const struct tap_settings *settings, const struct packet *p)
{
	__u64 rest = (__u64)TAP_KIND_ANSWER << 16 | p->source_port;
	__u64 peer =
		hash3(settings->secret, p->destination.words[0], p->destination.words[1], rest);
	return hash3(settings->secret, peer, p->source.words[0], p->source.words[1]);
}

static __always_inline int is_device(const struct tap_settings *settings, const union address *who,
				     __u32 family)
{
	struct prefix_key key = { .bits = TAP_PREFIX_ADDRESS, .family = family, .address = *who };
	return (settings->tables & TAP_HAS_DEVICES) != 0 &&
	       bpf_map_lookup_elem(&tap_devices, &key) != NULL;
}

/* Whether a socket of this host waits for that answer. */
static __always_inline int is_awaited(struct __sk_buff *skb, const struct packet *p)
{
	struct bpf_sock_tuple tuple;
	struct bpf_sock *sk = NULL;
	if (tuple_of(&tuple, p) == sizeof(tuple.ipv4)) {
		sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	} else {
		sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	if (sk == NULL) {
		return 0;
	}
	int awaited = sk->state == BPF_TCP_SYN_SENT;
	bpf_sk_release(sk);
	return awaited;
}

/* One that is declared answers this host. Nothing that nobody asked for counts: it may be forged.
 */
static __noinline int note_device(struct __sk_buff *skb, const struct tap_settings *settings,
				  struct packet *p)
{
	if (!is_device(settings, &p->source, p->family)) {
		return 0;
	}
	__u64 now = bpf_ktime_get_boot_ns();
	__u64 question = answer_of(settings, p);
	if (was_asked(settings, question, now) || !is_awaited(skb, p)) {
		return 0;
	}
	p->kind = TAP_KIND_ANSWER;
	p->marks |= TAP_MARK_DEVICE;
	if (!may_send(settings, 1, 0, now)) {
		count(TAP_COUNT_SUPPRESSED);
	} else if (send(skb, p, now)) {
		bpf_map_update_elem(&tap_seen, &question, &now, BPF_ANY);
	}
	return 0;
}

/* ---- the programs ---- */

/*
 * Whether a packet of somebody who is hidden from goes to a port of this host where nobody listens.
 * What is for others, behind a router or a bridge, has no socket here and is nobody's scan of us:
 * dropped, a forged scan would cut its victim off from all of them.
 */
static __always_inline int is_hidden(struct __sk_buff *skb, const struct tap_settings *settings,
				     struct packet *p, enum owner *owner)
{
	if (skb->pkt_type != PACKET_TO_US ||
	    way_of(skb, skb->ifindex, &p->source, &p->destination, p->family) != WAY_HERE) {
		return 0;
	}
	*owner = owner_of(skb, settings, p);
	return *owner == OWNER_NONE;
}

/* What is left after the addresses are known. @return whether the packet is dropped. */
static __always_inline int look(struct __sk_buff *skb, const struct tap_settings *settings,
				struct packet *p, struct tap_ban_value *ban)
{
	enum owner owner = OWNER_UNKNOWN;
	int hidden = 0;
	if (read_transport(skb, settings, p) < 0) {
		count(TAP_COUNT_MALFORMED);
		return 0;
	}
	if (p->protocol == 0) {
		return 0; /* neither TCP nor UDP, nor an error of theirs */
	}
	if (ban != NULL && ban->verdict == TAP_VERDICT_HIDE && p->kind != TAP_KIND_ERROR) {
		hidden = is_hidden(skb, settings, p, &owner);
	}
	if ((settings->tables & TAP_HAS_DEVICES) != 0 && p->protocol == PROTOCOL_TCP &&
	    (p->flags & 0x12) == 0x12) {
		(void)note_device(skb, settings, p);
		return hidden && stop(ban, TAP_COUNT_HIDDEN);
	}
	/* The others are for everybody on the network: nobody is asked in particular. */
	if (p->kind == TAP_KIND_NONE || skb->pkt_type != PACKET_TO_US) {
		return hidden && stop(ban, TAP_COUNT_HIDDEN);
	}
	if (owner == OWNER_UNKNOWN && (p->kind == TAP_KIND_ACK || p->kind == TAP_KIND_MAIMON)) {
		/* Nearly all of them belong to a connection. */
		struct open_port *port = port_of(p);
		__u64 now = coarse_now(settings);
		owner = was_open(settings, port, now) ? OWNER_FLOW : owner_of(skb, settings, p);
		if (port != NULL && now < port->busy_until_ns && is_sample(settings, p)) {
			(void)count_made(skb, p);
		}
	}
	if (owner != OWNER_FLOW) {
		(void)note(skb, settings, p, owner);
	}
	return hidden && stop(ban, TAP_COUNT_HIDDEN);
}

SEC("tc")
int tap_ingress(struct __sk_buff *skb)
{
	struct packet p = { 0 };
	struct tap_ban_value *ban = NULL;
	const struct tap_settings *settings = settings_now();
	int r = read_ip(skb, &p);
	if (settings == NULL || r > 0) {
		return TC_ACT_UNSPEC;
	}
	if (r < 0) {
		count(TAP_COUNT_MALFORMED);
		return TC_ACT_UNSPEC;
	}
	if ((settings->tables & (TAP_HAS_BANS | TAP_HAS_NETWORKS)) != 0) {
		ban = find_ban(settings, &p.source, p.family);
	}
	if (ban != NULL && ban->verdict == TAP_VERDICT_DROP) {
		(void)stop(ban, TAP_COUNT_DROPPED);
		return TC_ACT_SHOT;
	}
	if (ban != NULL && ban->verdict == TAP_VERDICT_SLOW && is_early(ban)) {
		(void)stop(ban, TAP_COUNT_SLOWED);
		return TC_ACT_SHOT;
	}
	return look(skb, settings, &p, ban) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* What a peer asked for and gets an answer to, as its socket knows it: nearly all were noted
 * before, and no packet is read for them. */
static __always_inline __u64 answered(const struct tap_settings *settings,
				      const struct bpf_sock *sk)
{
	__u64 rest = (__u64)TAP_KIND_ANSWER << 16 | (__u16)sk->src_port;
	if (sk->family == FAMILY_IPV4) {
		return hash3(settings->secret, sk->dst_ip4, sk->src_ip4, rest);
	}
	__u64 peer = hash3(settings->secret, (__u64)sk->dst_ip6[0] << 32 | sk->dst_ip6[1],
			   (__u64)sk->dst_ip6[2] << 32 | sk->dst_ip6[3], rest);
	return hash3(settings->secret, peer, (__u64)sk->src_ip6[0] << 32 | sk->src_ip6[1],
		     (__u64)sk->src_ip6[2] << 32 | sk->src_ip6[3]);
}

/*
 * A connection is answered: that a port is open behind the packet filter too is known from nothing
 * else. Once for each peer and port, as questions are.
 */
static __always_inline void note_answer(struct __sk_buff *skb, const struct tap_settings *settings,
					struct packet *p, __u64 question)
{
	__u64 now = bpf_ktime_get_boot_ns();
	int device = skb->sk == NULL && is_device(settings, &p->source, p->family) &&
		     is_forwarded(settings, p);
	if (device) {
		question = ~question; /* forged ones before it do not hide it */
	}
	if (was_asked(settings, question, now)) {
		return;
	}
	enum way way = skb->ingress_ifindex == 0
			       ? WAY_HERE
			       : way_of(skb, skb->ifindex, &p->destination, &p->source, p->family);
	if (way == WAY_BEYOND && !device) {
		bpf_map_update_elem(&tap_seen, &question, &now, BPF_ANY);
		return;
	}
	if (device) {
		p->marks |= TAP_MARK_DEVICE;
	}
	if (way == WAY_BEHIND) {
		__u64 port = behind_of(settings, &p->source, p->protocol, p->source_port);
		bpf_map_update_elem(&tap_behind, &port, &now, BPF_ANY);
		p->marks |= TAP_MARK_THROUGH;
	}
	int known = is_known(settings, &p->destination, p->family, now);
	p->kind = TAP_KIND_ANSWER;
	p->marks |= TAP_MARK_SENT;
	if (!may_send(settings, !known, known, now)) {
		count(TAP_COUNT_SUPPRESSED);
		return;
	}
	if (send(skb, p, now)) {
		bpf_map_update_elem(&tap_seen, &question, &now, BPF_ANY);
	}
}

static __always_inline void
remember_flow(struct __sk_buff *skb, const struct tap_settings *settings, const struct packet *p)
{
	__u64 name = flow_of(settings, p, 1);
	if (bpf_map_lookup_elem(&tap_forwarded, &name) != NULL) {
		return;
	}
	__u32 flow = p->kind == TAP_KIND_UDP && skb->ingress_ifindex != 0 &&
				     way_of(skb, skb->ingress_ifindex, &p->source, &p->destination,
					    p->family) == WAY_BEHIND
			     ? FLOW_ASKS
			     : FLOW_IS;
	bpf_map_update_elem(&tap_forwarded, &name, &flow, BPF_ANY);
}

/*
 * What goes through this host to somewhere else leaves no socket here. What such flows began is
 * remembered, so that the answers are none who scan. What has a socket passes at once, but for
 * answers to new connections.
 */
SEC("tc")
int tap_egress(struct __sk_buff *skb)
{
	__u64 question = 0;
	const struct bpf_sock *sk = skb->sk;
	if (sk != NULL && sk->state != BPF_TCP_NEW_SYN_RECV) {
		return TC_ACT_UNSPEC;
	}
	const struct tap_settings *settings = settings_now();
	if (settings == NULL) {
		return TC_ACT_UNSPEC;
	}
	if (sk != NULL) {
		question = answered(settings, sk);
		if (was_asked(settings, question, coarse_now(settings))) {
			return TC_ACT_UNSPEC;
		}
	}
	struct packet p = { 0 };
	if (read_ip(skb, &p) != 0 || read_transport(skb, settings, &p) < 0) {
		return TC_ACT_UNSPEC;
	}
	if (p.protocol == PROTOCOL_TCP && (p.flags & 0x12) == 0x12) {
		/* Also that of a port which is published by rules alone. */
		note_answer(skb, settings, &p, sk != NULL ? question : answer_of(settings, &p));
		return TC_ACT_UNSPEC;
	}
	if (p.kind == TAP_KIND_SYN || p.kind == TAP_KIND_UDP) {
		remember_flow(skb, settings, &p);
	}
	return TC_ACT_UNSPEC;
}

SEC("xdp")
int tap_xdp(struct xdp_md *context)
{
	union address source;
	__u32 family = 0;
	const struct tap_settings *settings = settings_now();
	if (settings == NULL || (settings->tables & (TAP_HAS_BANS | TAP_HAS_NETWORKS)) == 0 ||
	    (family = read_source(context, &source)) == 0) {
		return XDP_PASS;
	}
	struct tap_ban_value *ban = find_ban(settings, &source, family);
	/* The others need to know more than an address: they are for the program behind. */
	if (ban == NULL || ban->verdict != TAP_VERDICT_DROP) {
		return XDP_PASS;
	}
	(void)stop(ban, TAP_COUNT_DROPPED);
	return XDP_DROP;
}
