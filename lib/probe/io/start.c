/* TLS within a protocol: the same words as in the audit of encryption, and what came first is
 * judged. */
#include "probe/io/run.h"

#include <stdio.h>

#include "tls/tls.h"

/* What speaks first, and how it begins TLS. */
static enum tls_talk talk_of(enum probe_talk talk)
{
	static const enum tls_talk talks[PROBE_TALKS] = {
		[PROBE_TALK_SMTP] = TLS_TALK_SMTP,
		[PROBE_TALK_IMAP] = TLS_TALK_IMAP,
		[PROBE_TALK_POP3] = TLS_TALK_POP3,
		[PROBE_TALK_FTP] = TLS_TALK_FTP,
		[PROBE_TALK_NNTP] = TLS_TALK_NNTP,
		[PROBE_TALK_SIEVE] = TLS_TALK_SIEVE,
		[PROBE_TALK_MYSQL] = TLS_TALK_MYSQL,
		[PROBE_TALK_IRC] = TLS_TALK_IRC,
		[PROBE_TALK_XMPP] = TLS_TALK_XMPP,
		[PROBE_TALK_LDAP] = TLS_TALK_LDAP,
		[PROBE_TALK_POSTGRESQL] = TLS_TALK_POSTGRESQL,
	};
	return talks[talk];
}

struct start {
	const struct probe_line *line;
	struct probe_record *record;
	struct tls_start walk;
	struct heard heard;
	usec_t until; /* of the answer that is waited for */
	bool judged;
};

/* @return as probe_hear_more(); also 1 when bytes of TLS came, which end no line. */
static int hear_on(struct start *s)
{
	const int r = probe_hear_more(s->line, &s->heard, s->until);
	return r == 0 && probe_is_tls(s->heard.bytes, s->heard.length) ? 1 : r;
}

/* The first answer tells whether this is the service, and well. @return whether to go on. */
static bool judge(struct start *s, int r)
{
	if (!s->judged) {
		s->judged = true;
		probe_judge_hearing(s->line, s->record, &s->heard, r);
	}
	return r == 0 && s->record->outcome == PROBE_OK &&
	       !probe_is_fault(s->line->p->order->talk, s->record);
}

/* One step. @return whether to go on. */
static bool walk(struct start *s, enum tls_start_state *state)
{
	uint8_t words[TLS_QUESTION_BYTES];
	size_t said = 0;
	*state = tls_start_feed(&s->walk, s->heard.bytes, s->heard.length, words, &said);
	if (*state == TLS_START_WAIT) {
		const int r = hear_on(s);
		if (r != 0) {
			(void)judge(s, r);
		}
		return r == 0;
	}
	if (s->heard.length > 0 && !judge(s, 0)) {
		*state = TLS_START_STRANGE;
		return false;
	}
	s->heard.length = 0;
	s->until = probe_answer_limit(s->line->p);
	const int r = probe_say(s->line, words, said);
	if (r < 0) {
		(void)judge(s, r);
		*state = TLS_START_STRANGE;
	}
	return *state == TLS_START_SAY;
}

/* Protocols of bytes have no first line to show, and that of XMPP is long. */
static void add_words(struct probe_record *record, enum probe_talk talk)
{
	const char *what = talk == PROBE_TALK_POSTGRESQL                     ? "SSLRequest"
			   : talk == PROBE_TALK_LDAP                         ? "StartTLS"
			   : talk == PROBE_TALK_XMPP && record->offered != 0 ? "STARTTLS"
									     : NULL;
	if (record->outcome == PROBE_OK && what != NULL) {
		(void)snprintf(record->text, sizeof(record->text), "%s: %s", what,
			       record->offered != 0 ? "yes" : "no");
	}
}

void probe_start_tls(const struct probe_line *line, struct probe_record *record)
{
	const struct probe_order *order = line->p->order;
	struct start s = { .line = line,
			   .record = record,
			   .walk = { .talk = talk_of(order->talk), .host = order->host },
			   .until = probe_answer_limit(line->p) };
	enum tls_start_state state = TLS_START_WAIT;
	while (walk(&s, &state)) {
	}
	record->offered = state == TLS_START_READY;
	add_words(record, order->talk);
}
