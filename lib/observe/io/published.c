/* Published ports of every namespace, out of the packet filter's rules. */
#include "observe/io/published.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/netlink.h"
#include "base/io/run.h"
#include "observe/io/sockets.h"
#include "observe/nft.h"

enum { RULES_MAX_BYTES = 64 * 1024 * 1024, NAMES_BYTES = 1024 };

static const usec_t program_timeout = 10 * USEC_PER_SEC;

struct looking {
	struct inventory *inventory;
	const struct observe_sockets *sockets;
	bool unknown; /* somewhere rules could not be read */
	int error;
};

static int found_table(const struct nlmsghdr *message, void *data)
{
	(void)message; /* that it came is enough */
	*(bool *)data = true;
	return 0;
}

/* Are there any nftables tables here? Far cheaper than running nft for nothing. */
static int has_tables(bool *has)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct netlink_reader reader = { .function = found_table, .data = has };
	struct nlmsghdr *request =
		netlink_request(buffer, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, NLM_F_DUMP,
				sizeof(struct nfgenmsg));
	*has = false;
	return netlink_ask_once(NETLINK_NETFILTER, request, &reader);
}

static int take_rules(struct looking *looking, uint32_t netns, const json_t *document,
		      struct nft_notes *notes)
{
	int r = document == NULL ? -EINVAL
				 : nft_published(looking->inventory, netns, document, notes);
	looking->unknown |= notes->cut || r == -EINVAL;
	return r == -ENOMEM ? r : 0;
}

static int ask_nft(struct looking *looking, uint32_t netns, struct nft_notes *notes)
{
	static const char *const words[] = { "nft", "-j", "list", "ruleset", NULL };
	struct str text = STR_INIT(RULES_MAX_BYTES);
	int r = run_program(&text, words, program_timeout);
	if (r == 0) {
		json_auto_t *document = json_loadb(str_text(&text), text.length, 0, NULL);
		r = take_rules(looking, netns, document, notes);
	} else {
		looking->unknown = true;
	}
	str_deinit(&text);
	return r == -ENOMEM ? r : 0;
}

/* @param programs candidates, NULL-terminated; the first that is installed is asked. */
static int ask_iptables(struct looking *looking, uint32_t netns, const char *family,
			const char *const *programs)
{
	struct str text = STR_INIT(RULES_MAX_BYTES);
	int r = -ENOENT;
	for (; r == -ENOENT && *programs != NULL; programs++) {
		const char *const words[] = { *programs, "-t", "nat", NULL };
		r = run_program(&text, words, program_timeout);
	}
	if (r == 0 && text.length > 0) {
		struct nft_notes notes = { 0 };
		json_auto_t *document = nft_from_iptables(family, text.text);
		r = document == NULL ? -ENOMEM : take_rules(looking, netns, document, &notes);
	}
	looking->unknown |= r < 0;
	str_deinit(&text);
	return r == -ENOMEM ? r : 0;
}

/* Rules of the old kernel interface are named here (net/ipv4/netfilter/ip_tables.c). */
static bool has_legacy_nat(const char *path)
{
	char names[NAMES_BYTES];
	if (file_read_into(names, sizeof(names), AT_FDCWD, path) <= 0) {
		return false;
	}
	char *rest = names;
	for (const char *name; (name = strsep(&rest, "\n")) != NULL;) {
		if (strcmp(name, "nat") == 0) {
			return true;
		}
	}
	return false;
}

static const struct {
	const char *family, *names;
	const char *const compat[3]; /* rules inside nftables that nft cannot print */
	const char *const legacy[3];
} iptables[] = {
	{ "ip",
	  "/proc/thread-self/net/ip_tables_names",
	  { "iptables-nft-save", "iptables-save", NULL },
	  { "iptables-legacy-save", "iptables-save", NULL } },
	{ "ip6",
	  "/proc/thread-self/net/ip6_tables_names",
	  { "ip6tables-nft-save", "ip6tables-save", NULL },
	  { "ip6tables-legacy-save", "ip6tables-save", NULL } },
};

/* In the namespace that the calling thread is in. */
static int look_here(struct looking *looking, uint32_t netns)
{
	struct nft_notes notes = { 0 };
	bool tables = false;
	int r = has_tables(&tables);
	if (r < 0) {
		looking->unknown |= r == -EPERM || r == -EACCES; /* else the kernel has none */
		tables = false;
	}
	r = tables ? ask_nft(looking, netns, &notes) : 0;
	for (size_t i = 0; r == 0 && i < sizeof(iptables) / sizeof(iptables[0]); i++) {
		if (notes.compat) {
			r = ask_iptables(looking, netns, iptables[i].family, iptables[i].compat);
		}
		if (r == 0 && has_legacy_nat(iptables[i].names)) {
			r = ask_iptables(looking, netns, iptables[i].family, iptables[i].legacy);
		}
	}
	return r;
}

/* ---- Whose address a target is ---- */

struct naming {
	struct inventory *inventory;
	const char *name; /* of the container that the thread is in */
};

static int take_address(const struct nlmsghdr *message, void *data)
{
	const struct naming *naming = data;
	const struct nlattr *attribute = NULL;
	mnl_attr_for_each(attribute, message, sizeof(struct ifaddrmsg))
	{
		const struct addr own = addr_from_bytes(mnl_attr_get_payload(attribute),
							mnl_attr_get_payload_len(attribute));
		if (mnl_attr_get_type(attribute) != IFA_ADDRESS || own.family == ADDR_NONE) {
			continue;
		}
		for (size_t i = 0; i < naming->inventory->published.count; i++) {
			struct published *published = &naming->inventory->published.items[i];
			if (addr_compare(&published->target, &own) == 0) {
				published->container_name = naming->name;
			}
		}
	}
	return 0;
}

static void name_targets(struct inventory *inventory, const char *name)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct naming naming = { .inventory = inventory, .name = name };
	const struct netlink_reader reader = { .function = take_address, .data = &naming };
	struct nlmsghdr *request =
		netlink_request(buffer, RTM_GETADDR, NLM_F_DUMP, sizeof(struct rtgenmsg));
	(void)netlink_ask_once(NETLINK_ROUTE, request, &reader); /* then they stay nameless */
}

/* ---- The tour of all namespaces, in a thread of its own ---- */

static bool enter(const struct observe_socket *socket)
{
	return sockets_listable(socket) && (socket->path[0] == '\0' || sockets_enter(socket) == 0);
}

static void *tour(void *data)
{
	struct looking *looking = data;
	for (size_t i = 0; looking->error == 0 && i < looking->sockets->list.count; i++) {
		if (enter(&looking->sockets->list.items[i])) {
			looking->error = look_here(looking, (uint32_t)i);
		} else {
			looking->unknown = true;
		}
	}
	nft_unify(looking->inventory);
	for (size_t i = 0; looking->inventory->published.count > 0 &&
			   i < looking->inventory->netns.count && i < looking->sockets->list.count;
	     i++) {
		const struct netns *netns = &looking->inventory->netns.items[i];
		if (netns->kind == NETNS_CONTAINER && netns->name != NULL &&
		    enter(&looking->sockets->list.items[i])) {
			name_targets(looking->inventory, netns->name);
		}
	}
	return NULL;
}

int find_published(struct inventory *inventory, const struct observe_request *request,
		   const struct observe_sockets *sockets, struct err *e)
{
	if ((request->without & OBSERVE_WITHOUT_NFT) != 0) {
		return 0;
	}
	struct looking looking = { .inventory = inventory, .sockets = sockets };
	pthread_t thread;
	int r = -pthread_create(&thread, NULL, tour, &looking);
	if (r == 0) {
		r = -pthread_join(thread, NULL);
	}
	if (r == 0) {
		r = looking.error;
	}
	inventory->coverage.published_known = r == 0 && !looking.unknown;
	return r < 0 ? err_system(e, r, "published ports") : 0;
}
