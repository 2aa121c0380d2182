/* One order: connect, TLS where it belongs, question and answer. */
#include "probe/io/run.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"

enum {
	HEARD_MAX = 16 * 1024, /* of one answer; the rest is not read */
	QUESTION_MAX = 1024,
};

struct heard {
	size_t length;
	uint8_t bytes[HEARD_MAX];
};

/* Hears until it is whole, or the time is over. @return 0, 1 the other side ended, negative errno.
 */
static int hear(const struct probe_line *line, struct heard *heard, enum probe_talk talk,
		usec_t until)
{
	heard->length = 0;
	while (heard->length < HEARD_MAX && !probe_is_whole(talk, heard->bytes, heard->length)) {
		const long r = probe_line_read(line, heard->bytes + heard->length,
					       HEARD_MAX - heard->length, until);
		if (r <= 0) {
			return r == 0 ? 1 : (int)r;
		}
		heard->length += (size_t)r;
		if (line->p->order->udp != 0) {
			break;
		}
	}
	return 0;
}

static usec_t limit(const struct probing *p)
{
	return probing_now(p) + p->order->answer_time;
}

static int say(const struct probe_line *line, const uint8_t *bytes, size_t length)
{
	const long r = length == 0 ? 0 : probe_line_write(line, bytes, length, limit(line->p));
	return r < 0 ? (int)r : 0;
}

static struct probe_record begin_record(const struct probing *p, enum probe_step step)
{
	struct probe_record record = p->base;
	record.step = step;
	record.begun = probing_now(p);
	return record;
}

/* ---- the answer ---- */

/* Whether a line began that did not end: from who sends a byte a second anything would be an
 * answer. */
static bool is_unfinished(enum probe_talk talk, const struct heard *heard)
{
	const bool lines = talk == PROBE_TALK_HTTP || talk == PROBE_TALK_SMTP ||
			   talk == PROBE_TALK_IMAP || talk == PROBE_TALK_POP3 ||
			   talk == PROBE_TALK_FTP || talk == PROBE_TALK_SSH ||
			   talk == PROBE_TALK_REDIS;
	return lines && !probe_is_tls(heard->bytes, heard->length) &&
	       memchr(heard->bytes, '\n', heard->length) == NULL;
}

static void judge_hearing(const struct probe_line *line, struct probe_record *record,
			  const struct heard *heard, int r)
{
	const struct probing *p = line->p;
	record->took = probing_now(p) - record->begun;
	if (r == -ETIMEDOUT && is_unfinished(p->order->talk, heard)) {
		probing_error(record, p->socket, ETIMEDOUT);
	} else if (heard->length > 0) {
		probe_read_answer(record, p->order->talk, heard->bytes, heard->length);
		/* What servers of HTTPS say to plain HTTP. */
		record->offered |= record->status == 400 &&
				   memmem(heard->bytes, heard->length, "HTTPS", 5) != NULL;
	} else if (r == 1) {
		record->outcome = PROBE_ENDED;
	} else {
		probing_error(record, p->socket, -r);
	}
}

/* Asks, or waits for whoever speaks first. */
static int answer(const struct probe_line *line, struct probe_record *record)
{
	uint8_t question[QUESTION_MAX];
	struct heard heard = { 0 };
	const struct probing *p = line->p;
	const size_t length = probe_question(question, sizeof(question), p->order);
	int r = say(line, question, length);
	if (p->order->udp != 0 && length == 0) {
		r = say(line, (const uint8_t *)"\n", 1); /* anything: nobody answers to nothing */
	}
	r = r < 0 ? r : hear(line, &heard, p->order->talk, limit(p));
	judge_hearing(line, record, &heard, r);
	return p->tell(p->data, record);
}

/* ---- TLS within a protocol ---- */

static bool offers(const struct probe_line *line)
{
	uint8_t question[QUESTION_MAX];
	struct heard heard;
	const enum probe_talk talk = line->p->order->talk;
	const size_t length = probe_capabilities(question, sizeof(question), talk);
	if (length == 0) {
		return true; /* it has to be tried */
	}
	return say(line, question, length) == 0 && hear(line, &heard, talk, limit(line->p)) == 0 &&
	       probe_offers_tls(talk, heard.bytes, heard.length);
}

/* @return whether the next bytes are TLS. */
static bool ask_for_tls(const struct probe_line *line)
{
	uint8_t question[QUESTION_MAX];
	struct heard heard;
	const enum probe_talk talk = line->p->order->talk;
	const size_t length = probe_starttls(question, sizeof(question), talk);
	return offers(line) && say(line, question, length) == 0 &&
	       hear(line, &heard, talk, limit(line->p)) == 0 &&
	       probe_starttls_agreed(talk, heard.bytes, heard.length);
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
	if (p->order->talk == PROBE_TALK_POSTGRESQL) {
		record.offered = ask_for_tls(line);
		record.took = probing_now(p) - record.begun;
		(void)snprintf(record.text, sizeof(record.text), "SSLRequest: %s",
			       record.offered ? "yes" : "no");
		int r = p->tell(p->data, &record);
		return r < 0 || !record.offered ? r : shake_hands(line);
	}
	struct heard heard;
	int r = hear(line, &heard, p->order->talk, limit(p));
	judge_hearing(line, &record, &heard, r);
	if (record.outcome == PROBE_OK && !(record.status >= 400)) {
		record.offered = ask_for_tls(line);
	}
	r = p->tell(p->data, &record);
	return r < 0 || !record.offered ? r : shake_hands(line);
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
