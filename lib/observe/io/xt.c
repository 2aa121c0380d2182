/* Matches and targets of iptables inside the rules of a table, asked of the kernel: nft tells their
 * names alone. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/io/netlink.h"
#include "observe/foreign.h"
#include "observe/observe.h"
#include "observe/xt.h"

enum { RULES_MAX = FOREIGN_RULES_MAX, ATTRIBUTES = 16 };

struct parts {
	json_t *rules; /* as xt_put_in() takes them */
	bool ipv6;
};

struct attributes {
	const struct nlattr *of[ATTRIBUTES];
};

static int note(const struct nlattr *attribute, void *data)
{
	struct attributes *attributes = data;
	if (mnl_attr_get_type(attribute) < ATTRIBUTES) {
		attributes->of[mnl_attr_get_type(attribute)] = attribute;
	}
	return MNL_CB_OK;
}

static const char *text_of(const struct nlattr *attribute)
{
	return attribute != NULL && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0
		       ? mnl_attr_get_str(attribute)
		       : "";
}

/* One expression of a rule. Matches and targets number their attributes alike. */
static int take_expression(const struct nlattr *element, const struct parts *parts, json_t *means)
{
	struct attributes expression = { { 0 } };
	struct attributes inner = { { 0 } };
	if (mnl_attr_parse_nested(element, note, &expression) < 0) {
		return -EBADMSG;
	}
	const char *kind = text_of(expression.of[NFTA_EXPR_NAME]);
	const bool target = strcmp(kind, "target") == 0;
	if (!target && strcmp(kind, "match") != 0) {
		return 0;
	}
	json_t *mean = NULL;
	const struct nlattr *data = expression.of[NFTA_EXPR_DATA];
	if (data != NULL && mnl_attr_parse_nested(data, note, &inner) >= 0 &&
	    inner.of[NFTA_MATCH_INFO] != NULL && inner.of[NFTA_MATCH_REV] != NULL &&
	    mnl_attr_validate(inner.of[NFTA_MATCH_REV], MNL_TYPE_U32) >= 0) {
		const struct xt_part part = {
			.target = target,
			.name = text_of(inner.of[NFTA_MATCH_NAME]),
			.revision = ntohl(mnl_attr_get_u32(inner.of[NFTA_MATCH_REV])),
			.ipv6 = parts->ipv6,
			.info = mnl_attr_get_payload(inner.of[NFTA_MATCH_INFO]),
			.length = mnl_attr_get_payload_len(inner.of[NFTA_MATCH_INFO]),
		};
		mean = xt_statements(&part);
	}
	return json_array_append_new(means, mean == NULL ? json_null() : mean) < 0 ? -ENOMEM : 0;
}

static int take_rule(const struct nlmsghdr *message, void *data)
{
	struct parts *parts = data;
	struct attributes attributes = { { 0 } };
	if (mnl_attr_parse(message, sizeof(struct nfgenmsg), note, &attributes) < 0) {
		return -EBADMSG;
	}
	const struct nlattr *expressions = attributes.of[NFTA_RULE_EXPRESSIONS];
	const struct nlattr *handle = attributes.of[NFTA_RULE_HANDLE];
	const struct nlattr *element = NULL;
	json_auto_t *means = json_array();
	int r = means == NULL ? -ENOMEM : 0;
	if (expressions == NULL || handle == NULL || mnl_attr_validate(handle, MNL_TYPE_U64) < 0) {
		return r;
	}
	mnl_attr_for_each_nested(element, expressions)
	{
		r = r < 0 ? r : take_expression(element, parts, means);
	}
	/* Those beyond the bound stay what nft says of them: not understood. */
	if (r == 0 && json_array_size(means) > 0 && json_object_size(parts->rules) < RULES_MAX) {
		char key[XT_KEY_BYTES];
		xt_key(key, text_of(attributes.of[NFTA_RULE_CHAIN]),
		       be64toh(mnl_attr_get_u64(handle)));
		r = json_object_set(parts->rules, key, means) < 0 ? -ENOMEM : 0;
	}
	return r;
}

static void forget(void *data)
{
	const struct parts *parts = data;
	(void)json_object_clear(parts->rules);
}

/* @param family,table  as nft writes them. @return 0 or negative errno. */
static int read_parts(struct parts *parts, uint8_t family, const char *table)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct netlink_reader reader = { .function = take_rule,
					       .again = forget,
					       .data = parts };
	struct nlmsghdr *request =
		netlink_request(buffer, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP,
				sizeof(struct nfgenmsg));
	struct nfgenmsg *head = mnl_nlmsg_get_payload(request);
	head->nfgen_family = family;
	mnl_attr_put_strz(request, NFTA_RULE_TABLE, table);
	return netlink_ask_once(NETLINK_NETFILTER, request, &reader);
}

int observe_foreign_table(struct foreign_rules *out, const char *table, const char *text,
			  size_t length)
{
	static const struct {
		const char *name;
		uint8_t family;
	} families[] = { { "ip ", NFPROTO_IPV4 }, { "ip6 ", NFPROTO_IPV6 } };
	struct parts parts = { 0 };
	int r = 0;
	/* iptables knows these families alone; most tables hold nothing of it. */
	for (size_t i = 0; i < 2 && memmem(text, length, "\"xt\"", 4) != NULL; i++) {
		const size_t prefix = strlen(families[i].name);
		if (strncmp(table, families[i].name, prefix) == 0) {
			parts.rules = json_object();
			parts.ipv6 = families[i].family == NFPROTO_IPV6;
			r = parts.rules == NULL
				    ? -ENOMEM
				    : read_parts(&parts, families[i].family, table + prefix);
		}
	}
	if (r == -ENOMEM) {
		json_decref(parts.rules);
		return r;
	}
	/* What could not be asked is not understood, and told so. */
	r = foreign_read(out, text, length, parts.rules);
	json_decref(parts.rules);
	return r;
}
