/* What the servers say. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "actor.h"

enum { LINE_BYTES = 512, PATIENCE_SECONDS = 60 };

void talk_web(const struct channel *channel)
{
	static const char page[] = "<!doctype html><title>Harbour</title><h1>Harbour</h1>\n";
	char line[LINE_BYTES];
	char head[LINE_BYTES];
	bool asked = false;
	(void)alarm(PATIENCE_SECONDS);
	while (channel_line(channel, line, sizeof(line)) > 0) {
		asked = true; /* what for makes no difference: there is one page */
	}
	if (!asked) {
		return;
	}
	const int length = snprintf(head, sizeof(head),
				    "HTTP/1.1 200 OK\r\nServer: harbour\r\n"
				    "Content-Type: text/html\r\nContent-Length: %zu\r\n"
				    "Connection: close\r\n\r\n",
				    sizeof(page) - 1);
	if (channel_write(channel, head, (size_t)length) == 0) {
		(void)channel_say(channel, page);
	}
}

void talk_telnet(const struct channel *channel)
{
	/* IAC DO TERMINAL-TYPE, IAC WILL ECHO, IAC WILL SUPPRESS-GO-AHEAD (RFC 854, 857, 858) */
	static const unsigned char options[] = { 255, 253, 24, 255, 251, 1, 255, 251, 3 };
	char line[LINE_BYTES];
	(void)alarm(PATIENCE_SECONDS);
	if (channel_write(channel, options, sizeof(options)) < 0) {
		return;
	}
	for (unsigned tries = 0; tries < 3; tries++) {
		if (channel_say(channel, "\r\nlogin: ") < 0 ||
		    channel_line(channel, line, sizeof(line)) < 0 ||
		    channel_say(channel, "Password: ") < 0 ||
		    channel_line(channel, line, sizeof(line)) < 0 ||
		    channel_say(channel, "\r\nLogin incorrect\r\n") < 0) {
			return;
		}
	}
}

/* ---- Redis ---- */

static void answer_redis(const struct channel *channel, const char *command)
{
	static const char information[] =
		"# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n";
	char bulk[LINE_BYTES];
	if (strcasecmp(command, "PING") == 0) {
		(void)channel_say(channel, "+PONG\r\n");
	} else if (strcasecmp(command, "INFO") == 0) {
		(void)snprintf(bulk, sizeof(bulk), "$%zu\r\n%s\r\n", sizeof(information) - 1,
			       information);
		(void)channel_say(channel, bulk);
	} else if (strcasecmp(command, "GET") == 0) {
		(void)channel_say(channel, "$-1\r\n");
	} else {
		(void)channel_say(channel, "-ERR unknown command\r\n");
	}
}

/* Of a command as an array of bulk strings the first text counts: *1, $4, PING. */
void talk_redis(const struct channel *channel)
{
	char line[LINE_BYTES];
	char command[LINE_BYTES] = "";
	unsigned rest = 0;
	while (channel_line(channel, line, sizeof(line)) >= 0) {
		if (line[0] == '*') {
			rest = line[1] >= '1' && line[1] <= '9' ? (unsigned)(line[1] - '0') : 0;
			command[0] = '\0';
			continue;
		}
		if (line[0] == '$') {
			continue;
		}
		if (rest == 0 || command[0] == '\0') {
			(void)snprintf(command, sizeof(command), "%.*s", (int)strcspn(line, " "),
				       line);
		}
		rest -= rest > 0 ? 1 : 0;
		if (rest == 0 && command[0] != '\0') {
			answer_redis(channel, command);
		}
	}
}

/* ---- others ---- */

void talk_game(const struct channel *channel)
{
	char line[LINE_BYTES];
	while (channel_line(channel, line, sizeof(line)) >= 0) {
		if (channel_say(channel, "ok\n") < 0) {
			return;
		}
	}
}

/* MQTT 3.1.1: the first four bits of a packet are its kind (2.2.1); lengths beyond 127 bytes are of
 * nobody here. */
void talk_mqtt(const struct channel *channel)
{
	static const unsigned char connected[] = { 0x20, 2, 0, 0 };
	static const unsigned char pong[] = { 0xd0, 0 };
	unsigned char head[2];
	unsigned char body[128];
	while (channel_read(channel, &head[0], 1) == 1 && channel_read(channel, &head[1], 1) == 1) {
		for (unsigned left = head[1] & 0x7f; left > 0;) {
			const long read = channel_read(channel, body, left);
			if (read <= 0) {
				return;
			}
			left -= (unsigned)read;
		}
		if (head[0] >> 4 == 1) {
			(void)channel_write(channel, connected, sizeof(connected));
		} else if (head[0] >> 4 == 12) {
			(void)channel_write(channel, pong, sizeof(pong));
		}
	}
}
