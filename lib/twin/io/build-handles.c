/* The handles of the rules that were copied, over nfnetlink: a listing by nft takes far longer. */
#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/netlink.h"
#include "twin/io/build.h"
#include "twin/trace.h"

static const char *text(const struct nlattr *attribute)
{
	return mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0 ? "?"
								     : mnl_attr_get_str(attribute);
}

static void forget(void *data)
{
	struct str *lines = data;
	str_truncate(lines, 0);
}

static int take_rule(const struct nlmsghdr *message, void *data)
{
	struct str *lines = data;
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	const char *table = "?";
	const char *chain = "?";
	uint64_t handle = 0;
	const struct nlattr *attribute = NULL;
	mnl_attr_for_each(attribute, message, sizeof(*head))
	{
		switch (mnl_attr_get_type(attribute)) {
		case NFTA_RULE_TABLE:
			table = text(attribute);
			break;
		case NFTA_RULE_CHAIN:
			chain = text(attribute);
			break;
		case NFTA_RULE_HANDLE:
			handle = be64toh(mnl_attr_get_u64(attribute));
			break;
		default:
			break;
		}
	}
	str_printf(lines, "%s %s %s %llu\n", trace_family(head->nfgen_family), table, chain,
		   (unsigned long long)handle);
	return lines->error;
}

int build_handles(int listing)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct str lines = STR_INIT(RULES_MAX_BYTES);
	const struct netlink_reader reader = { .function = take_rule,
					       .again = forget,
					       .data = &lines };
	struct nlmsghdr *request =
		netlink_request(buffer, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP,
				sizeof(struct nfgenmsg));
	int r = netlink_ask_once(NETLINK_NETFILTER, request, &reader);
	r = r < 0 ? r : write_all(listing, str_text(&lines), lines.length);
	str_deinit(&lines);
	return r;
}
