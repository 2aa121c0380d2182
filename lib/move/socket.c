/* Ports in systemd.socket(5). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "move/move.h"

/* The port of "0.0.0.0:22", "[::]:22"; 0 for a path and the like. */
static uint16_t port_of(const struct move_listen *listen)
{
	uint16_t port = 0;
	const char *colon = strrchr(listen->address, ':');
	return listen->address[0] != '/' && colon != NULL && parse_port(&port, colon + 1) == 0
		       ? port
		       : 0;
}

static bool is_meant(const struct move_listen *listen, enum protocol protocol, uint16_t port)
{
	const char *type = protocol_registry(protocol) == PROTOCOL_UDP ? "Datagram" : "Stream";
	return strcmp(listen->type, type) == 0 && port_of(listen) == port;
}

/* ---- reading ---- */

/* "[::]:22 (Stream)" */
static int take_listen(struct move_socket *socket, const char *value, size_t length)
{
	const char *open = memrchr(value, '(', length);
	if (open == NULL || open == value || value[length - 1] != ')') {
		return 0;
	}
	if (socket->listen_count == MOVE_LISTENS_MAX) {
		return -E2BIG;
	}
	struct move_listen *listen = &socket->listens[socket->listen_count++];
	(void)snprintf(listen->address, sizeof(listen->address), "%.*s", (int)(open - 1 - value),
		       value);
	(void)snprintf(listen->type, sizeof(listen->type), "%.*s",
		       (int)(value + length - 1 - (open + 1)), open + 1);
	return 0;
}

struct block {
	struct move_socket socket;
	bool accept, active;
};

/* "Key=value" up to the line end. */
static int take_line(struct block *block, const char *line, size_t length)
{
	const char *equals = memchr(line, '=', length);
	if (equals == NULL) {
		return 0;
	}
	const char *value = equals + 1;
	const size_t bytes = length - (size_t)(value - line);
	if (str_starts(line, "Id=")) {
		(void)snprintf(block->socket.unit, MOVE_NAME_BYTES, "%.*s", (int)bytes, value);
	} else if (str_starts(line, "Triggers=")) {
		(void)snprintf(block->socket.service, MOVE_NAME_BYTES, "%.*s", (int)bytes, value);
	} else if (str_starts(line, "Accept=")) {
		block->accept = str_starts(value, "yes");
	} else if (str_starts(line, "ActiveState=")) {
		block->active = str_starts(value, "active");
	} else if (str_starts(line, "Listen=")) {
		return take_listen(&block->socket, value, bytes);
	}
	return 0;
}

/* @return how many bytes the block has, with the empty line behind it; negative errno. */
static long take_block(struct block *block, const char *text)
{
	*block = (struct block){ 0 };
	const char *at = text;
	while (*at != '\0') {
		const size_t length = strcspn(at, "\n");
		int r = take_line(block, at, length);
		if (r < 0) {
			return r;
		}
		const bool empty = length == 0;
		at += length + (at[length] == '\n' ? 1 : 0);
		if (empty) {
			break;
		}
	}
	if (block->accept) {
		block->socket.service[0] = '\0'; /* each connection has a service of its own */
	}
	return at - text;
}

int move_socket_find(struct move_socket *out, const char *shown, enum protocol protocol,
		     uint16_t port)
{
	_cleanup_(freep) struct block *block = calloc(1, sizeof(*block));
	if (block == NULL) {
		return -ENOMEM;
	}
	for (const char *at = shown; *at != '\0';) {
		long length = take_block(block, at);
		if (length < 0) {
			return (int)length;
		}
		at += length;
		for (size_t i = 0; block->active && i < block->socket.listen_count; i++) {
			if (is_meant(&block->socket.listens[i], protocol, port)) {
				*out = block->socket;
				return 0;
			}
		}
	}
	return -ENOENT;
}

/* ---- writing ---- */

int move_socket_text(struct str *out, const struct move_socket *socket, enum protocol protocol,
		     uint16_t from, uint16_t to, bool both)
{
	/* One empty line forgets every address of every type (systemd.socket(5)). */
	str_add(out, "[Socket]\nListenStream=\n");
	for (size_t i = 0; i < socket->listen_count; i++) {
		const struct move_listen *listen = &socket->listens[i];
		const bool meant = is_meant(listen, protocol, from);
		if (!meant || both) {
			str_printf(out, "Listen%s=%s\n", listen->type, listen->address);
		}
		if (meant) {
			const int host = (int)(strrchr(listen->address, ':') - listen->address);
			str_printf(out, "Listen%s=%.*s:%u\n", listen->type, host, listen->address,
				   to);
		}
	}
	return out->error;
}
