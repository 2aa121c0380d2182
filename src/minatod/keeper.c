/*
 * The keeper's process: a fork of the parent that keeps CAP_NET_ADMIN. What it reads is root's own
 * record and what the kernel tells; the parent's orders have no argument.
 */
#include "keeper.h"
#include "observe/observe.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "common/process.h"
#include "common/say.h"
#include "sandbox/sandbox.h"

/* One command of another tool may be several transactions; what it removed is looked at at once. */
static const usec_t GATHER_USEC = 50000;

void keeper_say(struct keeper *keeper, const char *text)
{
	if (strcmp(keeper->said, text) != 0) {
		(void)str_copy(keeper->said, sizeof(keeper->said), text);
		if (text[0] != '\0') {
			say(SAY_WARNING, "%s", text);
		}
	}
}

/* By the bytes that would be sent: what stands behind a text's end does not count. */
static bool says_the_same(const struct wire_message *a, const struct wire_message *b)
{
	uint8_t one[WIRE_BYTES_MAX];
	uint8_t other[WIRE_BYTES_MAX];
	const long length = wire_encode(one, sizeof(one), a);
	return length > 0 && wire_encode(other, sizeof(other), b) == length &&
	       memcmp(one, other, (size_t)length) == 0;
}

void keeper_tell(struct keeper *keeper, const struct wire_rules *rules)
{
	struct wire_message message = { .type = WIRE_RULES };
	struct wire_message before = { .type = WIRE_RULES };
	message.rules = *rules;
	before.rules = keeper->rules;
	if (!says_the_same(&message, &before) &&
	    wire_send(keeper->parent, &message, NULL, 0, NULL) == 0) {
		keeper->rules = *rules;
	}
}

int keeper_tell_news(const struct keeper *keeper, const struct event *news)
{
	struct wire_message message = { .type = WIRE_RULES_NEWS };
	message.event = *news;
	return wire_send(keeper->parent, &message, NULL, 0, NULL); /* so late, it restarts us */
}

static void answer(const struct keeper *keeper, enum wire_type type)
{
	const struct wire_message message = { .type = type };
	(void)wire_send(keeper->parent, &message, NULL, 0, NULL); /* silence is what it notices */
}

/* @return false: it is time to end. */
static bool hear_parent(struct keeper *keeper)
{
	struct wire_message message;
	int fds[WIRE_FDS_MAX];
	int r = wire_receive(&message, fds, keeper->parent, WIRE_PARENT, NULL);
	if (r == 0) {
		wire_close(fds);
		if (message.type == WIRE_PING) {
			answer(keeper, WIRE_PONG);
		} else if (message.type == WIRE_RELOAD) {
			keeper_tell_again(keeper);
		} else if (message.type == WIRE_INCIDENT) {
			keeper_defence_hear(keeper, &message.incident);
		} else if (message.type == WIRE_DEVICES) {
			keeper_devices_take(keeper, &message.devices);
		} else if (message.type == WIRE_TRAPPED) {
			keeper_defence_trapped(keeper, &message.trapped.address,
					       message.trapped.port);
		} else if (message.type == WIRE_ORDER) {
			keeper_bans_order(keeper, message.request, message.order.text);
		}
	}
	return (r == 0 && message.type != WIRE_STOP) || r == -EAGAIN;
}

static void hear_kernel(struct keeper *keeper)
{
	const bool before = keeper->news.touched;
	if (enforce_watch_read(keeper->notices, &keeper->news) < 0) {
		keeper_say(keeper, "the kernel tells of changes of rules no more");
		close_fdp(&keeper->notices);
	}
	const usec_t now = clock_monotonic();
	const usec_t soon = now + (keeper->news.gone ? 0 : GATHER_USEC);
	if (keeper->news.touched && (!before || keeper->news.gone) && soon < keeper->look_at) {
		keeper->look_at = soon;
	}
	if (keeper->news.others) {
		keeper->others.pid = keeper->news.others_pid;
		memcpy(keeper->others.process, keeper->news.others_name,
		       sizeof(keeper->others.process));
		keeper->news.others = false;
		keeper_others_soon(keeper, false);
	}
}

static usec_t least(usec_t a, usec_t b)
{
	return a < b ? a : b;
}

/* When something is to be done without being told. */
static usec_t next_turn(const struct keeper *keeper)
{
	usec_t next = least(keeper->look_at, keeper_policy_ends_at(keeper));
	next = least(least(next, keeper->others.look_at), keeper->counts.look_at);
	return least(least(next, keeper->taps.look_at), keeper_defence_next(keeper));
}

/* The own table first: without it nothing else matters. */
static void take_turns(struct keeper *keeper)
{
	const usec_t now = clock_monotonic();
	if (now >= keeper->look_at || now >= keeper_policy_ends_at(keeper)) {
		keeper_look(keeper);
	}
	if (now >= keeper->others.look_at) {
		keeper_others_look(keeper);
	}
	if (now >= keeper->counts.look_at) {
		keeper_counts_look(keeper);
		if (observe_has_legacy()) { /* nobody is told when it changes */
			keeper_others_soon(keeper, false);
		}
	}
	if (now >= keeper->taps.look_at) {
		keeper_taps_look(keeper);
	}
	keeper_defence_turn(keeper);
}

static int milliseconds_until(usec_t then)
{
	const usec_t left = then - clock_monotonic();
	return left <= 0 ? 0 : left > 60 * USEC_PER_SEC ? 60000 : (int)(left / 1000) + 1;
}

static void serve(struct keeper *keeper)
{
	bool goes_on = true;
	while (goes_on) {
		struct pollfd waits[] = { { keeper->parent, POLLIN, 0 },
					  { keeper->notices, POLLIN, 0 },
					  { keeper->taps.links, POLLIN, 0 } };
		const int ready = poll(waits, 3, milliseconds_until(next_turn(keeper)));
		if (ready > 0 && waits[0].revents != 0) {
			goes_on = hear_parent(keeper);
		}
		if (ready > 0 && waits[1].revents != 0) {
			hear_kernel(keeper);
		}
		if (ready > 0 && waits[2].revents != 0) {
			keeper_taps_hear(keeper);
		}
		if (goes_on) {
			take_turns(keeper);
		}
	}
}

static int seal(struct err *e)
{
	static const int kept[] = { CAP_NET_ADMIN };
	int r = sandbox_capabilities(kept, sizeof(kept) / sizeof(kept[0]), e);
	if (r == 0) {
		r = sandbox_no_new_privileges(e);
	}
	return r == 0 ? sandbox_syscalls(SANDBOX_KEEPER, e) : r;
}

/* Of the parent's descriptors nothing but the socket and stderr. */
static int arrange(int socket, struct err *e)
{
	if (socket != PROCESS_SOCKET && dup2(socket, PROCESS_SOCKET) < 0) {
		return err_system(e, errno, "cannot arrange the descriptors");
	}
	if (close_range(PROCESS_SOCKET + 1, ~0U, 0) < 0) {
		return err_system(e, errno, "cannot close the parent's descriptors");
	}
	return 0;
}

void keeper_main(const struct daemon *daemon, int socket)
{
	struct err e = ERR_INIT;
	struct keeper keeper = { .directory = daemon->options.rules_directory,
				 .parent = PROCESS_SOCKET,
				 .notices = -1,
				 .rules = daemon->rules,
				 .restored = daemon->rules.restored,
				 .drift = STR_INIT(1 << 16) };
	say_init("minato-keeper");
	struct tap *tap = NULL;
	int r = arrange(socket, &e);
	/* Without a parent nobody hears what we tell; the kernel keeps the rules by itself. */
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) {
		r = err_system(&e, errno, "cannot be told of the parent's end");
	}
	if (r == 0) {
		tap = taps_open(daemon);
		r = seal(&e);
	}
	if (r < 0) {
		say(SAY_ERROR, "%s", err_text(&e));
		_exit(EXIT_FAILURE);
	}
	keeper_taps_open(&keeper, tap);
	keeper_bans_open(&keeper);
	if (enforce_watch_open(&keeper.notices, &e) < 0) {
		say(SAY_WARNING, "%s", err_text(&e));
	}
	answer(&keeper, WIRE_READY);
	serve(&keeper);
	_exit(EXIT_SUCCESS);
}
