/* What takes the whole policy to judge `defend:`. */
#include <string.h>

#include "policy/check.h"
#include "policy/values.h"

/* The value of a key of `defend:`, or its own key. */
static const struct node *place_of(const struct reader *reader, const char *key)
{
	const struct node *node = tree_get(reader->defend, key);
	return node == NULL ? reader->defend->key : node;
}

/* The node of one item of a list, or of the value that stands for a list of one. */
static const struct node *item_node(const struct node *node, size_t index)
{
	const struct node *item = node->kind == NODE_LIST ? node->first : node;
	while (node->kind == NODE_LIST && item != NULL && index-- > 0) {
		item = item->next;
	}
	return item == NULL ? node : item;
}

static bool covers(const struct policy_declaration *d, const struct policy_ports *ports)
{
	for (size_t i = 0; i < d->ports.count; i++) {
		const struct policy_ports *own = &d->ports.items[i];
		if (own->protocol == ports->protocol && own->first <= ports->first &&
		    own->last >= ports->last) {
			return true;
		}
	}
	return false;
}

/* A trap is open to whom a declaration lets in, as every port is. */
static bool is_declared(const struct reader *reader, const struct policy_ports *ports)
{
	const struct bag *bag = bag_find(reader, &reader->policy.declarations);
	for (const struct draft *d = bag == NULL ? NULL : bag->drafts; d != NULL; d = d->hh.next) {
		if (covers(d->entry, ports)) {
			return true;
		}
	}
	return false;
}

static void check_decoys(struct reader *reader)
{
	const struct policy_defend *defend = &reader->policy.defend;
	const struct node *node = place_of(reader, "decoys");
	uint32_t count = 0;
	for (size_t i = 0; i < defend->decoys.count; i++) {
		const struct policy_ports *ports = &defend->decoys.items[i];
		struct str text = STR_INIT(64);
		policy_ports_format(&text, ports);
		count += (uint32_t)ports->last - ports->first + 1;
		if (ports->protocol != PROTOCOL_TCP) {
			fault(reader, item_node(node, i), "policy-decoy-protocol", NULL,
			      ARGUMENTS({ "port", str_text(&text) }));
		} else if (!reader->cut && !is_declared(reader, ports)) {
			fault(reader, item_node(node, i), "policy-decoy-undeclared", NULL,
			      ARGUMENTS({ "port", str_text(&text) }));
		}
		str_deinit(&text);
	}
	if (count > POLICY_DECOYS_MAX) {
		char limit[16];
		(void)snprintf(limit, sizeof(limit), "%d", POLICY_DECOYS_MAX);
		fault(reader, node, "policy-decoy-count", NULL, ARGUMENTS({ "limit", limit }));
	}
}

/* Who is told by an interface or a device alone: packets in his name cannot be told from his. */
static void check_never(struct reader *reader)
{
	const struct policy_defend *defend = &reader->policy.defend;
	const struct bag *bag = bag_find(reader, &reader->policy.who);
	for (const struct draft *d = bag == NULL ? NULL : bag->drafts; d != NULL; d = d->hh.next) {
		const struct policy_who *who = d->entry;
		for (size_t i = 0; i < defend->never.count; i++) {
			const struct policy_from *never = &defend->never.items[i];
			if (never->kind == POLICY_FROM_WHO && never->who == d->index &&
			    who->addresses.count == 0 && who->names.count == 0) {
				fault(reader, item_node(place_of(reader, "never"), i),
				      "policy-defend-never", NULL,
				      ARGUMENTS({ "name", who->entry.name }));
			}
		}
	}
}

/* The most that may be done about anybody: enum policy_action. */
static int most_of(const struct policy_defend_actions *a)
{
	const int all[] = { a->scan, a->slow, a->sweep, a->distributed, a->trap };
	int most = POLICY_ACTION_RECORD;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		most = all[i] > most ? all[i] : most;
	}
	return most;
}

/* The ports to which browsers do not connect, whatever a page asks for (WHATWG Fetch, "port
 * blocking"). */
static bool browsers_refuse(uint16_t port)
{
	static const uint16_t refused[] = {
		1,    7,    9,    11,   13,   15,   17,   19,   20,   21,   22,   23,    25,   37,
		42,   43,   53,   69,   77,   79,   87,   95,   101,  102,  103,  104,   109,  110,
		111,  113,  115,  117,  119,  123,  135,  137,  139,  143,  161,  179,   389,  427,
		465,  512,  513,  514,  515,  526,  530,  531,  532,  540,  548,  554,   556,  563,
		587,  601,  636,  989,  990,  993,  995,  1719, 1720, 1723, 2049, 3659,  4045, 4190,
		5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (refused[i] == port) {
			return true;
		}
	}
	return false;
}

/* A page of an attacker makes the browser of whoever looks at it connect: the handshake is the
 * visitor's own, the wish is not. */
static void check_browsers(struct reader *reader)
{
	const struct policy_defend *defend = &reader->policy.defend;
	const struct node *node = place_of(reader, "decoys");
	for (size_t i = 0; i < defend->decoys.count; i++) {
		const struct policy_ports *ports = &defend->decoys.items[i];
		uint32_t port = ports->first;
		while (port <= ports->last && browsers_refuse((uint16_t)port)) {
			port++;
		}
		if (port <= ports->last && ports->protocol == PROTOCOL_TCP &&
		    most_of(&defend->actions) > POLICY_ACTION_HIDE) {
			char text[16];
			(void)snprintf(text, sizeof(text), "%u/tcp", port);
			fault(reader, item_node(node, i), "policy-decoy-browser", NULL,
			      ARGUMENTS({ "port", text }));
		}
	}
}

/* Without a decoy nobody can prove anything, so these would never be done. */
static void check_proof(struct reader *reader)
{
	const struct policy_defend *defend = &reader->policy.defend;
	const int most = most_of(&defend->actions);
	if (most > POLICY_ACTION_HIDE && defend->decoys.count == 0 &&
	    defend->proof == POLICY_PROOF_DECOY) {
		fault(reader, place_of(reader, "actions"), "policy-defend-unproven", NULL,
		      ARGUMENTS({ "action", policy_action_name(most) }));
	}
}

static void check_xdp(struct reader *reader)
{
	const struct policy_defend_xdp *xdp = &reader->policy.defend.xdp;
	for (size_t i = 0; i < xdp->native.count; i++) {
		for (size_t k = 0; k < xdp->generic.count; k++) {
			if (strcmp(xdp->native.items[i], xdp->generic.items[k]) == 0) {
				fault(reader, place_of(reader, "xdp"), "policy-xdp-twice", NULL,
				      ARGUMENTS({ "interface", xdp->native.items[i] }));
			}
		}
	}
}

void check_defend(struct reader *reader)
{
	const struct policy_defend *defend = &reader->policy.defend;
	char text[SPAN_WORD_BYTES];
	if (reader->defend == NULL || reader->defend->kind != NODE_MAPPING) {
		return;
	}
	check_decoys(reader);
	check_browsers(reader);
	check_never(reader);
	check_proof(reader);
	check_xdp(reader);
	if (defend->longest < defend->ban) {
		fault(reader, place_of(reader, "longest"), "policy-defend-longest", NULL,
		      ARGUMENTS({ "span", span_write(text, defend->ban) }));
	}
}
