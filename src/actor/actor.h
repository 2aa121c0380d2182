/*
 * minato-actor: the programs of a harbour to practise in. It speaks as much of each protocol as is
 * needed to be taken for it, and no more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NAME_BYTES = 64, LOGIN_PORT = 22 };

/* A connection, in the clear or in TLS. */
struct channel {
	int fd;
	void *tls; /* SSL *, or NULL */
};

/* As read(2) and write(2). @return bytes, 0 at the end, negative on failure. */
long channel_read(const struct channel *channel, void *bytes, size_t room);
/* All of them. @return 0 or negative. */
int channel_write(const struct channel *channel, const void *bytes, size_t length);
/* A NUL-terminated text. */
int channel_say(const struct channel *channel, const char *text);
/* Up to a newline, which is left out, as are carriage returns. @return length; negative at the end.
 */
long channel_line(const struct channel *channel, char *line, size_t room);

/* What a server says on one connection, in a process of its own. */
typedef void talk_function(const struct channel *channel);

talk_function talk_web, talk_telnet, talk_redis, talk_game, talk_mqtt, talk_login;

/* Listens and serves until killed. @param tls with a certificate made at the start. @return exit
 * code when it cannot. */
int serve(uint16_t port, talk_function *talk, bool tls);

/* @return a connected socket, or negative errno. */
int reach(const char *host, uint16_t port, int timeout_ms);

/* Go to a port every so many seconds until killed. */
void visit(const char *host, uint16_t port, unsigned seconds);
void stay(const char *host, uint16_t port, unsigned seconds);
void publish(const char *host, uint16_t port, unsigned seconds);

/* Asks ports: many at once (0), or one every so many seconds. Says which answered. */
int scan(const char *host, unsigned seconds);

/* Runs a program at another machine of the harbour, as if one sat there. @return its exit code. */
int at(const char *machine, const char *const *words, unsigned count);

/* A shell, or a command, at another machine. @return its exit code; 255 = no connection. */
int login(const char *host, const char *const *words, unsigned count);
