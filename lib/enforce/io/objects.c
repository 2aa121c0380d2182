/* What stands in our table, asked of the kernel by name alone. */
#include "enforce/io/objects.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "enforce/enforce.h"

enum { REQUEST_BYTES = 1024, ANSWER_BYTES = 64 * 1024 };

static const char table_name[] = "minato";

/* ---- asking ---- */

static struct nlmsghdr *begin(char *buffer, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = 1;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));
	head->nfgen_family = family;
	head->version = NFNETLINK_V0;
	return message;
}

/* Reads answers until the dump ends. @return 0, the callback's errno, or the kernel's. */
static int ask(const struct nlmsghdr *message, mnl_cb_t function, void *data)
{
	_Alignas(struct nlmsghdr) char buffer[ANSWER_BYTES];
	_cleanup_(close_fdp) int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0 || send(fd, message, message->nlmsg_len, 0) < 0) {
		return -errno;
	}
	for (int r = MNL_CB_OK; r > MNL_CB_STOP;) {
		ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
		if (length < 0) {
			if (errno == EINTR) {
				continue;
			}
			return -errno;
		}
		r = mnl_cb_run(buffer, (size_t)length, 1, 0, function, data);
		if (r < 0) {
			return -errno;
		}
		if ((message->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) {
			break; /* one answer */
		}
	}
	return 0;
}

static int refuse(int code)
{
	errno = -code;
	return MNL_CB_ERROR;
}

/* ---- attributes ---- */

enum { ATTRIBUTES_MAX = 32 };

struct attributes {
	const struct nlattr *of[ATTRIBUTES_MAX];
};

static int note(const struct nlattr *attribute, void *data)
{
	struct attributes *attributes = data;
	if (mnl_attr_get_type(attribute) < ATTRIBUTES_MAX) {
		attributes->of[mnl_attr_get_type(attribute)] = attribute;
	}
	return MNL_CB_OK;
}

/* NUL-terminated inside the attribute; NULL otherwise. */
static const char *text_of(const struct attributes *attributes, uint16_t type)
{
	const struct nlattr *a = attributes->of[type];
	return a != NULL && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(a)
									   : NULL;
}

static uint32_t number_of(const struct attributes *attributes, uint16_t type)
{
	const struct nlattr *a = attributes->of[type];
	return a != NULL && mnl_attr_validate(a, MNL_TYPE_U32) >= 0 ? ntohl(mnl_attr_get_u32(a))
								    : 0;
}

/* ---- names ---- */

struct listing {
	object_function *function;
	void *data;
};

static int take_chain(const struct nlmsghdr *message, void *data)
{
	const struct listing *listing = data;
	struct attributes attributes = { { 0 } };
	if (mnl_attr_parse(message, sizeof(struct nfgenmsg), note, &attributes) < 0) {
		return MNL_CB_ERROR;
	}
	const char *table = text_of(&attributes, NFTA_CHAIN_TABLE);
	const char *name = text_of(&attributes, NFTA_CHAIN_NAME);
	if (table == NULL || name == NULL || strcmp(table, table_name) != 0) {
		return MNL_CB_OK;
	}
	int r = listing->function(OBJECT_CHAIN, name, listing->data);
	return r < 0 ? refuse(r) : MNL_CB_OK;
}

static int take_set(const struct nlmsghdr *message, void *data)
{
	const struct listing *listing = data;
	struct attributes attributes = { { 0 } };
	if (mnl_attr_parse(message, sizeof(struct nfgenmsg), note, &attributes) < 0) {
		return MNL_CB_ERROR;
	}
	const char *name = text_of(&attributes, NFTA_SET_NAME);
	const uint32_t flags = number_of(&attributes, NFTA_SET_FLAGS);
	if (name == NULL || (flags & NFT_SET_ANONYMOUS) != 0) {
		return MNL_CB_OK;
	}
	int r = listing->function((flags & NFT_SET_MAP) != 0 ? OBJECT_MAP : OBJECT_SET, name,
				  listing->data);
	return r < 0 ? refuse(r) : MNL_CB_OK;
}

int objects_list(object_function *function, void *data, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_BYTES];
	struct listing listing = { function, data };
	int r = ask(begin(buffer, NFT_MSG_GETCHAIN, NLM_F_DUMP, NFPROTO_INET), take_chain,
		    &listing);
	if (r == 0) {
		struct nlmsghdr *message = begin(buffer, NFT_MSG_GETSET, NLM_F_DUMP, NFPROTO_INET);
		mnl_attr_put_strz(message, NFTA_SET_TABLE, table_name);
		r = ask(message, take_set, &listing);
	}
	return r < 0 && r != -ENOENT ? err_system(e, r, "cannot list the rules of minato") : 0;
}

/* ---- the table ---- */

static const char *family_name(uint8_t family)
{
	static const char *const names[] = {
		[NFPROTO_INET] = "inet",     [NFPROTO_IPV4] = "ip",       [NFPROTO_ARP] = "arp",
		[NFPROTO_NETDEV] = "netdev", [NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6",
	};
	return family < sizeof(names) / sizeof(names[0]) ? names[family] : NULL;
}

struct table_listing {
	table_function *function;
	void *data;
};

static int take_any_table(const struct nlmsghdr *message, void *data)
{
	const struct table_listing *listing = data;
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	struct attributes attributes = { { 0 } };
	if (mnl_attr_parse(message, sizeof(*head), note, &attributes) < 0) {
		return MNL_CB_ERROR;
	}
	const char *family = family_name(head->nfgen_family);
	const char *name = text_of(&attributes, NFTA_TABLE_NAME);
	int r = family == NULL || name == NULL ? 0 : listing->function(family, name, listing->data);
	return r < 0 ? refuse(r) : MNL_CB_OK;
}

int objects_tables(table_function *function, void *data, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_BYTES];
	struct table_listing listing = { function, data };
	int r = ask(begin(buffer, NFT_MSG_GETTABLE, NLM_F_DUMP, AF_UNSPEC), take_any_table,
		    &listing);
	return r < 0 ? err_system(e, r, "cannot list the tables of the packet filter") : 0;
}

static int take_table(const struct nlmsghdr *message, void *data)
{
	struct attributes attributes = { { 0 } };
	if (mnl_attr_parse(message, sizeof(struct nfgenmsg), note, &attributes) < 0) {
		return MNL_CB_ERROR;
	}
	*(uint32_t *)data = number_of(&attributes, NFTA_TABLE_FLAGS);
	return MNL_CB_STOP;
}

int objects_table_sleeps(struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_BYTES];
	uint32_t flags = 0;
	struct nlmsghdr *message = begin(buffer, NFT_MSG_GETTABLE, 0, NFPROTO_INET);
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, table_name);
	int r = ask(message, take_table, &flags);
	if (r < 0 && r != -ENOENT) {
		return err_system(e, r, "cannot ask for the table of minato");
	}
	return (flags & NFT_TABLE_F_DORMANT) != 0;
}

/* ---- rules ---- */

struct search {
	const char *set;
	bool found;
};

/* An expression: a name, and for "lookup" the name of the set. */
static int take_expression(const struct nlattr *element, void *data)
{
	struct search *search = data;
	struct attributes expression = { { 0 } };
	struct attributes lookup = { { 0 } };
	if (mnl_attr_parse_nested(element, note, &expression) < 0) {
		return MNL_CB_ERROR;
	}
	const char *name = text_of(&expression, NFTA_EXPR_NAME);
	if (name == NULL || strcmp(name, "lookup") != 0 || expression.of[NFTA_EXPR_DATA] == NULL ||
	    mnl_attr_parse_nested(expression.of[NFTA_EXPR_DATA], note, &lookup) < 0) {
		return MNL_CB_OK;
	}
	const char *set = text_of(&lookup, NFTA_LOOKUP_SET);
	search->found = search->found || (set != NULL && strcmp(set, search->set) == 0);
	return MNL_CB_OK;
}

static int take_rule(const struct nlmsghdr *message, void *data)
{
	struct attributes attributes = { { 0 } };
	if (mnl_attr_parse(message, sizeof(struct nfgenmsg), note, &attributes) < 0) {
		return MNL_CB_ERROR;
	}
	const struct nlattr *expressions = attributes.of[NFTA_RULE_EXPRESSIONS];
	return expressions == NULL ? MNL_CB_OK
				   : mnl_attr_parse_nested(expressions, take_expression, data);
}

int objects_chain_asks(const char *chain, const char *set, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_BYTES];
	struct search search = { .set = set };
	struct nlmsghdr *message = begin(buffer, NFT_MSG_GETRULE, NLM_F_DUMP, NFPROTO_INET);
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, table_name);
	mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain);
	int r = ask(message, take_rule, &search);
	if (r < 0 && r != -ENOENT) {
		return err_system(e, r, "cannot list the rules of minato");
	}
	return search.found;
}

/* ---- the count of changes ---- */

static int take_id(const struct nlmsghdr *message, void *data)
{
	struct attributes attributes = { { 0 } };
	if (mnl_attr_parse(message, sizeof(struct nfgenmsg), note, &attributes) < 0 ||
	    attributes.of[NFTA_GEN_ID] == NULL) {
		return refuse(-EBADMSG);
	}
	*(uint32_t *)data = number_of(&attributes, NFTA_GEN_ID);
	return MNL_CB_STOP;
}

int enforce_ruleset_id(uint32_t *out, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_BYTES];
	int r = ask(begin(buffer, NFT_MSG_GETGEN, 0, AF_UNSPEC), take_id, out);
	if (r == -EPERM) {
		return err_system(e, r, "this kernel's packet filter cannot be asked");
	}
	return r < 0 ? err_set(e, r, "this kernel has no nf_tables") : 0;
}
