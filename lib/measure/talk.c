/* What is said to a service, step by step, and what is valid between the processes. */
#include "measure/talk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- between the processes ---- */

bool measure_order_valid(const struct measure_order *order)
{
	return order->talk < MEASURE_TALKS && order->to.udp == 0 &&
	       order->to.tls <= PROBE_TLS_DIRECT && probe_order_valid(&order->to);
}

static bool is_address(const struct addr *address)
{
	return address->family == ADDR_NONE || address->family == ADDR_IPV4 ||
	       address->family == ADDR_IPV6;
}

bool measure_answer_valid(const struct measure_answer *answer)
{
	for (size_t i = 0; i < MEASURE_QUESTIONS; i++) {
		if (answer->told[i] > MEASURE_TOLD_YES ||
		    !str_is_printable(answer->text[i], MEASURE_TEXT_BYTES)) {
			return false;
		}
	}
	const size_t digits = strnlen(answer->page, sizeof(answer->page));
	if ((digits != 0 && digits != MEASURE_DIGEST_BYTES - 1) ||
	    strspn(answer->page, "0123456789abcdef") != digits) {
		return false;
	}
	return answer->heard <= 1 && is_address(&answer->from) && is_address(&answer->to);
}

/* ---- steps ---- */

void talk_say(struct measure_talking *talking, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	const int length = vsnprintf(talking->bytes, sizeof(talking->bytes), format, arguments);
	va_end(arguments);
	talking->length = length < 0 ? 0 : (size_t)length;
	/* No order has so long a host and path. */
	talking->action = talking->length < sizeof(talking->bytes) ? MEASURE_SAY : MEASURE_END;
}

void talk_end(struct measure_talking *talking)
{
	talking->action = MEASURE_END;
}

void talk_tell(struct measure_talking *talking, enum measure_question question,
	       enum measure_told told, const char *about, const uint8_t *bytes, size_t length)
{
	char *text = talking->answer.text[question];
	size_t used = str_copy(text, MEASURE_TEXT_BYTES, about);
	talking->answer.told[question] = (uint8_t)told;
	for (size_t i = 0; i < length && used + 1 < MEASURE_TEXT_BYTES; i++) {
		if (bytes[i] == '\r' || bytes[i] == '\n') {
			break;
		}
		text[used++] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '?';
	}
	text[used] = '\0';
}

unsigned talk_reply(const uint8_t *bytes, size_t length)
{
	unsigned number = 0;
	for (size_t i = 0; i < 3; i++) {
		if (i >= length || bytes[i] < '0' || bytes[i] > '9') {
			return 0;
		}
		number = number * 10 + bytes[i] - '0';
	}
	return number;
}

/* A reply of SMTP or FTP ends with a line that has no "-" behind its number. */
static bool reply_is_whole(const uint8_t *bytes, size_t length)
{
	const uint8_t *line = bytes;
	const uint8_t *end = bytes + length;
	for (;;) {
		const uint8_t *feed = line == end ? NULL : memchr(line, '\n', (size_t)(end - line));
		if (feed == NULL) {
			return false;
		}
		if (talk_reply(line, (size_t)(end - line)) > 0 && line + 3 < feed &&
		    line[3] != '-') {
			return true;
		}
		line = feed + 1;
	}
}

bool measure_talk_whole(const struct measure_talking *talking, const uint8_t *bytes, size_t length)
{
	return talking->order->talk == MEASURE_TALK_HTTP ? talk_http_whole(bytes, length)
							 : reply_is_whole(bytes, length);
}

void measure_talk_begin(struct measure_talking *talking, const struct measure_order *order,
			measure_digest_function *digest)
{
	*talking = (struct measure_talking){ .order = order,
					     .digest = digest,
					     .action = MEASURE_CONNECT };
}

void measure_talk_connected(struct measure_talking *talking, bool connected)
{
	if (!connected) {
		talk_end(talking);
	} else if (talking->order->talk == MEASURE_TALK_HTTP) {
		talk_http_ask(talking);
	} else {
		talking->action = MEASURE_HEAR; /* it greets */
	}
}

void measure_talk_heard(struct measure_talking *talking, const uint8_t *bytes, size_t length)
{
	static void (*const heard[MEASURE_TALKS])(struct measure_talking * talking,
						  const uint8_t *bytes, size_t length) = {
		[MEASURE_TALK_HTTP] = talk_http,
		[MEASURE_TALK_SMTP] = talk_smtp,
		[MEASURE_TALK_FTP] = talk_ftp,
	};
	heard[talking->order->talk](talking, bytes, length);
	talking->stage++;
}

/* ---- FTP (RFC 959, RFC 4217) ---- */

void talk_ftp(struct measure_talking *talking, const uint8_t *bytes, size_t length)
{
	const unsigned number = talk_reply(bytes, length);
	if (talking->stage == 0) {
		talking->answer.heard = number > 0;
		if (number == 220) {
			talk_say(talking, "AUTH TLS\r\n");
		} else {
			talk_end(talking);
		}
		return;
	}
	if (number >= 200) {
		talk_tell(talking, MEASURE_ASK_FTP_TLS,
			  number == 234 ? MEASURE_TOLD_YES : MEASURE_TOLD_NO, "AUTH TLS: ", bytes,
			  length);
	}
	talk_end(talking);
}
