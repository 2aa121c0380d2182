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

#include "base/io/netlink.h"
#include "enforce/enforce.h"

/* Names of at most 255 bytes: some hundred thousand objects. */
enum { NAMES_BYTES_MAX = 64 * 1024 * 1024 };

static const char table_name[] = "minato";

/* ---- asking ---- */

static struct nlmsghdr *begin(char *buffer, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *message =
		netlink_request(buffer, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags,
				sizeof(struct nfgenmsg));
	struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	head->nfgen_family = family;
	head->version = NFNETLINK_V0;
	return message;
}

static int ask(struct nlmsghdr *message, netlink_function *function, void *data)
{
	const struct netlink_reader reader = { .function = function, .data = data };
	return netlink_ask_once(NETLINK_NETFILTER, message, &reader);
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

/* Names are kept until their listing is whole: who asked is told of each once. */
struct names {
	struct str text; /* two strings for each, with their NULs */
	size_t begin;    /* how much of it is of listings before this one */
};

static int add_name(struct names *names, const char *kind, const char *name)
{
	(void)str_add_bytes(&names->text, kind, strlen(kind) + 1);
	return str_add_bytes(&names->text, name, strlen(name) + 1);
}

static void forget_names(void *data)
{
	struct names *names = data;
	str_truncate(&names->text, names->begin);
}

static int ask_names(struct nlmsghdr *message, netlink_function *function, struct names *names)
{
	const struct netlink_reader reader = { .function = function,
					       .again = forget_names,
					       .data = names };
	names->begin = names->text.length;
	return netlink_ask_once(NETLINK_NETFILTER, message, &reader);
}

static const char *next_name(const char **at)
{
	const char *name = *at;
	*at += strlen(name) + 1;
	return name;
}

/* A kind is kept as a text of one letter. */
static const char *const kind_texts[] = {
	[OBJECT_CHAIN] = "c",
	[OBJECT_SET] = "s",
	[OBJECT_MAP] = "m",
};

static int take_chain(const struct nlmsghdr *message, void *data)
{
	struct attributes attributes = { { 0 } };
	if (mnl_attr_parse(message, sizeof(struct nfgenmsg), note, &attributes) < 0) {
		return -EBADMSG;
	}
	const char *table = text_of(&attributes, NFTA_CHAIN_TABLE);
	const char *name = text_of(&attributes, NFTA_CHAIN_NAME);
	return table == NULL || name == NULL || strcmp(table, table_name) != 0
		       ? 0
		       : add_name(data, kind_texts[OBJECT_CHAIN], name);
}

static int take_set(const struct nlmsghdr *message, void *data)
{
	struct attributes attributes = { { 0 } };
	if (mnl_attr_parse(message, sizeof(struct nfgenmsg), note, &attributes) < 0) {
		return -EBADMSG;
	}
	const char *name = text_of(&attributes, NFTA_SET_NAME);
	const uint32_t flags = number_of(&attributes, NFTA_SET_FLAGS);
	if (name == NULL || (flags & NFT_SET_ANONYMOUS) != 0) {
		return 0;
	}
	return add_name(data, kind_texts[(flags & NFT_SET_MAP) != 0 ? OBJECT_MAP : OBJECT_SET],
			name);
}

void objects_deinit(struct objects *objects)
{
	str_deinit(&objects->text);
}

int objects_read(struct objects *out, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct names names = { .text = STR_INIT(NAMES_BYTES_MAX) };
	int r = ask_names(begin(buffer, NFT_MSG_GETCHAIN, NLM_F_DUMP, NFPROTO_INET), take_chain,
			  &names);
	if (r == 0) {
		struct nlmsghdr *message = begin(buffer, NFT_MSG_GETSET, NLM_F_DUMP, NFPROTO_INET);
		mnl_attr_put_strz(message, NFTA_SET_TABLE, table_name);
		r = ask_names(message, take_set, &names);
	}
	if (r < 0 && r != -ENOENT) {
		str_deinit(&names.text);
		return err_system(e, r, "cannot list the rules of minato");
	}
	*out = (struct objects){ .text = names.text };
	return 0;
}

int objects_each(const struct objects *objects, object_function *function, void *data)
{
	const char *at = str_text(&objects->text);
	const char *end = at + objects->text.length;
	int r = 0;
	while (r == 0 && at < end) {
		const char letter = next_name(&at)[0];
		const enum object_kind kind = letter == 'c'   ? OBJECT_CHAIN
					      : letter == 'm' ? OBJECT_MAP
							      : OBJECT_SET;
		r = function(kind, next_name(&at), data);
	}
	return r;
}

int objects_list(object_function *function, void *data, struct err *e)
{
	struct objects objects = { 0 };
	int r = objects_read(&objects, e);
	if (r == 0) {
		r = objects_each(&objects, function, data);
		r = r < 0 ? err_system(e, r, "cannot list the rules of minato") : 0;
	}
	objects_deinit(&objects);
	return r;
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

static int take_any_table(const struct nlmsghdr *message, void *data)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	struct attributes attributes = { { 0 } };
	if (mnl_attr_parse(message, sizeof(*head), note, &attributes) < 0) {
		return -EBADMSG;
	}
	const char *family = family_name(head->nfgen_family);
	const char *name = text_of(&attributes, NFTA_TABLE_NAME);
	return family == NULL || name == NULL ? 0 : add_name(data, family, name);
}

int objects_tables(table_function *function, void *data, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct names names = { .text = STR_INIT(NAMES_BYTES_MAX) };
	int r = ask_names(begin(buffer, NFT_MSG_GETTABLE, NLM_F_DUMP, AF_UNSPEC), take_any_table,
			  &names);
	const char *at = str_text(&names.text);
	const char *end = at + names.text.length;
	while (r == 0 && at < end) {
		const char *family = next_name(&at);
		r = function(family, next_name(&at), data);
	}
	str_deinit(&names.text);
	return r < 0 ? err_system(e, r, "cannot list the tables of the packet filter") : 0;
}

static int take_table(const struct nlmsghdr *message, void *data)
{
	struct attributes attributes = { { 0 } };
	if (mnl_attr_parse(message, sizeof(struct nfgenmsg), note, &attributes) < 0) {
		return -EBADMSG;
	}
	*(uint32_t *)data = number_of(&attributes, NFTA_TABLE_FLAGS);
	return 0;
}

int objects_table_sleeps(struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
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
		return -EBADMSG;
	}
	const struct nlattr *expressions = attributes.of[NFTA_RULE_EXPRESSIONS];
	return expressions != NULL && mnl_attr_parse_nested(expressions, take_expression, data) < 0
		       ? -EBADMSG
		       : 0;
}

int objects_chain_asks(const char *chain, const char *set, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
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
		return -EBADMSG;
	}
	*(uint32_t *)data = number_of(&attributes, NFTA_GEN_ID);
	return 0;
}

int enforce_ruleset_id(uint32_t *out, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	int r = ask(begin(buffer, NFT_MSG_GETGEN, 0, AF_UNSPEC), take_id, out);
	if (r == -EPERM) {
		return err_system(e, r, "this kernel's packet filter cannot be asked");
	}
	return r < 0 ? err_set(e, r, "this kernel has no nf_tables") : 0;
}

struct enforce_moment enforce_moment_after(const struct enforce_moment *before, uint32_t id)
{
	const uint32_t next = before->id == UINT32_MAX ? 1 : before->id + 1;
	return (struct enforce_moment){ .known = before->known && id == next, .id = id };
}

struct enforce_moment enforce_now(void)
{
	struct enforce_moment now = { 0 };
	now.known = enforce_ruleset_id(&now.id, NULL) == 0;
	return now;
}

void enforce_moment_step(struct enforce_moment *moment)
{
	const struct enforce_moment now = enforce_now();
	const struct enforce_moment after = enforce_moment_after(moment, now.id);
	*moment = (struct enforce_moment){ .known = after.known && now.known, .id = now.id };
}
