/* What the lesson knows of this host, and two programs that want one port. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sockaddr.h"
#include "learn.h"
#include "look.h"
#include "observe/observe.h"
#include "words.h"

void lesson_know(struct lesson *lesson, enum learn_fact fact, const char *format, ...)
{
	struct str text = STR_INIT(1024);
	char room[512];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(room, sizeof(room), format, arguments);
	va_end(arguments);
	text_escape(&text, room);
	lesson->facts.value[fact] = arena_strdup(&lesson->arena, str_text(&text));
	str_deinit(&text);
}

/* ---- its address ---- */

/* RFC 4291 2.5.6. */
static bool is_link_local(const struct addr *address)
{
	return address->family == ADDR_IPV6 && address->bytes[0] == 0xfe &&
	       (address->bytes[1] & 0xc0) == 0x80;
}

/* The first one that is neither of loopback nor of one link alone, IPv4 before IPv6. */
static struct addr own_address(void)
{
	struct addr found = { .family = ADDR_NONE };
	struct ifaddrs *all = NULL;
	if (getifaddrs(&all) < 0) {
		return found;
	}
	for (const struct ifaddrs *each = all; each != NULL; each = each->ifa_next) {
		const struct addr address = addr_from_sockaddr(each->ifa_addr);
		if (address.family == ADDR_NONE || (each->ifa_flags & IFF_LOOPBACK) != 0 ||
		    is_link_local(&address)) {
			continue;
		}
		if (found.family == ADDR_NONE ||
		    (found.family == ADDR_IPV6 && address.family == ADDR_IPV4)) {
			found = address;
		}
	}
	freeifaddrs(all);
	return found;
}

/* ---- its listeners ---- */

static size_t count_programs(const struct inventory *inventory)
{
	size_t count = 0;
	for (size_t i = 0; i < inventory->processes.count; i++) {
		bool listens = false;
		for (size_t k = 0; !listens && k < inventory->listeners.count; k++) {
			const struct process *process = inventory_listener_process(
				inventory, &inventory->listeners.items[k]);
			listens = process == &inventory->processes.items[i];
		}
		count += listens;
	}
	return count;
}

static void know_listeners(struct lesson *lesson)
{
	const struct inventory *inventory = &lesson->inventory;
	const size_t programs = count_programs(inventory);
	if (inventory->listeners.count == 0) {
		return;
	}
	lesson_know(lesson, LEARN_LISTENERS, "%zu", inventory->listeners.count);
	lesson_know(lesson, LEARN_PROGRAMS, "%zu", programs);
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		const struct process *process = inventory_listener_process(inventory, l);
		if (inventory_is_host(inventory, l->netns) && process != NULL &&
		    l->protocol == PROTOCOL_TCP && inventory_is_ephemeral(inventory, l->port)) {
			lesson_know(lesson, LEARN_EPHEMERAL_LISTENER, "%s", process->name);
			lesson_know(lesson, LEARN_EPHEMERAL_LISTENER_PORT, "%u", l->port);
			return;
		}
	}
}

void lesson_know_host(struct lesson *lesson)
{
	char name[256];
	char text[ADDR_TEXT_BYTES];
	const struct addr own = own_address();
	if (gethostname(name, sizeof(name)) == 0 && name[0] != '\0') {
		lesson_know(lesson, LEARN_HOST, "%s", name);
	} else {
		lesson_know(lesson, LEARN_HOST, "%s", _("this machine"));
	}
	if (own.family != ADDR_NONE) {
		lesson_know(lesson, LEARN_ADDRESS, "%s", addr_format(&own, text));
	}
	lesson->looked = look(&lesson->inventory, lesson->context,
			      OBSERVE_OWNERS | OBSERVE_DETAILS | OBSERVE_CONNECTIONS, NULL) == 0;
	if (!lesson->looked) {
		return;
	}
	const struct port_range *range = &lesson->inventory.ephemeral;
	lesson_know(lesson, LEARN_EPHEMERAL_FIRST, "%u", range->first);
	lesson_know(lesson, LEARN_EPHEMERAL_LAST, "%u", range->last);
	lesson_know(lesson, LEARN_EPHEMERAL_COUNT, "%d", range->last - range->first + 1);
	know_listeners(lesson);
}

/* ---- two programs, one port ---- */

void lesson_try_two_programs(struct lesson *lesson)
{
	const uint8_t loopback[] = { 127, 0, 0, 1 };
	const struct addr here = addr_from_ipv4(loopback);
	struct sockaddr_storage at;
	socklen_t length = sockaddr_from_addr(&at, &here, 0);
	_cleanup_(close_fdp) int first = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_(close_fdp) int second = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (first < 0 || second < 0 || bind(first, (struct sockaddr *)&at, length) < 0 ||
	    listen(first, 1) < 0 || getsockname(first, (struct sockaddr *)&at, &length) < 0 ||
	    bind(second, (struct sockaddr *)&at, length) == 0) {
		return;
	}
	const int error = errno;
	lesson->tried_port = sockaddr_port((struct sockaddr *)&at);
	lesson_know(lesson, LEARN_TRIED_ADDRESS, "127.0.0.1");
	lesson_know(lesson, LEARN_TRIED_PORT, "%u", lesson->tried_port);
	lesson_know(lesson, LEARN_TRIED_ERROR, "%s (%s)", strerror(error), strerrorname_np(error));
}
