/* One order: connect, TLS where it belongs, question and answer. */
#include "probe/io/run.h"

#include "base/cleanup.h"
#include "base/io/clock.h"

enum { QUESTION_MAX = 1024 };

static struct probe_record begin_record(const struct probing *p, enum probe_step step)
{
	struct probe_record record = p->base;
	record.step = step;
	record.begun = probing_now(p);
	return record;
}

/* Hears until it is whole, or the time is over. @return as probe_hear_more(). */
static int hear(const struct probe_line *line, struct heard *heard, usec_t until)
{
	const struct probe_order *order = line->p->order;
	int r = 0;
	while (r == 0 && !probe_is_whole(order->talk, heard->bytes, heard->length)) {
		r = probe_hear_more(line, heard, until);
		if (order->udp != 0) {
			break;
		}
	}
	return r;
}

/* Asks, or waits for whoever speaks first. */
static int answer(const struct probe_line *line, struct probe_record *record)
{
	uint8_t question[QUESTION_MAX];
	struct heard heard = { 0 };
	const struct probing *p = line->p;
	const size_t length = probe_question(question, sizeof(question), p->order);
	int r = probe_say(line, question, length);
	if (p->order->udp != 0 && length == 0) {
		r = probe_say(line, (const uint8_t *)"\n",
			      1); /* anything: nobody answers to nothing */
	}
	r = r < 0 ? r : hear(line, &heard, probe_answer_limit(p));
	probe_judge_hearing(line, record, &heard, r);
	return p->tell(p->data, record);
}

static int shake_hands(struct probe_line *line)
{
	int r = 0;
	line->session = probe_session_begin(line->p, &r);
	return r;
}

/* The greeting in plain text, then TLS if it is there to be had. */
static int talk_with_starttls(struct probe_line *line)
{
	struct probing *p = line->p;
	struct probe_record record = begin_record(p, PROBE_STEP_ANSWER);
	probe_start_tls(line, &record);
	const int r = p->tell(p->data, &record);
	return r < 0 || record.offered == 0 ? r : shake_hands(line);
}

static int talk(struct probing *p)
{
	struct probe_line line = { .p = p };
	int r = 0;
	if (p->order->tls == PROBE_TLS_ASKED) {
		r = talk_with_starttls(&line);
	} else {
		if (p->order->tls == PROBE_TLS_DIRECT) {
			r = shake_hands(&line);
		}
		/* Who only wants to know of TLS waits for nothing more. */
		const bool more =
			p->order->talk != PROBE_TALK_NONE || p->order->tls == PROBE_TLS_NONE;
		if (r == 0 && more && (line.session != NULL || p->order->tls == PROBE_TLS_NONE)) {
			struct probe_record record = begin_record(p, PROBE_STEP_ANSWER);
			r = answer(&line, &record);
		}
	}
	probe_session_end(line.session);
	return r;
}

int probe_run(const struct probe_order *order, struct probe_tls_context *tls,
	      probe_tell_function *tell, void *data)
{
	struct probing p = { .order = order,
			     .tls = tls,
			     .tell = tell,
			     .data = data,
			     .start = clock_monotonic(),
			     .socket = -1 };
	int r = probing_connect(&p);
	if (r == 0) {
		r = talk(&p);
	}
	close_fdp(&p.socket);
	return r < 0 ? r : 0;
}
