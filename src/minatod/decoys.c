/*
 * Decoy ports: a process of a user of its own accepts connections where nobody has any business,
 * says nothing, and tells who came. A connection is complete only when the other side has seen our
 * answer, so its address is its own.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/parse.h"
#include "base/sockaddr.h"
#include "common/process.h"
#include "common/say.h"
#include "daemon.h"
#include "sandbox/sandbox.h"

enum {
	HELD_MAX = 256, /* connections at once; the oldest gives way */
	BACKLOG = 64,
	AGAIN_MAX = 6,
};

static const usec_t HELD_USEC = 10 * USEC_PER_SEC;  /* so that it looks like a slow service */
static const usec_t AGAIN_USEC = USEC_PER_SEC;      /* doubled with each death in a row */
static const usec_t LIVED_USEC = 10 * USEC_PER_MIN; /* then it is no death in a row */

/* ---- the process ---- */

struct held {
	int fd; /* -1 = none */
	usec_t until;
};

struct decoy {
	struct pollfd waits[1 + DECOYS_MAX]; /* the parent, then the ports */
	uint16_t ports[DECOYS_MAX];
	unsigned count;
	struct held held[HELD_MAX];
	unsigned next;
};

static void tell(const struct sockaddr_storage *from, uint16_t port)
{
	struct wire_message message = { .type = WIRE_TRAPPED };
	const struct addr address = addr_from_sockaddr((const struct sockaddr *)from);
	message.trapped.address = addr_unmap(&address);
	message.trapped.port = port;
	(void)wire_send(PROCESS_SOCKET, &message, NULL, 0,
			NULL); /* who floods a decoy is known by the first time */
}

static void take_connections(struct decoy *decoy, unsigned index)
{
	for (unsigned i = 0; i < BACKLOG; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t length = sizeof(from);
		const int fd = accept4(decoy->waits[1 + index].fd, (struct sockaddr *)&from,
				       &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			return;
		}
		tell(&from, decoy->ports[index]);
		struct held *place = &decoy->held[decoy->next];
		decoy->next = (decoy->next + 1) % HELD_MAX;
		close_fdp(&place->fd);
		*place = (struct held){ fd, clock_monotonic() + HELD_USEC };
	}
}

/* @return milliseconds until the next one is let go; -1 = none is held. */
static int let_go(struct decoy *decoy)
{
	const usec_t now = clock_monotonic();
	usec_t next = INT64_MAX;
	for (unsigned i = 0; i < HELD_MAX; i++) {
		struct held *held = &decoy->held[i];
		if (held->fd >= 0 && held->until <= now) {
			close_fdp(&held->fd);
		}
		next = held->fd >= 0 && held->until < next ? held->until : next;
	}
	return next == INT64_MAX ? -1 : (int)((next - now) / 1000) + 1;
}

static void __attribute__((noreturn)) serve(struct decoy *decoy)
{
	for (;;) {
		const int ready = poll(decoy->waits, 1 + decoy->count, let_go(decoy));
		if (ready > 0 && decoy->waits[0].revents != 0) {
			_exit(EXIT_SUCCESS); /* it says nothing but that it has gone */
		}
		for (unsigned i = 0; ready > 0 && i < decoy->count; i++) {
			if (decoy->waits[1 + i].revents != 0) {
				take_connections(decoy, i);
			}
		}
	}
}

static int arrange(struct decoy *decoy, int socket, struct err *e)
{
	if (socket != PROCESS_SOCKET && dup2(socket, PROCESS_SOCKET) < 0) {
		return err_system(e, errno, "cannot arrange the descriptors");
	}
	decoy->waits[0] = (struct pollfd){ PROCESS_SOCKET, POLLIN, 0 };
	for (unsigned i = 0; i < decoy->count; i++) {
		struct pollfd *wait = &decoy->waits[1 + i];
		if (wait->fd != PROCESS_SOCKET + 1 + (int)i &&
		    dup2(wait->fd, PROCESS_SOCKET + 1 + (int)i) < 0) {
			return err_system(e, errno, "cannot arrange the descriptors");
		}
		wait->fd = PROCESS_SOCKET + 1 + (int)i;
	}
	return close_range(PROCESS_SOCKET + 1 + decoy->count, ~0U, 0) < 0
		       ? err_system(e, errno, "cannot close the parent's descriptors")
		       : 0;
}

static void __attribute__((noreturn))
become(const struct daemon *daemon, struct decoy *decoy, int socket)
{
	struct err e = ERR_INIT;
	const struct identity *identity = &daemon->identities.decoy;
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail with these arguments */
	(void)setsid();
	say_init("minato-decoy");
	int r = arrange(decoy, socket, &e);
	if (r == 0) {
		r = sandbox_become(identity->uid, &identity->gid, 1, &e);
	}
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) {
		r = err_system(&e, errno, "cannot be told of the parent's end");
	}
	if (r == 0) {
		r = sandbox_syscalls(SANDBOX_DECOY, &e);
	}
	if (r < 0) {
		say(SAY_ERROR, "decoy ports: %s", err_text(&e));
		_exit(EXIT_FAILURE);
	}
	for (unsigned i = 0; i < HELD_MAX; i++) {
		decoy->held[i].fd = -1;
	}
	serve(decoy);
}

/* ---- the parent ---- */

/* Both families, unless the kernel has no IPv6. */
static int open_port(uint16_t port, struct err *e)
{
	static const int on = 1;
	static const int off = 0;
	const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	_cleanup_(close_fdp) int fd = socket(AF_INET6, type, 0);
	const bool six = fd >= 0;
	if (!six) {
		fd = socket(AF_INET, type, 0);
	}
	if (fd < 0) {
		return err_system(e, errno, "decoy port %u", port);
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (six) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	}
	struct sockaddr_storage at;
	const struct addr any = { .family = six ? ADDR_IPV6 : ADDR_IPV4 };
	const socklen_t length = sockaddr_from_addr(&at, &any, port);
	if (bind(fd, (const struct sockaddr *)&at, length) < 0 || listen(fd, BACKLOG) < 0) {
		return err_system(e, errno, "decoy port %u", port);
	}
	return steal_fd(&fd);
}

/* A port that a service holds by now is left out: it is no decoy. */
static void open_ports(struct decoy *decoy, const struct decoys *wanted)
{
	for (unsigned i = 0; i < wanted->count; i++) {
		struct err e = ERR_INIT;
		const int fd = open_port(wanted->ports[i], &e);
		if (fd < 0) {
			say(SAY_WARNING, "%s", err_text(&e));
			continue;
		}
		decoy->ports[decoy->count] = wanted->ports[i];
		decoy->waits[1 + decoy->count++] = (struct pollfd){ fd, POLLIN, 0 };
	}
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)events;
	struct daemon *daemon = data;
	struct wire_message message;
	int fds[WIRE_FDS_MAX];
	const int r = wire_receive(&message, fds, fd, WIRE_DECOY, NULL);
	if (r == 0) {
		wire_close(fds);
		(void)request_handle(daemon, &message); /* its row has the one type */
	} else if (r != -EAGAIN) {
		(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
		if (daemon->decoys.pid > 0) {
			(void)kill(daemon->decoys.pid, SIGKILL); /* on_end follows */
		}
	}
	return 0;
}

static void start(struct daemon *daemon);

static int on_again(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source, (void)usec;
	start(data);
	return 0;
}

static int on_end(sd_event_source *source, const siginfo_t *info, void *data)
{
	(void)source, (void)info;
	struct daemon *daemon = data;
	struct decoys *decoys = &daemon->decoys;
	decoys->pid = 0;
	decoys->io = sd_event_source_disable_unref(decoys->io);
	decoys->end = sd_event_source_disable_unref(decoys->end);
	close_fdp(&decoys->socket);
	if (clock_monotonic() - decoys->began > LIVED_USEC) {
		decoys->deaths = 0;
	}
	if (decoys->count == 0 || daemon->stopping) {
		return 0;
	}
	if (++decoys->deaths > AGAIN_MAX) {
		say(SAY_ERROR, "who holds the decoy ports ended again and again: there are none "
			       "until another policy holds");
		decoys->held_count = 0;
		decoys_tell(daemon);
	} else {
		say(SAY_WARNING, "who holds the decoy ports ended; it is started again");
		decoys->again = sd_event_source_disable_unref(decoys->again);
		(void)sd_event_add_time_relative(
			daemon->loop, &decoys->again, CLOCK_MONOTONIC,
			(uint64_t)(AGAIN_USEC << (decoys->deaths - 1)), 1000, on_again,
			daemon); /* without it there are no decoys until the next policy */
	}
	return 0;
}

static int launch(struct daemon *daemon, struct decoy *decoy, struct err *e)
{
	struct decoys *decoys = &daemon->decoys;
	int pair[2] = { -1, -1 };
	int r = wire_pair(pair, e);
	if (r < 0) {
		return r;
	}
	decoys->began = clock_monotonic();
	decoys->pid = fork();
	if (decoys->pid == 0) {
		become(daemon, decoy, pair[1]);
	}
	close_fdp(&pair[1]);
	decoys->socket = pair[0];
	if (decoys->pid < 0) {
		decoys->pid = 0;
		close_fdp(&decoys->socket);
		return err_system(e, errno, "cannot start who holds the decoy ports");
	}
	r = sd_event_add_io(daemon->loop, &decoys->io, pair[0], EPOLLIN, on_message, daemon);
	if (r >= 0) {
		r = sd_event_add_child(daemon->loop, &decoys->end, decoys->pid, WEXITED, on_end,
				       daemon);
	}
	return r < 0 ? err_system(e, r, "cannot watch who holds the decoy ports") : 0;
}

void decoys_tell(const struct daemon *daemon)
{
	const struct child *sentry = &daemon->children[CHILD_SENTRY];
	const struct decoys *decoys = &daemon->decoys;
	struct wire_message message = { .type = WIRE_DECOYS };
	struct str text = STR_INIT(sizeof(message.order.text) - 1);
	for (unsigned i = 0; i < decoys->held_count; i++) {
		str_printf(&text, "%s%u", i > 0 ? "," : "", decoys->held[i]);
	}
	(void)str_copy(message.order.text, sizeof(message.order.text), str_text(&text));
	if (sentry->socket >= 0) {
		(void)wire_send(sentry->socket, &message, NULL, 0,
				NULL); /* a wedged one is found by its silence; the next gets it */
	}
	str_deinit(&text);
}

static void start(struct daemon *daemon)
{
	struct decoy decoy = { .count = 0 };
	struct err e = ERR_INIT;
	open_ports(&decoy, &daemon->decoys);
	memcpy(daemon->decoys.held, decoy.ports, sizeof(decoy.ports));
	daemon->decoys.held_count = decoy.count;
	decoys_tell(daemon);
	if (decoy.count > 0 && launch(daemon, &decoy, &e) < 0) {
		say(SAY_ERROR, "%s", err_text(&e));
	}
	for (unsigned i = 0; i < decoy.count; i++) {
		close_fdp(&decoy.waits[1 + i].fd);
	}
}

void decoys_end(struct daemon *daemon)
{
	struct decoys *decoys = &daemon->decoys;
	decoys->io = sd_event_source_disable_unref(decoys->io);
	decoys->end = sd_event_source_disable_unref(decoys->end);
	decoys->again = sd_event_source_disable_unref(decoys->again);
	close_fdp(&decoys->socket);
	if (decoys->pid > 0) {
		(void)kill(decoys->pid, SIGKILL);
		(void)waitpid(decoys->pid, NULL, 0); /* gone either way */
		decoys->pid = 0;
	}
}

void decoys_take(struct daemon *daemon, const char *text)
{
	struct decoys wanted = { .socket = -1 };
	while (*text != '\0' && wanted.count < DECOYS_MAX) {
		const size_t length = strcspn(text, ",");
		uint64_t port = 0;
		if (parse_u64_bytes(&port, text, length, 1, UINT16_MAX) < 0) {
			return; /* of the keeper's own making */
		}
		wanted.ports[wanted.count++] = (uint16_t)port;
		text += length + (text[length] == ',' ? 1 : 0);
	}
	struct decoys *decoys = &daemon->decoys;
	if (wanted.count == decoys->count && (wanted.count == 0 || decoys->pid > 0) &&
	    memcmp(wanted.ports, decoys->ports, sizeof(wanted.ports)) == 0) {
		return;
	}
	decoys_end(daemon);
	*decoys = wanted;
	start(daemon);
}
