/* What is known of addresses. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "defend/judge.h"

/* How long something is known after it was seen last; 0 = it is seen anew each time. */
static const usec_t kept[DEFEND_FACT_KINDS] = {
	[DEFEND_CLIENT] = USEC_PER_DAY,
	[DEFEND_SHAKEN] = 10 * USEC_PER_MIN,
	[DEFEND_TRAPPED] = USEC_PER_HOUR,
};

enum { IPV4_NAMES_BITS = 8, IPV6_NAMES_BITS = 16, INDEX_FIRST = 256 };

void defend_facts_deinit(struct defend_facts *facts)
{
	vec_free(&facts->list);
	free(facts->index);
	*facts = (struct defend_facts){ 0 };
}

/* ---- found by a hash: a busy host has as many as it has visitors ---- */

static size_t hash_of(const struct addr *address, uint8_t kind)
{
	const uint64_t hash = fnv64_add(FNV64_BEGIN ^ kind, address->bytes, sizeof(address->bytes));
	return (size_t)(hash ^ hash >> 32);
}

/* @return the slot of that fact, or the empty one where it belongs; NULL without an index. */
static uint32_t *slot_of(const struct defend_facts *facts, const struct addr *address, uint8_t kind)
{
	for (size_t i = 0, at = hash_of(address, kind); i < facts->index_room; i++, at++) {
		uint32_t *slot = &facts->index[at & (facts->index_room - 1)];
		const struct defend_fact *fact = *slot == 0 ? NULL : &facts->list.items[*slot - 1];
		if (fact == NULL ||
		    (fact->kind == kind && addr_compare(&fact->address, address) == 0)) {
			return slot;
		}
	}
	return NULL;
}

/* Kept at most half full. */
static int make_index(struct defend_facts *facts)
{
	size_t room = INDEX_FIRST;
	while (room < 4 * (facts->list.count + 1)) {
		room *= 2;
	}
	uint32_t *index = calloc(room, sizeof(*index));
	if (index == NULL) {
		return -ENOMEM;
	}
	free(facts->index);
	facts->index = index;
	facts->index_room = room;
	for (size_t i = 0; i < facts->list.count; i++) {
		const struct defend_fact *fact = &facts->list.items[i];
		*slot_of(facts, &fact->address, fact->kind) = (uint32_t)i + 1;
	}
	return 0;
}

/* ---- added and forgotten ---- */

void defend_facts_begin(struct defend_facts *facts, usec_t now)
{
	size_t left = 0;
	facts->complete = false;
	facts->strange = 0;
	for (size_t i = 0; i < facts->list.count; i++) {
		const struct defend_fact fact = facts->list.items[i];
		if (now - fact.time < kept[fact.kind]) {
			facts->list.items[left++] = fact;
			facts->strange += fact.kind >= DEFEND_LIVE;
		}
	}
	facts->list.count = left;
	facts->index_room = 0;
	(void)make_index(facts); /* without memory nothing is known of them until the next time */
}

int defend_facts_add(struct defend_facts *facts, const struct addr *address,
		     enum defend_fact_kind kind, usec_t now)
{
	const struct addr plain = addr_unmap(address);
	const bool strange = kind >= DEFEND_LIVE;
	if (addr_is_any(&plain)) {
		return 0;
	}
	if (facts->index_room < 2 * (facts->list.count + 1) && make_index(facts) < 0) {
		return -ENOMEM;
	}
	uint32_t *slot = slot_of(facts, &plain, (uint8_t)kind);
	if (*slot != 0) {
		facts->list.items[*slot - 1].time = now;
		return 0;
	}
	if (facts->list.count >= DEFEND_FACTS_MAX ||
	    (strange && facts->strange >= DEFEND_FACTS_MAX / 2)) {
		return -ENOSPC;
	}
	struct defend_fact *fact = vec_push(&facts->list);
	if (fact == NULL) {
		return -ENOMEM;
	}
	*fact = (struct defend_fact){ plain, (uint8_t)kind, now };
	*slot = (uint32_t)facts->list.count;
	facts->strange += strange;
	return 0;
}

static bool is_whole(const struct prefix *prefix)
{
	return prefix->bits == (prefix->address.family == ADDR_IPV4 ? 32 : 128);
}

bool defend_facts_have(const struct defend_facts *facts, const struct prefix *prefix,
		       enum defend_fact_kind kind, usec_t since)
{
	if (is_whole(prefix)) {
		const uint32_t *slot = slot_of(facts, &prefix->address, (uint8_t)kind);
		return slot != NULL && *slot != 0 && facts->list.items[*slot - 1].time >= since;
	}
	for (size_t i = 0; i < facts->list.count; i++) {
		const struct defend_fact *fact = &facts->list.items[i];
		if (fact->kind == kind && fact->time >= since &&
		    prefix_has(prefix, &fact->address)) {
			return true;
		}
	}
	return false;
}

size_t defend_facts_count(const struct defend_facts *facts, const struct prefix *prefix,
			  enum defend_fact_kind kind)
{
	size_t count = 0;
	for (size_t i = 0; i < facts->list.count; i++) {
		const struct defend_fact *fact = &facts->list.items[i];
		count += fact->kind == kind && prefix_has(prefix, &fact->address);
	}
	return count;
}

/* ---- what the policy says of addresses ---- */

static bool overlap(const struct prefix *a, const struct prefix *b)
{
	return a->bits <= b->bits ? prefix_has(a, &b->address) : prefix_has(b, &a->address);
}

/* A network so large names nobody. */
static bool names_somebody(const struct prefix *network)
{
	return network->bits >=
	       (network->address.family == ADDR_IPV4 ? IPV4_NAMES_BITS : IPV6_NAMES_BITS);
}

static bool network_names(const struct prefix *network, const struct prefix *target, bool any_size)
{
	return (any_size || names_somebody(network)) && overlap(network, target);
}

/* Whether an item of a from: names somebody of the target. */
static bool item_names(const struct policy *policy, const struct policy_from *item,
		       const struct prefix *target, bool any_size)
{
	if (item->kind == POLICY_FROM_PREFIX) {
		return network_names(&item->prefix, target, any_size);
	}
	if (item->kind != POLICY_FROM_WHO) {
		return false;
	}
	const struct policy_who *who = &policy->who.items[item->who];
	for (size_t i = 0; i < who->addresses.count; i++) {
		if (network_names(&who->addresses.items[i], target, any_size)) {
			return true;
		}
	}
	return false;
}

static bool items_name(const struct policy *policy, const struct policy_from *items, size_t count,
		       const struct prefix *target, bool any_size)
{
	for (size_t i = 0; i < count; i++) {
		if (item_names(policy, &items[i], target, any_size)) {
			return true;
		}
	}
	return false;
}

bool defend_is_never(const struct policy *policy, const struct prefix *target)
{
	return items_name(policy, policy->never_cut.items, policy->never_cut.count, target, true) ||
	       items_name(policy, policy->defend.never.items, policy->defend.never.count, target,
			  true);
}

/* Whether the item lets in whom nobody knows. */
static bool lets_in_strangers(const struct policy *policy, const struct policy_from *item)
{
	if (item->kind == POLICY_FROM_WHO) {
		const struct policy_who *who = &policy->who.items[item->who];
		for (size_t i = 0; i < who->addresses.count; i++) {
			if (!names_somebody(&who->addresses.items[i])) {
				return true;
			}
		}
		return false;
	}
	return item->kind == POLICY_FROM_ANY ||
	       (item->kind == POLICY_FROM_PREFIX && !names_somebody(&item->prefix));
}

/* Told by the interface, the device or the certificate alone. */
static bool is_without_address(const struct policy *policy, const struct policy_from *item)
{
	return item->kind == POLICY_FROM_WHO && !policy_who_located(&policy->who.items[item->who]);
}

bool defend_is_client(const struct policy *policy, uint16_t port, const struct addr *address)
{
	const struct addr plain = addr_unmap(address);
	const struct prefix target = { plain, plain.family == ADDR_IPV4 ? 32 : 128 };
	const struct policy_declaration *d = NULL;
	bool strangers = false;
	bool unlocated = false;
	while ((d = policy_declaration_for(policy, PROTOCOL_TCP, port, NULL, d)) != NULL) {
		if (items_name(policy, d->from.items, d->from.count, &target, false)) {
			return true;
		}
		strangers = strangers || policy_observes(policy, d);
		for (size_t i = 0; i < d->from.count; i++) {
			strangers = strangers || lets_in_strangers(policy, &d->from.items[i]);
			unlocated = unlocated || is_without_address(policy, &d->from.items[i]);
		}
	}
	return unlocated && !strangers;
}

void defend_open_ports(struct portset *tcp, struct portset *udp, const struct policy *policy)
{
	for (size_t i = 0; i < policy->declarations.count; i++) {
		const struct policy_declaration *d = &policy->declarations.items[i];
		for (size_t k = 0; k < d->ports.count; k++) {
			const struct policy_ports *ports = &d->ports.items[k];
			struct portset *set = ports->protocol == PROTOCOL_TCP   ? tcp
					      : ports->protocol == PROTOCOL_UDP ? udp
										: NULL;
			for (uint32_t port = ports->first; set != NULL && port <= ports->last;
			     port++) {
				portset_add(set, (uint16_t)port);
			}
		}
	}
}

bool defend_is_named(const struct policy *policy, const struct prefix *target)
{
	for (size_t i = 0; i < policy->declarations.count; i++) {
		const struct policy_declaration *d = &policy->declarations.items[i];
		if (items_name(policy, d->from.items, d->from.count, target, false)) {
			return true;
		}
	}
	return false;
}

bool defend_is_decoy(const struct policy *policy, uint16_t port)
{
	for (size_t i = 0; i < policy->defend.decoys.count; i++) {
		const struct policy_ports *ports = &policy->defend.decoys.items[i];
		if (port >= ports->first && port <= ports->last) {
			return true;
		}
	}
	return false;
}

/* ---- who is never kept out ---- */

struct listing {
	struct prefix *out;
	size_t room, count;
};

static void list_prefix(struct listing *listing, const struct prefix *prefix)
{
	if (listing->count < listing->room) {
		listing->out[listing->count] = *prefix;
	}
	listing->count++;
}

static void list_items(struct listing *listing, const struct policy *policy,
		       const struct policy_from *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (items[i].kind == POLICY_FROM_PREFIX) {
			list_prefix(listing, &items[i].prefix);
			continue;
		}
		const struct policy_who *who = &policy->who.items[items[i].who];
		for (size_t k = 0; k < who->addresses.count; k++) {
			list_prefix(listing, &who->addresses.items[k]);
		}
	}
}

size_t defend_never(struct prefix *out, size_t room, const struct policy *policy,
		    const struct defend_facts *facts)
{
	struct listing listing = { out, room, 0 };
	list_items(&listing, policy, policy->never_cut.items, policy->never_cut.count);
	list_items(&listing, policy, policy->defend.never.items, policy->defend.never.count);
	for (unsigned kind = DEFEND_OWN; kind < DEFEND_LIVE; kind++) {
		for (size_t i = 0; i < facts->list.count; i++) {
			const struct defend_fact *fact = &facts->list.items[i];
			if (fact->kind == kind) {
				const uint8_t bits = fact->address.family == ADDR_IPV4 ? 32 : 128;
				list_prefix(&listing, &(struct prefix){ fact->address, bits });
			}
		}
	}
	return listing.count;
}

/* ---- files of the system ---- */

/* A line without its end; of a longer one the beginning. @return what comes behind it. */
static const char *take_line(char *line, size_t room, const char *text)
{
	const size_t length = strcspn(text, "\n");
	(void)snprintf(line, room, "%.*s", (int)(length < room - 1 ? length : room - 1), text);
	return text + length + (text[length] == '\n' ? 1 : 0);
}

/* An address, perhaps with its zone: fe80::1%eth0. @return 0; -EINVAL another word, which says
 * nothing; -ENOSPC; -ENOMEM. */
static int add_word(struct defend_facts *facts, char *word, enum defend_fact_kind kind, usec_t now)
{
	struct addr address;
	word[strcspn(word, "%")] = '\0';
	return addr_parse(&address, word) == 0 ? defend_facts_add(facts, &address, kind, now)
					       : -EINVAL;
}

int defend_resolvers_parse(struct defend_facts *facts, const char *text, usec_t now)
{
	int r = 0;
	while (*text != '\0' && r == 0) {
		char line[128];
		char *rest = NULL;
		text = take_line(line, sizeof(line), text);
		const char *key = strtok_r(line, " \t", &rest);
		char *value = strtok_r(NULL, " \t", &rest);
		if (key != NULL && value != NULL && strcmp(key, "nameserver") == 0) {
			r = add_word(facts, value, DEFEND_DNS, now);
			r = r == -EINVAL ? 0 : r; /* the resolver passes over it, too */
		}
	}
	return r;
}

int defend_session_parse(struct defend_facts *facts, const char *text, usec_t now)
{
	static const char key[] = "REMOTE_HOST=";
	bool remote = false;
	bool told = false;
	while (*text != '\0') {
		char line[128];
		text = take_line(line, sizeof(line), text);
		remote = remote || strcmp(line, "REMOTE=1") == 0;
		if (str_starts(line, key)) {
			const int r = add_word(facts, line + strlen(key), DEFEND_ADMIN, now);
			if (r < 0 && r != -EINVAL) {
				return r;
			}
			told = r == 0;
		}
	}
	return remote && !told ? DEFEND_LOGINS_UNKNOWN : DEFEND_LOGINS_KNOWN;
}
