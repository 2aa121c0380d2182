/* SMTP (RFC 5321): is a login offered outside of TLS, and is mail of strangers passed on? RSET
 * comes before DATA, so nothing is ever sent. */
#include <string.h>

#include "measure/talk.h"

enum stage { GREETED, HELLO, MAIL, RCPT, RESET, QUIT };

/* RFC 2606: nobody's; RFC 7505: it takes no mail. */
static const char stranger[] = "RCPT TO:<minato-relay-test@example.com>";

/* A keyword of EHLO at the begin of a line. */
static bool offers(const uint8_t *bytes, size_t length, const char *keyword)
{
	const size_t n = strlen(keyword);
	for (size_t i = 0; i + 4 + n <= length; i++) {
		if ((i == 0 || bytes[i - 1] == '\n') &&
		    strncasecmp((const char *)bytes + i + 4, keyword, n) == 0 &&
		    (i + 4 + n == length || strchr(" \r\n=", bytes[i + 4 + n]) != NULL)) {
			return true;
		}
	}
	return false;
}

static void hear_hello(struct measure_talking *talking, const uint8_t *bytes, size_t length)
{
	const bool login = offers(bytes, length, "AUTH");
	const bool tls = offers(bytes, length, "STARTTLS");
	talk_tell(talking, MEASURE_ASK_PLAIN_AUTH,
		  login && talking->order->to.tls == PROBE_TLS_NONE ? MEASURE_TOLD_YES
								    : MEASURE_TOLD_NO,
		  login && tls ? "EHLO: AUTH STARTTLS"
		  : login      ? "EHLO: AUTH"
		  : tls        ? "EHLO: STARTTLS"
			       : "EHLO: -",
		  NULL, 0);
}

/* A refusal that is one: 4xx may be a greylist or a full disk, but Postfix defers relaying so, too.
 */
static enum measure_told judge_relay(unsigned number, const uint8_t *bytes, size_t length)
{
	if (number == 250 || number == 251) {
		return MEASURE_TOLD_YES;
	}
	const bool speaks_of_it = memmem(bytes, length, "elay", 4) != NULL;
	return number >= 500 || (number >= 400 && speaks_of_it) ? MEASURE_TOLD_NO
								: MEASURE_TOLD_NOTHING;
}

void talk_smtp(struct measure_talking *talking, const uint8_t *bytes, size_t length)
{
	const unsigned number = talk_reply(bytes, length);
	const bool fine = number >= 200 && number < 300;
	if (number == 0) {
		talk_end(talking);
		return;
	}
	switch ((enum stage)talking->stage) {
	case GREETED:
		talking->answer.heard = 1;
		talk_say(talking, fine ? "EHLO minato.invalid\r\n" : "QUIT\r\n");
		talking->stage = fine ? GREETED : RESET;
		break;
	case HELLO:
		if (fine) {
			hear_hello(talking, bytes, length);
			/* The empty sender is everybody's (RFC 5321 4.5.5). */
			talk_say(talking, "MAIL FROM:<>\r\n");
			break;
		}
		talk_say(talking, "QUIT\r\n");
		talking->stage = RESET;
		break;
	case MAIL:
		if (fine) {
			talk_say(talking, "%s\r\n", stranger);
			break;
		}
		/* Without a login, or without TLS, it takes no mail at all. */
		talk_tell(talking, MEASURE_ASK_RELAY,
			  number >= 500 && memmem(bytes, length, "STARTTLS", 8) == NULL
				  ? MEASURE_TOLD_NO
				  : MEASURE_TOLD_NOTHING,
			  "MAIL FROM:<>: ", bytes, length);
		talk_say(talking, "RSET\r\n");
		talking->stage = RCPT;
		break;
	case RCPT:
		talk_tell(talking, MEASURE_ASK_RELAY, judge_relay(number, bytes, length),
			  "RCPT TO:<@example.com>: ", bytes, length);
		talk_say(talking, "RSET\r\n");
		break;
	case RESET:
		talk_say(talking, "QUIT\r\n");
		break;
	case QUIT:
		talk_end(talking);
		break;
	}
}
