/* A question, its answer, and what that is. */
#include <errno.h>
#include <string.h>

#include "probe/io/run.h"

usec_t probe_answer_limit(const struct probing *p)
{
	return probing_now(p) + p->order->answer_time;
}

int probe_say(const struct probe_line *line, const uint8_t *bytes, size_t length)
{
	const long r = length == 0
			       ? 0
			       : probe_line_write(line, bytes, length, probe_answer_limit(line->p));
	return r < 0 ? (int)r : 0;
}

int probe_hear_more(const struct probe_line *line, struct heard *heard, usec_t until)
{
	if (heard->length == sizeof(heard->bytes)) {
		return -EMSGSIZE;
	}
	const long r = probe_line_read(line, heard->bytes + heard->length,
				       sizeof(heard->bytes) - heard->length, until);
	if (r <= 0) {
		return r == 0 ? 1 : (int)r;
	}
	heard->length += (size_t)r;
	return 0;
}

/* Whether a line began that did not end: from who sends a byte a second anything would be an
 * answer. */
static bool is_unfinished(enum probe_talk talk, const struct heard *heard)
{
	const bool lines = talk == PROBE_TALK_HTTP || talk == PROBE_TALK_SMTP ||
			   talk == PROBE_TALK_IMAP || talk == PROBE_TALK_POP3 ||
			   talk == PROBE_TALK_FTP || talk == PROBE_TALK_SSH ||
			   talk == PROBE_TALK_REDIS || talk == PROBE_TALK_NNTP ||
			   talk == PROBE_TALK_SIEVE || talk == PROBE_TALK_IRC;
	return lines && !probe_is_tls(heard->bytes, heard->length) &&
	       memchr(heard->bytes, '\n', heard->length) == NULL;
}

void probe_judge_hearing(const struct probe_line *line, struct probe_record *record,
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
