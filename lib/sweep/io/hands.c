/* Processes that make connections for the sweeper, each with descriptors of its own. */
#include "sweep/io/hands.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sandbox/sandbox.h"
#include "sweep/io/run.h"

/* So many under way at once are enough for any host; of fewer, silence makes a sweep slow. */
enum {
	WANTED = 12000,
	LEAST = 3 * SWEEP_HANDS_MAX, /* of one: this process needs some for itself and for them */
};

/* ---- a hand ---- */

struct hand {
	int channel;
	bool over;
	struct sweep_question waiting; /* port 0 = none: what found no room */
};

static void report(void *data, const struct attempt_end *end)
{
	struct hand *hand = data;
	hand->over = hand->over || sandbox_send(hand->channel, end, sizeof(*end)) < 0;
}

static void begin_one(struct hand *hand, struct attempts *attempts)
{
	const int r = attempts_begin(attempts, &hand->waiting, running_now());
	if (r < 0) {
		const struct attempt_end end = { .question = hand->waiting,
						 .kind = ATTEMPT_NOT_BEGUN,
						 .error = -r };
		report(hand, &end);
	}
	if (r != ATTEMPTS_SHORT) {
		hand->waiting.port = 0;
	}
}

static void take_questions(struct hand *hand, struct attempts *attempts)
{
	while (!hand->over && !attempts_full(attempts)) {
		if (hand->waiting.port == 0) {
			const ssize_t length = recv(hand->channel, &hand->waiting,
						    sizeof(hand->waiting), MSG_DONTWAIT);
			if (length != (ssize_t)sizeof(hand->waiting)) {
				hand->over = length >= 0 || (errno != EAGAIN && errno != EINTR);
				hand->waiting.port = 0;
				return;
			}
		}
		begin_one(hand, attempts);
	}
}

static int work(int channel)
{
	struct hand hand = { .channel = channel };
	struct attempts attempts;
	static struct sweep_order order;
	int r = sandbox_take_order(channel, &order, sizeof(order));
	r = r < 0 ? r : attempts_init(&attempts, &order, report, &hand);
	if (r < 0) {
		return r;
	}
	while (!hand.over) {
		struct pollfd wait[] = { { .fd = attempts.epoll, .events = POLLIN },
					 { .fd = channel, .events = POLLIN } };
		const usec_t until = attempts_until(&attempts, running_now() + USEC_PER_SEC);
		(void)poll(wait, attempts_full(&attempts) ? 1 : 2, running_wait(until));
		attempts_hear(&attempts, 0);
		attempts_end_late(&attempts, running_now());
		take_questions(&hand, &attempts);
	}
	attempts_deinit(&attempts);
	return 0;
}

/* ---- all of them ---- */

void sweep_hands_end(struct sweep_hands *hands)
{
	while (hands->count > 0) {
		close_fdp(&hands->hand[--hands->count].channel);
	}
}

static bool start_one(struct sweep_hands *hands, int (*give_rights_away)(void), int channel)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		return false;
	}
	const pid_t child = fork();
	if (child == 0) {
		close_fdp(&ends[0]);
		close_fdp(&channel);
		sweep_hands_end(hands);
		_exit(give_rights_away() < 0 || work(ends[1]) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	close_fdp(&ends[1]);
	if (child < 0) {
		close_fdp(&ends[0]);
		return false;
	}
	hands->hand[hands->count++] = (struct sweep_hand){ .channel = ends[0] };
	return true;
}

void sweep_hands_start(struct sweep_hands *out, int (*give_rights_away)(void), int channel)
{
	*out = (struct sweep_hands){ .each = attempts_descriptors() };
	const uint32_t needed = (WANTED + out->each - 1) / out->each;
	if (needed < 2 || out->each < LEAST) {
		return;
	}
	/* Nobody waits for them: they end with their channels. */
	(void)signal(SIGCHLD, SIG_IGN);
	while (out->count < needed && out->count < SWEEP_HANDS_MAX &&
	       start_one(out, give_rights_away, channel)) {
	}
}

int hands_order(struct sweep_hands *hands, const struct sweep_order *order)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < hands->count; i++) {
		r = sandbox_send(hands->hand[i].channel, order, sizeof(*order));
	}
	return r;
}

bool hands_full(const struct sweep_hands *hands)
{
	for (unsigned i = 0; i < hands->count; i++) {
		if (hands->hand[i].under_way < hands->each) {
			return false;
		}
	}
	return true;
}

int hands_begin(struct sweep_hands *hands, const struct sweep_question *question)
{
	for (unsigned i = 0; i < hands->count; i++) {
		struct sweep_hand *hand = &hands->hand[hands->next];
		hands->next = (hands->next + 1) % hands->count;
		if (hand->under_way == hands->each) {
			continue;
		}
		/* Waiting for it here while it waits to be heard would be for ever. */
		if (send(hand->channel, question, sizeof(*question), MSG_DONTWAIT | MSG_NOSIGNAL) ==
		    (ssize_t)sizeof(*question)) {
			hand->under_way++;
			return 0;
		}
		if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
			return -EIO;
		}
	}
	return ATTEMPTS_SHORT;
}

static int hear_one(struct sweep_hand *hand, attempt_ended *ended, void *data)
{
	struct attempt_end end;
	ssize_t length = 0;
	while ((length = recv(hand->channel, &end, sizeof(end), MSG_DONTWAIT)) ==
	       (ssize_t)sizeof(end)) {
		hand->under_way--;
		ended(data, &end);
	}
	return length < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EIO;
}

int hands_hear(struct sweep_hands *hands, int wait_ms, attempt_ended *ended, void *data)
{
	struct pollfd wait[SWEEP_HANDS_MAX];
	for (unsigned i = 0; i < hands->count; i++) {
		wait[i] = (struct pollfd){ .fd = hands->hand[i].channel, .events = POLLIN };
	}
	int r = poll(wait, hands->count, wait_ms) < 0 && errno != EINTR ? -errno : 0;
	for (unsigned i = 0; r == 0 && i < hands->count; i++) {
		r = wait[i].revents != 0 ? hear_one(&hands->hand[i], ended, data) : 0;
	}
	return r;
}
