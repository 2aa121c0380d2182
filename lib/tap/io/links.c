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

#include "base/io/bpf.h"
#include "base/io/netlink.h"
#include "model/tap_mark.h"
#include "tap/io/pins.h"

enum {
	INGRESS = 0xfffffff2, /* TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS) */
	EGRESS = 0xfffffff3,
};

/* As netlink_ask(). */
static int ask(struct tap *tap, struct nlmsghdr *request, const struct netlink_reader *reader)
{
	if (tap->route < 0) {
		tap->route = netlink_open(NETLINK_ROUTE);
	}
	return tap->route < 0 ? tap->route : netlink_ask(tap->route, request, reader);
}

/* ---- tc ---- */

/* As netlink_request(). */
static struct nlmsghdr *begin_tc(void *buffer, uint16_t type, uint16_t flags,
				 const struct tcmsg *tc)
{
	struct nlmsghdr *request = netlink_request(buffer, type, flags, sizeof(*tc));
	memcpy(mnl_nlmsg_get_payload(request), tc, sizeof(*tc));
	return request;
}

static struct tcmsg clsact_of(int interface)
{
	return (struct tcmsg){ .tcm_ifindex = interface,
			       .tcm_parent = TC_H_CLSACT,
			       .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0) };
}

/* The kind of an interface's qdisc of that parent; "" = none that is told of. */
static int see_kind(const struct nlmsghdr *message, void *data)
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
	return 0;
}

static bool is_clsact(struct tap *tap, int interface)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	char kind[IFNAMSIZ] = "";
	const struct tcmsg tc = { .tcm_ifindex = interface, .tcm_parent = TC_H_CLSACT };
	const struct netlink_reader reader = { .function = see_kind, .data = kind };
	/* Without ECHO the answer goes to those who listen, not to who asks. */
	struct nlmsghdr *request = begin_tc(buffer, RTM_GETQDISC, NLM_F_ECHO, &tc);
	return ask(tap, request, &reader) == 0 && strcmp(kind, "clsact") == 0;
}

static int make_clsact(struct tap *tap, int interface)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct tcmsg tc = clsact_of(interface);
	struct nlmsghdr *request = begin_tc(buffer, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tc);
	mnl_attr_put_strz(request, TCA_KIND, "clsact");
	int r = ask(tap, request, NULL);
	return r == -EEXIST ? 0 : r; /* also when it is the older "ingress" */
}

static int remove_clsact(struct tap *tap, int interface)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct tcmsg tc = clsact_of(interface);
	return ask(tap, begin_tc(buffer, RTM_DELQDISC, 0, &tc), NULL);
}

static struct tcmsg filter_of(int interface, uint32_t parent)
{
	return (struct tcmsg){ .tcm_ifindex = interface,
			       .tcm_parent = parent,
			       .tcm_handle = TAP_HANDLE,
			       .tcm_info =
				       TC_H_MAKE((uint32_t)TAP_PRIORITY << 16, htons(ETH_P_ALL)) };
}

static int put_filter(struct tap *tap, int interface, uint32_t parent, int program)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct tcmsg tc = filter_of(interface, parent);
	struct nlmsghdr *request =
		begin_tc(buffer, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE, &tc);
	mnl_attr_put_strz(request, TCA_KIND, "bpf");
	struct nlattr *options = mnl_attr_nest_start(request, TCA_OPTIONS);
	mnl_attr_put_u32(request, TCA_BPF_FD, (uint32_t)program);
	mnl_attr_put_strz(request, TCA_BPF_NAME, "minato_tap");
	mnl_attr_put_u32(request, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end(request, options);
	return ask(tap, request, NULL);
}

static int remove_filter(struct tap *tap, int interface, uint32_t parent)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct tcmsg tc = filter_of(interface, parent);
	struct nlmsghdr *request = begin_tc(buffer, RTM_DELTFILTER, 0, &tc);
	mnl_attr_put_strz(request, TCA_KIND, "bpf");
	int r = ask(tap, request, NULL);
	/* No such qdisc, priority, or filter: it is not there. */
	return r == -ENOENT || r == -EINVAL ? 0 : r;
}

struct filters {
	uint32_t others, earlier;
	bool ours;
};

static int see_filter(const struct nlmsghdr *message, void *data)
{
	struct filters *filters = data;
	const struct tcmsg *tc = mnl_nlmsg_get_payload(message);
	if (message->nlmsg_type != RTM_NEWTFILTER || tc->tcm_handle == 0) {
		return 0; /* the head of a priority */
	}
	const uint32_t priority = TC_H_MAJ(tc->tcm_info) >> 16;
	if (tc->tcm_handle == TAP_HANDLE && priority == TAP_PRIORITY) {
		filters->ours = true;
		return 0;
	}
	filters->others++;
	filters->earlier += priority < TAP_PRIORITY;
	return 0;
}

static void forget_filters(void *data)
{
	*(struct filters *)data = (struct filters){ 0 };
}

static int read_filters(struct filters *out, struct tap *tap, int interface, uint32_t parent)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct tcmsg tc = { .tcm_ifindex = interface, .tcm_parent = parent };
	const struct netlink_reader reader = { .function = see_filter,
					       .again = forget_filters,
					       .data = out };
	forget_filters(out);
	int r = ask(tap, begin_tc(buffer, RTM_GETTFILTER, NLM_F_DUMP, &tc), &reader);
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
			r = remove_clsact(tap, interface);
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

static int see_xdp(const struct nlmsghdr *message, void *data)
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
	return 0;
}

static struct nlmsghdr *begin_link(void *buffer, uint16_t type, int interface)
{
	struct nlmsghdr *request = netlink_request(buffer, type, 0, sizeof(struct ifinfomsg));
	struct ifinfomsg *link = mnl_nlmsg_get_payload(request);
	link->ifi_index = interface;
	return request;
}

static int read_xdp(struct xdp *out, struct tap *tap, int interface)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct netlink_reader reader = { .function = see_xdp, .data = out };
	*out = (struct xdp){ 0 };
	return ask(tap, begin_link(buffer, RTM_GETLINK, interface), &reader);
}

/* @param program  -1 = none. @param expected  what must be there now, -1 = nothing. */
static int put_xdp(struct tap *tap, int interface, enum tap_way way, int program, int expected)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const uint32_t mode = way == TAP_XDP_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
	const uint32_t flags =
		mode | (expected >= 0 ? XDP_FLAGS_REPLACE : XDP_FLAGS_UPDATE_IF_NOEXIST);
	struct nlmsghdr *request = begin_link(buffer, RTM_SETLINK, interface);
	struct nlattr *nest = mnl_attr_nest_start(request, IFLA_XDP);
	mnl_attr_put_u32(request, IFLA_XDP_FD, (uint32_t)program);
	mnl_attr_put_u32(request, IFLA_XDP_FLAGS, flags);
	if (expected >= 0) {
		mnl_attr_put_u32(request, IFLA_XDP_EXPECTED_FD, (uint32_t)expected);
	}
	mnl_attr_nest_end(request, nest);
	return ask(tap, request, NULL);
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
