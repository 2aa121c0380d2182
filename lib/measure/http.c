/* HTTP (RFC 9112): where a server sends people, what it lists, and whether ".." leads out of its
 * folder. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "measure/talk.h"

enum stage { PAGE, OUTSIDE };

/* Everybody may read it on nearly every Linux, and it tells no secret. */
static const char outside[] = "/../../../../../../../../../../etc/os-release";

void talk_http_ask(struct measure_talking *talking)
{
	const struct probe_order *to = &talking->order->to;
	const bool six = strchr(to->host, ':') != NULL;
	/* HTTP/1.0, so that the body comes as it is. */
	talk_say(talking,
		 "GET %s HTTP/1.0\r\nHost: %s%s%s\r\nUser-Agent: minato\r\nAccept: */*\r\n"
		 "Connection: close\r\n\r\n",
		 talking->stage == PAGE ? to->path : outside, six ? "[" : "", to->host,
		 six ? "]" : "");
}

/* ---- parts of an answer ---- */

/* Where the body begins; NULL = not all of the head is there. */
static const uint8_t *body_of(const uint8_t *bytes, size_t length)
{
	const uint8_t *end = memmem(bytes, length, "\r\n\r\n", 4);
	if (end != NULL) {
		return end + 4;
	}
	end = memmem(bytes, length, "\n\n", 2);
	return end == NULL ? NULL : end + 2;
}

/* What a field of the head says; NULL = there is none. @param size  gets its length. */
static const uint8_t *field_of(const uint8_t *bytes, size_t length, const char *name, size_t *size)
{
	const size_t n = strlen(name);
	const uint8_t *body = body_of(bytes, length);
	const uint8_t *end = body == NULL ? bytes + length : body;
	for (const uint8_t *line = memchr(bytes, '\n', (size_t)(end - bytes)); line != NULL;
	     line = memchr(line, '\n', (size_t)(end - line))) {
		line++;
		if ((size_t)(end - line) > n && strncasecmp((const char *)line, name, n) == 0 &&
		    line[n] == ':') {
			const uint8_t *value = line + n + 1;
			while (value < end && *value == ' ') {
				value++;
			}
			const uint8_t *stop = value;
			while (stop < end && *stop != '\r' && *stop != '\n') {
				stop++;
			}
			*size = (size_t)(stop - value);
			return value;
		}
	}
	return NULL;
}

/* "HTTP/1.1 301"; 0 = it is none. */
static unsigned status_of(const uint8_t *bytes, size_t length)
{
	if (length < 12 || memcmp(bytes, "HTTP/1.", 7) != 0 || bytes[8] != ' ') {
		return 0;
	}
	return talk_reply(bytes + 9, length - 9);
}

bool talk_http_whole(const uint8_t *bytes, size_t length)
{
	size_t size = 0;
	uint64_t announced = 0;
	const uint8_t *body = body_of(bytes, length);
	const uint8_t *field =
		body == NULL ? NULL : field_of(bytes, length, "Content-Length", &size);
	return field != NULL &&
	       parse_u64_bytes(&announced, (const char *)field, size, 0, UINT32_MAX) == 0 &&
	       (size_t)(bytes + length - body) >= announced;
}

/* ---- what it means ---- */

static bool is_redirect(unsigned status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void judge_redirect(struct measure_talking *talking, const uint8_t *bytes, size_t length,
			   unsigned status)
{
	size_t size = 0;
	const uint8_t *where =
		is_redirect(status) ? field_of(bytes, length, "Location", &size) : NULL;
	const bool secure =
		where != NULL && size >= 8 && strncasecmp((const char *)where, "https://", 8) == 0;
	char about[16];
	(void)snprintf(about, sizeof(about), "%u ", status);
	if (where != NULL) {
		talk_tell(talking, MEASURE_ASK_REDIRECT,
			  secure ? MEASURE_TOLD_YES : MEASURE_TOLD_NO, about, where, size);
	} else {
		talk_tell(talking, MEASURE_ASK_REDIRECT, MEASURE_TOLD_NO, "", bytes, length);
	}
}

/* Headings of lists that servers make: Apache, nginx, lighttpd and others; Python; IIS; Jetty. */
static const uint8_t *listing_in(const uint8_t *body, size_t length)
{
	static const char *const marks[] = { "<title>Index of ", "<h1>Index of ",
					     "<title>Directory listing for ",
					     "[To Parent Directory]", "<title>Directory: /" };
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const uint8_t *at = memmem(body, length, marks[i], strlen(marks[i]));
		if (at != NULL) {
			return at;
		}
	}
	return NULL;
}

static void judge_listing(struct measure_talking *talking, const uint8_t *bytes, size_t length,
			  unsigned status)
{
	const uint8_t *body = body_of(bytes, length);
	const size_t size = body == NULL ? 0 : (size_t)(bytes + length - body);
	const uint8_t *list = body == NULL ? NULL : listing_in(body, size);
	if (list != NULL) {
		talk_tell(talking, MEASURE_ASK_LISTING, MEASURE_TOLD_YES, talking->order->to.path,
			  NULL, 0);
	} else if (body != NULL && !is_redirect(status) && status < 500) {
		talk_tell(talking, MEASURE_ASK_LISTING, MEASURE_TOLD_NO, "", bytes, length);
	} else {
		talk_tell(talking, MEASURE_ASK_LISTING, MEASURE_TOLD_NOTHING, "", bytes, length);
	}
}

/* A page that was sent whole: of an error, a redirect or half a page nothing is to be remembered.
 */
static void take_page(struct measure_talking *talking, const uint8_t *bytes, size_t length,
		      unsigned status)
{
	const uint8_t *body = body_of(bytes, length);
	if (status == 200 && body != NULL && length < MEASURE_HEARD_MAX &&
	    talking->digest != NULL) {
		talking->digest(talking->answer.page, body, (size_t)(bytes + length - body));
	}
}

static void judge_outside(struct measure_talking *talking, const uint8_t *bytes, size_t length)
{
	const uint8_t *body = body_of(bytes, length);
	/* Without its head whole, nobody knows what would have come. */
	const enum measure_told told =
		body == NULL ? MEASURE_TOLD_NOTHING
		: memmem(body, (size_t)(bytes + length - body), "PRETTY_NAME=", 12) != NULL
			? MEASURE_TOLD_YES
			: MEASURE_TOLD_NO;
	talk_tell(talking, MEASURE_ASK_TRAVERSAL, told, "GET /../../../etc/os-release: ", bytes,
		  length);
}

void talk_http(struct measure_talking *talking, const uint8_t *bytes, size_t length)
{
	const unsigned status = status_of(bytes, length);
	if (status == 0) {
		talk_end(talking);
	} else if (talking->stage == PAGE) {
		talking->answer.heard = 1;
		judge_redirect(talking, bytes, length, status);
		judge_listing(talking, bytes, length, status);
		take_page(talking, bytes, length, status);
		talking->action = MEASURE_CONNECT;
	} else {
		judge_outside(talking, bytes, length);
		talk_end(talking);
	}
}
