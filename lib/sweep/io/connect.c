/* Asking by connect(2): from this process, or from hands where one may hold too few descriptors. */
#include <errno.h>

#include "base/cleanup.h"
#include "sweep/io/attempts.h"
#include "sweep/io/hands.h"
#include "sweep/io/run.h"

enum { BEGUN_UNHEARD = 256 }; /* so many are begun before the answers are looked at */

struct connecting {
	struct running *run;
	struct attempts own; /* where there are no hands */
	struct sweep_hands *hands;
};

/* ---- what became of one ---- */

/* What connect(2) itself says of this side: the packet never left. */
static bool is_local(int error)
{
	return error == ENETUNREACH || error == EACCES || error == EPERM || error == EINVAL ||
	       error == EAFNOSUPPORT || error == EADDRINUSE || error == EADDRNOTAVAIL ||
	       error == EHOSTUNREACH || error == ENETDOWN;
}

static void settle(struct connecting *c, const struct attempt_end *end, usec_t now)
{
	struct sweep *sweep = c->run->sweep;
	enum sweep_state state = SWEEP_SILENT;
	if (end->error == 0 || end->error == ECONNRESET || end->error == EPIPE) {
		state = SWEEP_OPEN;
	} else if (end->icmp_heard) {
		/* A reset leaves nothing in the queue, so this was no reset. */
		const struct socket_icmp *icmp = &end->icmp;
		state = sweep_icmp_settles(&c->run->order.target, icmp->type, icmp->code)
				? SWEEP_REJECTED
				: SWEEP_SILENT;
		sweep_note_rejecter(sweep, icmp->type, icmp->code, &icmp->from);
		running_learn_unreachable(c->run, icmp, &end->own);
	} else if (end->error == ECONNREFUSED) {
		state = SWEEP_CLOSED;
	}
	if (state != SWEEP_SILENT) {
		sweep_hear(sweep, end->question.port, end->question.source, state, now, end->took);
	}
}

static void learn(void *data, const struct attempt_end *end)
{
	struct connecting *c = data;
	const usec_t now = running_now();
	struct sweep_progress progress;
	switch (end->kind) {
	case ATTEMPT_AT_ONCE:
		sweep_progress(&progress, c->run->sweep, now);
		if (is_local(end->error) && progress.settled == 0) {
			c->run->error = end->error;
			break;
		}
		/* fallthrough */
	case ATTEMPT_ENDED:
		settle(c, end, now);
		break;
	case ATTEMPT_SILENT:
		break;
	case ATTEMPT_NOT_BEGUN:
		c->run->error = end->error;
		break;
	}
}

/* ---- by this process or by hands ---- */

static bool full(const struct connecting *c)
{
	return c->hands->count > 0 ? hands_full(c->hands) : attempts_full(&c->own);
}

/* @return false: it was not asked. */
static bool begin(struct connecting *c, const struct sweep_question *question, usec_t now)
{
	const int r = c->hands->count > 0 ? hands_begin(c->hands, question)
					  : attempts_begin(&c->own, question, now);
	if (r < 0) {
		c->run->error = -r;
	}
	return r == 0;
}

/* @param until  when to go on in any case; 0 = at once. */
static void hear(struct connecting *c, usec_t until)
{
	if (c->hands->count > 0) {
		const int r = hands_hear(c->hands, until > 0 ? running_wait(until) : 0, learn, c);
		c->run->error = r < 0 ? -r : c->run->error;
		return;
	}
	attempts_hear(&c->own, until > 0 ? running_wait(until) : 0);
	attempts_end_late(&c->own, running_now());
}

/* ---- all ---- */

static int go(struct connecting *c)
{
	int r = 0;
	unsigned unheard = 0;
	while (r == 0 && c->run->error == 0) {
		struct sweep_question question;
		const usec_t now = running_now();
		usec_t until = attempts_until(&c->own, now + USEC_PER_SEC);
		const enum sweep_step step =
			full(c) ? SWEEP_WAIT : sweep_next(c->run->sweep, now, &question, &until);
		if (step == SWEEP_DONE) {
			break;
		}
		if (step == SWEEP_SEND && !begin(c, &question, now)) {
			sweep_take_back(c->run->sweep, &question);
			unheard = BEGUN_UNHEARD;
		}
		if (step == SWEEP_WAIT || ++unheard >= BEGUN_UNHEARD) {
			hear(c, step == SWEEP_WAIT ? until : 0);
			unheard = 0;
			r = running_tell(c->run, running_now());
			if (running_stopped(c->run)) {
				break;
			}
		}
	}
	return r;
}

int sweep_by_connecting(struct running *run, struct sweep_hands *hands)
{
	struct connecting c = { .run = run, .hands = hands };
	int r = hands->count > 0 ? hands_order(hands, &run->order)
				 : attempts_init(&c.own, &run->order, learn, &c);
	r = r < 0 ? r : go(&c);
	if (hands->count == 0) {
		attempts_deinit(&c.own);
	}
	return r;
}
