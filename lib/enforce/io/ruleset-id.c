/* The kernel's count of changes to its rules. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "enforce/enforce.h"

enum { ANSWER_BYTES = 8192 };

static size_t request(char *buffer)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
	message->nlmsg_flags = NLM_F_REQUEST;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));
	head->nfgen_family = AF_UNSPEC;
	head->version = NFNETLINK_V0;
	return message->nlmsg_len;
}

static int take_id(const struct nlattr *attribute, void *data)
{
	if (mnl_attr_get_type(attribute) == NFTA_GEN_ID &&
	    mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0) {
		*(uint32_t *)data = ntohl(mnl_attr_get_u32(attribute));
		return MNL_CB_STOP;
	}
	return MNL_CB_OK;
}

/* The kernel's own answer to our own question: one message. */
static int read_answer(uint32_t *out, const char *bytes, size_t length)
{
	const struct nlmsghdr *message = (const void *)bytes;
	if (!mnl_nlmsg_ok(message, (int)length)) {
		return -EBADMSG;
	}
	if (message->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
		return mnl_nlmsg_get_payload_len(message) < sizeof(*error) ? -EBADMSG
									   : error->error;
	}
	int r = mnl_attr_parse(message, sizeof(struct nfgenmsg), take_id, out);
	return r == MNL_CB_STOP ? 0 : -EBADMSG;
}

int enforce_ruleset_id(uint32_t *out, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[ANSWER_BYTES];
	_cleanup_(close_fdp) int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	ssize_t length = -1;
	if (fd >= 0 && send(fd, buffer, request(buffer), 0) >= 0) {
		length = recv(fd, buffer, sizeof(buffer), 0);
	}
	int r = length < 0 ? -errno : read_answer(out, buffer, (size_t)length);
	return r < 0 ? err_system(e, r, "cannot ask the kernel for the state of its rules") : 0;
}
