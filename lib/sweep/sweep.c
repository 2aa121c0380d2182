/* One sweep: what is asked next, at which rate, and when all is known that can be. */
#include <stdlib.h>
#include <string.h>

#include "sweep/sweep.h"

/* How long an answer is waited for while none has come; below the second after which the kernel
 * itself would ask again (RFC 6298 2.1), so that one connect(2) is one packet. */
static const usec_t WAIT_LONGEST = 900000;
static const usec_t WAIT_SHORTEST = 60000;
/* Beyond twice the longest time that an answer took. */
static const usec_t WAIT_MORE = 50000;

enum {
	ONE_IN = 32,           /* questions for each canary */
	ONE_IN_LATER = 5,      /* from the second round on, where that spares one */
	CANARIES_LEAST = 32,   /* in each round, so that a handful of ports is proven too */
	CONNECTIONS_EACH = 9,  /* whole ones, to an open port in a round */
	REFERENCES_MAX = 8,    /* ports that canaries go to */
	ROUNDS_OF_SILENCE = 2, /* when nothing ever answers */
	WINDOW = 64,           /* canaries that the rate is judged by */
	RATE_LEAST = 200,
	RATE_PART = 32, /* of what was ordered: a way that always loses gets no slower */
	BURST_MS = 4,   /* the clock's step: what may go out at once */
};

struct canary {
	usec_t sent;
	uint16_t port;
	bool waiting;
};

struct sweep {
	struct sweep_order order;
	uint8_t states[65536];
	uint8_t tries[65536];
	uint16_t queue[65536]; /* of this round */
	uint32_t count, next;
	uint32_t total, settled;
	uint32_t round;
	uint32_t rounds_over;
	usec_t half_at; /* when half of this round had been asked */
	/* A round that the next one did not wait for, and when its answers must have come. */
	uint32_t round_pending;
	usec_t pending_until;
	uint32_t one_in; /* questions for each canary, in this round */
	/* Of each round, from 1: canaries given, and whether they were enough to measure it. */
	uint32_t canaries_of[SWEEP_TRIES_MAX + 1];
	bool measured[SWEEP_TRIES_MAX + 1];
	uint16_t references[2][REFERENCES_MAX]; /* closed, open */
	uint32_t reference_count[2], reference_next;
	struct canary slot[SWEEP_CANARIES_MAX];
	uint16_t sources; /* of questions */
	uint32_t slots;   /* of canaries, as the range of source ports has room */
	uint64_t canaries_given, canaries_over; /* the ring's ends */
	uint32_t canaries, lost;
	uint32_t window, window_lost; /* since the rate was judged */
	double rate, tokens;
	usec_t tokens_at, last_sent, longest;
	bool took_known;
	uint64_t sent;
	uint64_t random;
	struct sweep_rejecter rejecters[SWEEP_REJECTERS_MAX];
	uint32_t rejecter_count;
};

/* ---- the order of ports ---- */

/* xorshift64*: the order has to be spread, not secret. */
static uint64_t draw(struct sweep *sweep)
{
	sweep->random ^= sweep->random >> 12;
	sweep->random ^= sweep->random << 25;
	sweep->random ^= sweep->random >> 27;
	return sweep->random * UINT64_C(2685821657736338717);
}

static bool is_settled(const struct sweep *sweep, uint16_t port)
{
	return sweep->states[port] > SWEEP_SILENT;
}

static void mix(struct sweep *sweep, uint32_t first, uint32_t count)
{
	uint16_t *ports = sweep->queue + first;
	for (uint32_t i = count; i > 1; i--) {
		const uint32_t other = (uint32_t)((draw(sweep) >> 32) * i >> 32);
		const uint16_t port = ports[i - 1];
		ports[i - 1] = ports[other];
		ports[other] = port;
	}
}

/* Rounds that are needed when so many more canaries are lost as often as those before. */
static unsigned rounds_needed(const struct sweep *sweep, uint64_t more)
{
	const uint32_t canaries = sweep->canaries + (uint32_t)more;
	const double share = sweep->canaries == 0 ? 1 : (double)sweep->lost / sweep->canaries;
	return sweep_tries_needed(sweep->total,
				  sweep_loss_at_most((uint32_t)(share * canaries), canaries));
}

/* More canaries make the bound of the loss tighter: they are worth it where that spares a round. */
static uint32_t one_in(const struct sweep *sweep)
{
	if (sweep->round == 1 || sweep->canaries == 0) {
		return sweep->round == 1 ? ONE_IN : ONE_IN_LATER;
	}
	return rounds_needed(sweep, sweep->count / ONE_IN_LATER) < rounds_needed(sweep, 0)
		       ? ONE_IN_LATER
		       : ONE_IN;
}

static void count_round(struct sweep *sweep)
{
	sweep->round++;
	sweep->next = 0;
	sweep->half_at = 0;
	sweep->one_in = one_in(sweep);
}

/* Those that have not answered, in a new order: a loss that comes in bursts hits others then. */
static void begin_round(struct sweep *sweep)
{
	sweep->count = 0;
	for (int32_t port = portset_next(&sweep->order.ports, 1); port >= 0;
	     port = portset_next(&sweep->order.ports, (uint32_t)port + 1)) {
		if (!is_settled(sweep, (uint16_t)port)) {
			sweep->queue[sweep->count++] = (uint16_t)port;
		}
	}
	mix(sweep, 0, sweep->count);
	count_round(sweep);
}

/* The same at once, without waiting for the last answers: who was asked first is asked first. */
static void begin_round_early(struct sweep *sweep)
{
	uint32_t kept = 0, half = 0;
	for (uint32_t i = 0; i < sweep->count; i++) {
		half = i == sweep->count / 2 ? kept : half;
		if (!is_settled(sweep, sweep->queue[i])) {
			sweep->queue[kept++] = sweep->queue[i];
		}
	}
	sweep->count = kept;
	mix(sweep, 0, half);
	mix(sweep, half, kept - half);
	count_round(sweep);
}

struct sweep *sweep_new(const struct sweep_order *order, usec_t now)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));
	if (sweep == NULL) {
		return NULL;
	}
	sweep->order = *order;
	sweep->random = order->seed | 1;
	sweep->total = portset_count(&order->ports);
	const uint32_t sources = (uint32_t)order->source_last - order->source_first + 1;
	sweep->sources = sweep_question_sources(order);
	sweep->slots = sources - sweep->sources < SWEEP_CANARIES_MAX ? sources - sweep->sources
								     : SWEEP_CANARIES_MAX;
	sweep->rate = order->rate;
	sweep->tokens_at = now;
	sweep->last_sent = now;
	begin_round(sweep);
	return sweep;
}

struct sweep *sweep_free(struct sweep *sweep)
{
	free(sweep);
	return NULL;
}

/* ---- how long, how fast ---- */

static usec_t wait_time(const struct sweep *sweep)
{
	const usec_t wait = 2 * sweep->longest + WAIT_MORE;
	return !sweep->took_known || wait > WAIT_LONGEST ? WAIT_LONGEST
	       : wait < WAIT_SHORTEST                    ? WAIT_SHORTEST
							 : wait;
}

/* Loss above what the way always loses is ours: it is asked too fast. */
static void judge_rate(struct sweep *sweep)
{
	if (sweep->window < WINDOW) {
		return;
	}
	const double here = (double)sweep->window_lost / sweep->window;
	sweep->rate = here > 0.1 ? sweep->rate * 0.7 : sweep->rate * 1.5;
	const double least = (double)sweep->order.rate / RATE_PART;
	sweep->rate = sweep->rate < least ? least : sweep->rate;
	sweep->rate = sweep->rate < RATE_LEAST ? RATE_LEAST : sweep->rate;
	sweep->rate = sweep->rate > sweep->order.rate ? sweep->order.rate : sweep->rate;
	sweep->window = sweep->window_lost = 0;
}

static void end_canary(struct sweep *sweep, bool lost)
{
	sweep->canaries++;
	sweep->lost += lost;
	sweep->window++;
	sweep->window_lost += lost;
	judge_rate(sweep);
}

static void end_old_canaries(struct sweep *sweep, usec_t now)
{
	const usec_t wait = wait_time(sweep);
	while (sweep->canaries_over < sweep->canaries_given) {
		struct canary *canary = &sweep->slot[sweep->canaries_over % sweep->slots];
		if (canary->waiting && now - canary->sent < wait) {
			return;
		}
		if (canary->waiting) {
			canary->waiting = false;
			end_canary(sweep, true);
		}
		sweep->canaries_over++;
	}
}

static void fill_tokens(struct sweep *sweep, usec_t now)
{
	const double most = sweep->rate * BURST_MS / 1000 + 1;
	sweep->tokens += (double)(now - sweep->tokens_at) * sweep->rate / USEC_PER_SEC;
	sweep->tokens = sweep->tokens > most ? most : sweep->tokens;
	sweep->tokens_at = now;
}

/* ---- canaries ---- */

/* Closed ports cost their host least; a connection to an open one is seen by a program. */
static const uint16_t *references(const struct sweep *sweep, uint32_t *count)
{
	const unsigned kind = sweep->reference_count[0] > 0 ? 0 : 1;
	*count = sweep->reference_count[kind];
	return sweep->references[kind];
}

/* Whole connections to programs have to be few. */
static bool is_seen_by_programs(const struct sweep *sweep)
{
	return sweep->order.mode == SWEEP_CONNECT && sweep->reference_count[0] == 0;
}

static uint32_t canaries_wanted(const struct sweep *sweep)
{
	uint32_t wanted = sweep->count / sweep->one_in;
	if (is_seen_by_programs(sweep)) {
		wanted = sweep->reference_count[1] * CONNECTIONS_EACH;
	}
	return wanted < CANARIES_LEAST ? CANARIES_LEAST : wanted;
}

static bool wants_canary(const struct sweep *sweep)
{
	uint32_t count;
	(void)references(sweep, &count);
	if (count == 0 || sweep->settled == sweep->total ||
	    sweep->canaries_given - sweep->canaries_over >= sweep->slots) {
		return false;
	}
	const uint32_t wanted = canaries_wanted(sweep);
	if (sweep->next < sweep->count) {
		return (uint64_t)sweep->canaries_of[sweep->round] * sweep->count <
		       (uint64_t)wanted * sweep->next;
	}
	/* In the first round all may answer yet, and then nothing has to be proven. */
	return sweep->round > 1 && sweep->canaries_of[sweep->round] < wanted;
}

static void give_canary(struct sweep *sweep, usec_t now, struct sweep_question *question)
{
	uint32_t count;
	const uint16_t *ports = references(sweep, &count);
	const uint32_t slot = (uint32_t)(sweep->canaries_given++ % sweep->slots);
	const uint16_t port = ports[sweep->reference_next++ % count];
	sweep->slot[slot] = (struct canary){ now, port, true };
	sweep->canaries_of[sweep->round]++;
	*question = (struct sweep_question){
		.port = port,
		.source = (uint16_t)(sweep->order.source_first + sweep->sources + slot),
		.canary = true,
		.until = now + wait_time(sweep),
	};
}

/* ---- questions ---- */

/* Another one each time, and never the port itself: a host that asks itself from the port that it
 * asks for would connect the socket to itself (RFC 9293 3.5, simultaneous open). */
static uint16_t source_for(const struct sweep *sweep, uint16_t port)
{
	const uint32_t turn = (uint32_t)port + 7 * sweep->round;
	uint16_t source = (uint16_t)(sweep->order.source_first + turn % sweep->sources);
	if (source == port) {
		source = (uint16_t)(sweep->order.source_first + (turn + 1) % sweep->sources);
	}
	return source;
}

static void give_port(struct sweep *sweep, usec_t now, struct sweep_question *question)
{
	const uint16_t port = sweep->queue[sweep->next++];
	if (sweep->half_at == 0 && sweep->next >= sweep->count / 2) {
		sweep->half_at = now;
	}
	sweep->tries[port]++;
	sweep->states[port] = SWEEP_SILENT;
	*question = (struct sweep_question){
		.port = port,
		.source = source_for(sweep, port),
		.until = now + wait_time(sweep),
	};
}

void sweep_take_back(struct sweep *sweep, const struct sweep_question *question)
{
	sweep->sent--;
	sweep->tokens++;
	if (question->canary) {
		sweep->canaries_given--;
		sweep->canaries_of[sweep->round]--;
		sweep->slot[sweep->canaries_given % sweep->slots].waiting = false;
		return;
	}
	sweep->next--;
	if (--sweep->tries[question->port] == 0 && !is_settled(sweep, question->port)) {
		sweep->states[question->port] = SWEEP_UNASKED;
	}
}

/* Whether another round can tell more. @param over  all answers to this one must have come. */
static bool goes_on(struct sweep *sweep, bool over)
{
	const uint32_t rounds_over = sweep->rounds_over;
	struct sweep_facts facts;
	double bound;
	/* Half of them were under way before the first port answered, at worst. */
	sweep->measured[sweep->round] =
		sweep->canaries_of[sweep->round] >= canaries_wanted(sweep) / 2;
	sweep->rounds_over = sweep->round;
	if (sweep->round >= SWEEP_TRIES_MAX) {
		return false; /* and it is over: nobody begins early after it */
	}
	sweep_facts(&facts, sweep);
	sweep->rounds_over = over ? sweep->round : rounds_over;
	switch (sweep_prove(&bound, &facts)) {
	case SWEEP_UNPROVEN_SILENCE:
		return sweep->settled > 0 || sweep->round < ROUNDS_OF_SILENCE;
	case SWEEP_UNPROVEN_LOSS:
		return true;
	default:
		return false;
	}
}

/* Where most are silent, half a round is longer than any answer takes: those that were asked first
 * can be asked again. */
static bool begins_early(struct sweep *sweep, usec_t now)
{
	const uint32_t silent = sweep->total - sweep->settled;
	return sweep->round < SWEEP_TRIES_MAX && sweep->half_at != 0 && sweep->took_known &&
	       sweep->round_pending == 0 && silent > sweep->count / 4 * 3 &&
	       now - sweep->half_at >= wait_time(sweep) &&
	       rounds_needed(sweep, sweep->canaries_given - sweep->canaries_over) > sweep->round &&
	       goes_on(sweep, false);
}

static void end_pending_round(struct sweep *sweep, usec_t now)
{
	if (sweep->round_pending != 0 && now >= sweep->pending_until) {
		sweep->rounds_over = sweep->round_pending;
		sweep->round_pending = 0;
	}
}

enum sweep_step sweep_next(struct sweep *sweep, usec_t now, struct sweep_question *question,
			   usec_t *until)
{
	end_old_canaries(sweep, now);
	end_pending_round(sweep, now);
	while (sweep->next < sweep->count && is_settled(sweep, sweep->queue[sweep->next])) {
		sweep->next++; /* a late answer to the round before */
	}
	const bool canary = wants_canary(sweep);
	if (!canary && sweep->next == sweep->count) {
		const usec_t end = sweep->last_sent + wait_time(sweep);
		if (sweep->settled < sweep->total && now < end) {
			if (!begins_early(sweep, now)) {
				*until = end;
				return SWEEP_WAIT;
			}
			sweep->round_pending = sweep->round;
			sweep->pending_until = end;
			begin_round_early(sweep);
		} else if (!goes_on(sweep, true)) {
			return SWEEP_DONE;
		} else {
			begin_round(sweep);
		}
	}
	fill_tokens(sweep, now);
	if (sweep->tokens < 1) {
		*until = now + 1 + (usec_t)((1 - sweep->tokens) * USEC_PER_SEC / sweep->rate);
		return SWEEP_WAIT;
	}
	sweep->tokens--;
	sweep->sent++;
	sweep->last_sent = now;
	if (canary) {
		give_canary(sweep, now, question);
	} else {
		give_port(sweep, now, question);
	}
	return SWEEP_SEND;
}

/* ---- answers ---- */

static void learn_time(struct sweep *sweep, usec_t took)
{
	if (took > 0) {
		sweep->longest = took > sweep->longest ? took : sweep->longest;
		sweep->took_known = true;
	}
}

static void hear_canary(struct sweep *sweep, uint32_t slot, uint16_t port, usec_t now)
{
	struct canary *canary = &sweep->slot[slot];
	if (slot < sweep->slots && canary->waiting && canary->port == port) {
		canary->waiting = false;
		learn_time(sweep, now - canary->sent + 1);
		end_canary(sweep, false);
	}
}

static void add_reference(struct sweep *sweep, uint16_t port, enum sweep_state state)
{
	const unsigned kind = state == SWEEP_CLOSED ? 0 : 1;
	if ((state == SWEEP_CLOSED || state == SWEEP_OPEN) &&
	    sweep->reference_count[kind] < REFERENCES_MAX) {
		sweep->references[kind][sweep->reference_count[kind]++] = port;
	}
}

void sweep_hear(struct sweep *sweep, uint16_t port, uint16_t source, enum sweep_state state,
		usec_t now, usec_t took)
{
	if (source >= sweep->order.source_first + sweep->sources) {
		hear_canary(sweep, (uint32_t)(source - sweep->order.source_first - sweep->sources),
			    port, now);
		return;
	}
	if (sweep->tries[port] == 0) {
		return;
	}
	learn_time(sweep, took);
	if (!is_settled(sweep, port)) {
		sweep->settled++;
		sweep->states[port] = (uint8_t)state;
		add_reference(sweep, port, state);
	} else if (state == SWEEP_OPEN) {
		sweep->states[port] = SWEEP_OPEN; /* it answers, whatever was said before */
	}
}

void sweep_note_rejecter(struct sweep *sweep, uint8_t type, uint8_t code, const struct addr *from)
{
	for (uint32_t i = 0; i < sweep->rejecter_count; i++) {
		struct sweep_rejecter *r = &sweep->rejecters[i];
		if (r->type == type && r->code == code && addr_compare(&r->from, from) == 0) {
			r->count++;
			return;
		}
	}
	if (sweep->rejecter_count < SWEEP_REJECTERS_MAX) {
		sweep->rejecters[sweep->rejecter_count++] =
			(struct sweep_rejecter){ type, code, *from, 1 };
	}
}

/* ---- how it stands ---- */

void sweep_progress(struct sweep_progress *out, const struct sweep *sweep, usec_t now)
{
	const uint32_t more = sweep->count - sweep->next;
	const double rate = sweep->rate < 1 ? 1 : sweep->rate;
	*out = (struct sweep_progress){
		.total = sweep->total,
		.settled = sweep->settled,
		.round = sweep->round,
		.rate = (uint32_t)sweep->rate,
		.sent = sweep->sent,
		.canaries = sweep->canaries,
		.lost = sweep->lost,
		.left = (usec_t)(more / rate * USEC_PER_SEC) + wait_time(sweep),
	};
	/* Those that are silent so far are asked again: three times at least, as a rule. */
	const uint32_t silent = sweep->total - sweep->settled - (sweep->round == 1 ? more : 0);
	if (sweep->round < 3) {
		out->left += (3 - sweep->round) *
			     ((usec_t)(silent / rate * USEC_PER_SEC) + wait_time(sweep));
	}
	(void)now;
}

/* In how many rounds that were waited for to their end, and measured, a port was asked. */
static unsigned counted_tries(const struct sweep *sweep, uint16_t port)
{
	unsigned count = 0;
	for (unsigned round = 1; round <= sweep->tries[port] && round <= sweep->rounds_over;
	     round++) {
		count += sweep->measured[round];
	}
	return count;
}

void sweep_facts(struct sweep_facts *out, const struct sweep *sweep)
{
	*out = (struct sweep_facts){
		.mode = sweep->order.mode,
		.answered = sweep->settled,
		.canaries = sweep->canaries,
		.lost = sweep->lost,
		.rounds = sweep->round,
	};
	for (int32_t port = portset_next(&sweep->order.ports, 1); port >= 0;
	     port = portset_next(&sweep->order.ports, (uint32_t)port + 1)) {
		out->asked += sweep->tries[port] > 0;
		out->unasked += sweep->tries[port] == 0;
		if (sweep->states[port] == SWEEP_SILENT) {
			out->silent[counted_tries(sweep, (uint16_t)port)]++;
		}
	}
}

const uint8_t *sweep_states(const struct sweep *sweep)
{
	return sweep->states;
}

uint32_t sweep_rejecters(struct sweep_rejecter out[SWEEP_REJECTERS_MAX], const struct sweep *sweep)
{
	memcpy(out, sweep->rejecters, sizeof(sweep->rejecters));
	return sweep->rejecter_count;
}

void sweep_set_rate(struct sweep *sweep, uint32_t rate)
{
	/* Who was slowed down by loss stays so. */
	if (sweep->rate >= sweep->order.rate || sweep->rate > rate) {
		sweep->rate = rate;
	}
	sweep->order.rate = rate;
}

uint64_t sweep_sent(const struct sweep *sweep)
{
	return sweep->sent;
}
