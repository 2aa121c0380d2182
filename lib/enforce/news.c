/* What the kernel tells of changes of its rules (nfnetlink, group NFNLGRP_NFTABLES), read for our
 * table. The kernel first names each object, then who committed all of it (nft_gen_notify). */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/netlink.h"
#include "enforce/enforce.h"

static const char table[] = "minato";
/* The commands of minato and the daemon's keeper, by the names of their processes. Whoever can
 * change rules is root, who needs no false name to harm. */
static const char *const own_names[] = { "minato", "minato-keeper" };

/* The attribute of that type; NULL. */
static const struct nlattr *find(const struct nlmsghdr *message, uint16_t type)
{
	const struct nlattr *attribute;
	mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attribute) == type) {
			return attribute;
		}
	}
	return NULL;
}

/* Every kind of object names its table by the attribute with number 1. */
static bool is_ours(const struct nlmsghdr *message)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *name = find(message, NFTA_TABLE_NAME);
	return head->nfgen_family == NFPROTO_INET && name != NULL &&
	       mnl_attr_get_payload_len(name) == sizeof(table) &&
	       memcmp(mnl_attr_get_payload(name), table, sizeof(table)) == 0;
}

/* @param name  receives "" when it was not told. @return its pid, 0 when that was not told. */
static int32_t committer(const struct nlmsghdr *message, char name[16])
{
	const struct nlattr *pid = find(message, NFTA_GEN_PROC_PID);
	const struct nlattr *text = find(message, NFTA_GEN_PROC_NAME);
	int32_t number = 0;
	if (pid != NULL && mnl_attr_get_payload_len(pid) >= sizeof(uint32_t)) {
		number = (int32_t)ntohl(mnl_attr_get_u32(pid));
	}
	memset(name, 0, 16);
	if (text != NULL) {
		const size_t given = mnl_attr_get_payload_len(text);
		memcpy(name, mnl_attr_get_payload(text), given < 16 ? given : 15);
	}
	return number > 0 ? number : 0;
}

static bool is_own_name(const char *name)
{
	for (size_t i = 0; i < sizeof(own_names) / sizeof(own_names[0]); i++) {
		if (strcmp(name, own_names[i]) == 0) {
			return true;
		}
	}
	return false;
}

static void end_transaction(struct enforce_news *news, const struct nlmsghdr *message)
{
	char name[16];
	const int32_t pid = committer(message, name);
	if (news->open) {
		news->touched = true;
	}
	if (news->open && !is_own_name(name)) {
		news->foreign = true;
		news->pid = pid;
		memcpy(news->name, name, sizeof(name));
	}
	if (news->others_open) {
		news->others = true;
		news->others_pid = pid;
		memcpy(news->others_name, name, sizeof(name));
	}
	news->open = news->others_open = false;
}

static void read_message(struct enforce_news *news, const struct nlmsghdr *message)
{
	const uint16_t kind = message->nlmsg_type & 0xff;
	if (message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg)) {
		return;
	}
	if (kind == NFT_MSG_NEWGEN) {
		end_transaction(news, message);
	} else if (is_ours(message)) {
		news->open = true;
		news->gone = kind == NFT_MSG_DELTABLE;
	} else {
		news->others_open = true;
	}
}

void enforce_news_read(struct enforce_news *news, const void *bytes, size_t length)
{
	int left = (int)length;
	for (const struct nlmsghdr *message = bytes; netlink_whole(message, left);
	     message = mnl_nlmsg_next(message, &left)) {
		read_message(news, message);
	}
}
