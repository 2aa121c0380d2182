/* Messages of NETLINK_SOCK_DIAG: requests out, sockets in. */
#include "observe/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

static bool has_listen(enum protocol protocol)
{
	return protocol != PROTOCOL_UDP && protocol != PROTOCOL_UDPLITE;
}

uint32_t diag_listening_states(enum protocol protocol)
{
	return has_listen(protocol) ? 1U << SOCKET_LISTEN : 1U << SOCKET_CLOSE;
}

uint32_t diag_connected_states(enum protocol protocol)
{
	/* Asking for CLOSE or LISTEN too would make the kernel walk further hash tables. */
	uint32_t no_peer = 1U << SOCKET_LISTEN | 1U << SOCKET_CLOSE;
	uint32_t all = (1U << (SOCKET_NEW_SYN_RECV + 1)) - 2;
	return has_listen(protocol) ? all & ~no_peer : 1U << SOCKET_ESTABLISHED;
}

struct nlmsghdr *diag_request(void *buffer, enum protocol protocol, uint8_t family, uint32_t states)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(message, sizeof(*request));
	request->sdiag_family = family;
	request->sdiag_protocol = (uint8_t)protocol;
	request->idiag_states = states;
	if (protocol > UINT8_MAX) {
		/* MPTCP's number does not fit the byte (net/ipv4/inet_diag.c,
		 * inet_diag_get_protocol). */
		mnl_attr_put_u32(message, INET_DIAG_REQ_PROTOCOL, protocol);
	}
	return message;
}

struct nlmsghdr *diag_request_tcp(void *buffer, uint32_t states)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = TCPDIAG_GETSOCK;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct inet_diag_req *request = mnl_nlmsg_put_extra_header(message, sizeof(*request));
	request->idiag_states = states;
	return message;
}

void diag_request_filter(struct nlmsghdr *request, const struct port_filter *filter)
{
	mnl_attr_put(request, INET_DIAG_REQ_BYTECODE, filter->length, filter->program);
}

static struct addr address_of(uint8_t family, const void *bytes)
{
	return family == AF_INET ? addr_from_ipv4(bytes) : addr_from_ipv6(bytes);
}

int diag_decode(struct socket_facts *out, enum protocol protocol, const struct nlmsghdr *message)
{
	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct inet_diag_msg)) {
		return -EBADMSG;
	}
	const struct inet_diag_msg *answer = mnl_nlmsg_get_payload(message);
	const struct inet_diag_sockid *id = &answer->id;
	if (answer->idiag_family != AF_INET && answer->idiag_family != AF_INET6) {
		return -EBADMSG;
	}
	*out = (struct socket_facts){
		.protocol = protocol,
		.state = answer->idiag_state,
		.local = address_of(answer->idiag_family, id->idiag_src),
		.remote = address_of(answer->idiag_family, id->idiag_dst),
		.local_port = ntohs(id->idiag_sport),
		.remote_port = ntohs(id->idiag_dport),
		.interface = id->idiag_if,
		.uid = answer->idiag_uid,
		.inode = answer->idiag_inode,
		.cookie = (uint64_t)id->idiag_cookie[1] << 32 | id->idiag_cookie[0],
		.receive_queue = answer->idiag_rqueue,
		.send_queue = answer->idiag_wqueue,
	};
	const struct nlattr *attribute;
	mnl_attr_for_each(attribute, message, sizeof(*answer))
	{
		if (mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY &&
		    mnl_attr_get_payload_len(attribute) >= sizeof(uint8_t)) {
			out->v6_only = mnl_attr_get_u8(attribute) != 0;
		}
	}
	return 0;
}

struct listener diag_listener(const struct socket_facts *facts)
{
	return (struct listener){
		.protocol = facts->protocol,
		.address = facts->local,
		.port = facts->local_port,
		.v6_only = facts->v6_only,
		.interface = facts->interface,
		.inode = facts->inode,
		.cookie = facts->cookie,
		.uid = facts->uid,
		.queue = facts->receive_queue,
		.backlog = has_listen(facts->protocol) ? facts->send_queue : 0,
		.siblings = 1,
	};
}

struct connection diag_connection(const struct socket_facts *facts)
{
	return (struct connection){
		.protocol = facts->protocol,
		.state = facts->state,
		.local = facts->local,
		.remote = facts->remote,
		.local_port = facts->local_port,
		.remote_port = facts->remote_port,
		.inode = facts->inode,
		.cookie = facts->cookie,
		.uid = facts->uid,
		.process = UINT32_MAX,
	};
}
