/*
 * Attaching to interfaces over rtnetlink. libbpf could (bpf_tc_attach), but it brings libelf into a
 * process with rights, opens a socket for each call and does not tell of others' programs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/bpf.h"
#include "model/tap_mark.h"
#include "tap/io/pins.h"

enum {
	REQUEST_BYTES = 512,
	RECEIVE_BYTES = 64 * 1024,
	INGRESS = 0xfffffff2, /* TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS) */
	EGRESS = 0xfffffff3,
};

/* ---- netlink ---- */

typedef void answer_function(const struct nlmsghdr *message, void *data);

/* One request: the caller's part is between begin() and ask(). */
struct request {
	_Alignas(struct nlmsghdr) char bytes[REQUEST_BYTES];
};

static struct nlmsghdr *begin(struct request *request, uint16_t type, uint16_t flags)
{
	static uint32_t sequence;
	struct nlmsghdr *message = mnl_nlmsg_put_header(request->bytes);
	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = ++sequence;
	return message;
}

static int error_of(const struct nlmsghdr *message)
{
	const int *code = mnl_nlmsg_get_payload(message);
	return mnl_nlmsg_get_payload_len(message) < sizeof(*code) ? 0 : *code;
}

/* @return 1 = more is to come, 0 = it is done, or negative errno. */
static int take(const char *bytes, size_t length, uint32_t sequence, answer_function *function,
		void *data)
{
	int left = (int)length;
	for (const struct nlmsghdr *message = (const void *)bytes; mnl_nlmsg_ok(message, left);
	     message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_seq != sequence) {
			continue;
		}
		if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
			return error_of(message);
		}
		if (function != NULL) {
			function(message, data);
		}
	}
	return 1;
}

static int open_route(struct tap *tap)
{
	if (tap->route >= 0) {
		return 0;
	}
	tap->route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return tap->route < 0 ? -errno : 0;
}

/* Sends and reads until the kernel is done. @return 0 or its negative errno. */
static int ask(struct tap *tap, struct nlmsghdr *message, answer_function *function, void *data)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_BYTES];
	int r = open_route(tap);
	if (r < 0) {
		return r;
	}
	if ((message->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) {
		message->nlmsg_flags |= NLM_F_ACK; /* a dump has an end of its own */
	}
	if (send(tap->route, message, message->nlmsg_len, 0) < 0) {
		return -errno;
	}
	do {
		const ssize_t length = recv(tap->route, buffer, sizeof(buffer), 0);
		if (length < 0 && errno != EINTR) {
			return -errno;
		}
		r = length < 0 ? 1
			       : take(buffer, (size_t)length, message->nlmsg_seq, function, data);
	} while (r > 0);
	return r;
}

/* ---- tc ---- */

static struct tcmsg *put_tc(struct nlmsghdr *message, int interface, uint32_t parent)
{
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(message, sizeof(*tc));
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = interface;
	tc->tcm_parent = parent;
	return tc;
}

/* The kind of an interface's qdisc of that parent; "" = none that is told of. */
static void see_kind(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *attribute = NULL;
	char *kind = data;
	mnl_attr_for_each(attribute, message, sizeof(struct tcmsg))
	{
		if (mnl_attr_get_type(attribute) == TCA_KIND &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0) {
			(void)strncpy(kind, mnl_attr_get_str(attribute), IFNAMSIZ - 1);
		}
	}
}

static bool is_clsact(struct tap *tap, int interface)
{
	struct request request;
	char kind[IFNAMSIZ] = "";
	/* Without ECHO the answer goes to those who listen, not to who asks. */
	struct nlmsghdr *message = begin(&request, RTM_GETQDISC, NLM_F_ECHO);
	(void)put_tc(message, interface, TC_H_CLSACT);
	return ask(tap, message, see_kind, kind) == 0 && strcmp(kind, "clsact") == 0;
}

static int make_clsact(struct tap *tap, int interface)
{
	struct request request;
	struct nlmsghdr *message = begin(&request, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
	put_tc(message, interface, TC_H_CLSACT)->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(message, TCA_KIND, "clsact");
	int r = ask(tap, message, NULL, NULL);
	return r == -EEXIST ? 0 : r; /* also when it is the older "ingress" */
}

static uint32_t priority_info(void)
{
	return TC_H_MAKE((uint32_t)TAP_PRIORITY << 16, htons(ETH_P_ALL));
}

static int put_filter(struct tap *tap, int interface, uint32_t parent, int program)
{
	struct request request;
	struct nlmsghdr *message = begin(&request, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE);
	struct tcmsg *tc = put_tc(message, interface, parent);
	tc->tcm_handle = TAP_HANDLE;
	tc->tcm_info = priority_info();
	mnl_attr_put_strz(message, TCA_KIND, "bpf");
	struct nlattr *options = mnl_attr_nest_start(message, TCA_OPTIONS);
	mnl_attr_put_u32(message, TCA_BPF_FD, (uint32_t)program);
	mnl_attr_put_strz(message, TCA_BPF_NAME, "minato_tap");
	mnl_attr_put_u32(message, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end(message, options);
	return ask(tap, message, NULL, NULL);
}

static int remove_filter(struct tap *tap, int interface, uint32_t parent)
{
	struct request request;
	struct nlmsghdr *message = begin(&request, RTM_DELTFILTER, 0);
	struct tcmsg *tc = put_tc(message, interface, parent);
	tc->tcm_handle = TAP_HANDLE;
	tc->tcm_info = priority_info();
	mnl_attr_put_strz(message, TCA_KIND, "bpf");
	int r = ask(tap, message, NULL, NULL);
	/* No such qdisc, priority, or filter: it is not there. */
	return r == -ENOENT || r == -EINVAL ? 0 : r;
}

struct filters {
	uint32_t others, earlier;
	bool ours;
};

static void see_filter(const struct nlmsghdr *message, void *data)
{
	struct filters *filters = data;
	const struct tcmsg *tc = mnl_nlmsg_get_payload(message);
	if (message->nlmsg_type != RTM_NEWTFILTER || tc->tcm_handle == 0) {
		return; /* the head of a priority */
	}
	const uint32_t priority = TC_H_MAJ(tc->tcm_info) >> 16;
	if (tc->tcm_handle == TAP_HANDLE && priority == TAP_PRIORITY) {
		filters->ours = true;
		return;
	}
	filters->others++;
	filters->earlier += priority < TAP_PRIORITY;
}

static int read_filters(struct filters *out, struct tap *tap, int interface, uint32_t parent)
{
	struct request request;
	struct nlmsghdr *message = begin(&request, RTM_GETTFILTER, NLM_F_DUMP);
	*out = (struct filters){ 0 };
	(void)put_tc(message, interface, parent);
	int r = ask(tap, message, see_filter, out);
	return r == -ENOENT || r == -EINVAL ? 0 : r; /* no such qdisc */
}

static int attach_tc(struct tap *tap, int interface)
{
	int r = make_clsact(tap, interface);
	if (r == 0) {
		r = put_filter(tap, interface, INGRESS, tap->fds[PIN_INGRESS]);
	}
	/* The older qdisc "ingress" has no other side: it would run there what we give it. */
	if (r == 0 && is_clsact(tap, interface)) {
		r = put_filter(tap, interface, EGRESS, tap->fds[PIN_EGRESS]);
	}
	return r;
}

static int detach_tc(struct tap *tap, int interface)
{
	struct filters in;
	struct filters out;
	int r = remove_filter(tap, interface, INGRESS);
	if (r == 0 && is_clsact(tap, interface)) {
		r = remove_filter(tap, interface, EGRESS);
		if (r == 0 && read_filters(&in, tap, interface, INGRESS) == 0 &&
		    read_filters(&out, tap, interface, EGRESS) == 0 && !in.ours && !out.ours &&
		    in.others + out.others == 0) {
			struct request request;
			struct nlmsghdr *message = begin(&request, RTM_DELQDISC, 0);
			put_tc(message, interface, TC_H_CLSACT)->tcm_handle =
				TC_H_MAKE(TC_H_CLSACT, 0);
			r = ask(tap, message, NULL, NULL);
		}
	}
	return r;
}

/* ---- XDP ---- */

/* Program of an interface: numbers are the kernel's. */
struct xdp {
	uint32_t id; /* 0 = none */
	bool native; /* attached to the driver */
};

static void see_xdp(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *attribute = NULL;
	struct xdp *xdp = data;
	mnl_attr_for_each(attribute, message, sizeof(struct ifinfomsg))
	{
		const struct nlattr *inner = NULL;
		if (mnl_attr_get_type(attribute) != IFLA_XDP) {
			continue;
		}
		mnl_attr_for_each_nested(inner, attribute)
		{
			const uint16_t type = mnl_attr_get_type(inner);
			if ((type == IFLA_XDP_PROG_ID || type == IFLA_XDP_DRV_PROG_ID ||
			     type == IFLA_XDP_SKB_PROG_ID || type == IFLA_XDP_HW_PROG_ID) &&
			    mnl_attr_validate(inner, MNL_TYPE_U32) == 0) {
				xdp->id = mnl_attr_get_u32(inner);
			} else if (type == IFLA_XDP_ATTACHED &&
				   mnl_attr_validate(inner, MNL_TYPE_U8) == 0) {
				xdp->native = mnl_attr_get_u8(inner) == XDP_ATTACHED_DRV;
			}
		}
	}
}

static struct nlmsghdr *begin_link(struct request *request, uint16_t type, int interface)
{
	struct nlmsghdr *message = begin(request, type, 0);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = interface;
	return message;
}

static int read_xdp(struct xdp *out, struct tap *tap, int interface)
{
	struct request request;
	*out = (struct xdp){ 0 };
	struct nlmsghdr *message = begin_link(&request, RTM_GETLINK, interface);
	return ask(tap, message, see_xdp, out);
}

/* @param program  -1 = none. @param expected  what must be there now, -1 = nothing. */
static int put_xdp(struct tap *tap, int interface, enum tap_way way, int program, int expected)
{
	struct request request;
	const uint32_t mode = way == TAP_XDP_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
	const uint32_t flags =
		mode | (expected >= 0 ? XDP_FLAGS_REPLACE : XDP_FLAGS_UPDATE_IF_NOEXIST);
	struct nlmsghdr *message = begin_link(&request, RTM_SETLINK, interface);
	struct nlattr *nest = mnl_attr_nest_start(message, IFLA_XDP);
	mnl_attr_put_u32(message, IFLA_XDP_FD, (uint32_t)program);
	mnl_attr_put_u32(message, IFLA_XDP_FLAGS, flags);
	if (expected >= 0) {
		mnl_attr_put_u32(message, IFLA_XDP_EXPECTED_FD, (uint32_t)expected);
	}
	mnl_attr_nest_end(message, nest);
	return ask(tap, message, NULL, NULL);
}

static int attach_xdp(struct tap *tap, int interface, enum tap_way way)
{
	struct xdp now;
	uint32_t ours = 0;
	int r = read_xdp(&now, tap, interface);
	if (r == 0) {
		r = bpf_program_id(tap->fds[PIN_XDP], &ours);
	}
	if (r < 0 || now.id == ours) {
		return r;
	}
	r = put_xdp(tap, interface, way, tap->fds[PIN_XDP], -1);
	if ((r == -EBUSY || r == -EEXIST) && tap->before >= 0) {
		r = put_xdp(tap, interface, way, tap->fds[PIN_XDP], tap->before);
	}
	return r == -EBUSY || r == -EEXIST ? TAP_OCCUPIED : r;
}

static int detach_xdp(struct tap *tap, int interface, enum tap_way way)
{
	int r = put_xdp(tap, interface, way, -1, tap->fds[PIN_XDP]);
	if (r == -EEXIST && tap->before >= 0) {
		r = put_xdp(tap, interface, way, -1, tap->before);
	}
	return r == -EEXIST ? 0 : r; /* none, or somebody else's */
}

/* ---- all ways ---- */

int tap_attach(struct tap *tap, int interface, enum tap_way way, struct err *e)
{
	int r = way == TAP_TC ? attach_tc(tap, interface) : attach_xdp(tap, interface, way);
	if (r == -EOPNOTSUPP && way == TAP_XDP_NATIVE) {
		return err_set(e, EOPNOTSUPP,
			       "the driver of interface %d takes no XDP program of its own: "
			       "use `generic`",
			       interface);
	}
	return r < 0 ? err_system(e, r, "cannot attach the tap to interface %d", interface) : r;
}

int tap_detach(struct tap *tap, int interface, enum tap_way way, struct err *e)
{
	int r = way == TAP_TC ? detach_tc(tap, interface) : detach_xdp(tap, interface, way);
	return r < 0 ? err_system(e, r, "cannot take the tap off interface %d", interface) : 0;
}

int tap_attachment_read(struct tap_attachment *out, struct tap *tap, int interface, struct err *e)
{
	struct filters in = { 0 };
	struct filters leaving = { 0 };
	struct xdp now;
	uint32_t ours = 0;
	int r = read_xdp(&now, tap, interface);
	if (r == 0) {
		r = bpf_program_id(tap->fds[PIN_XDP], &ours);
	}
	if (r == 0) {
		r = read_filters(&in, tap, interface, INGRESS);
	}
	if (r == 0 && is_clsact(tap, interface)) { /* the older one shows the same on both sides */
		r = read_filters(&leaving, tap, interface, EGRESS);
	}
	if (r < 0) {
		return err_system(e, r, "cannot ask what is attached to interface %d", interface);
	}
	*out = (struct tap_attachment){ .tc = in.ours,
					.tc_egress = leaving.ours,
					.xdp = now.id == ours,
					.xdp_native = now.id == ours && now.native,
					.xdp_other = now.id != 0 && now.id != ours,
					.others = in.others,
					.earlier = in.earlier };
	return 0;
}
