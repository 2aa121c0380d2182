/* What audits found, as people's commands tell it: to the engine, as events. */
#include <string.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/parse.h"
#include "daemon.h"

static const struct {
	const char *word;
	enum event_kind kind;
} orders[] = {
	{ "audited ", EVENT_AUDITED },
	{ "port-opened ", EVENT_PORT_OPENED },
	{ "port-closed ", EVENT_PORT_CLOSED },
};

enum { ORDERS = sizeof(orders) / sizeof(orders[0]) };

static int find(const char *order, size_t length)
{
	for (int i = 0; i < (int)ORDERS; i++) {
		const size_t word = strlen(orders[i].word);
		if (length > word && memcmp(order, orders[i].word, word) == 0) {
			return i;
		}
	}
	return -1;
}

bool audits_is_order(const char *order, size_t length)
{
	return find(order, length) >= 0;
}

/* Cuts the next word off. */
static const char *next_word(char **rest)
{
	char *word = *rest;
	char *end = strchr(word, ' ');
	*rest = end == NULL ? word + strlen(word) : end + 1;
	if (end != NULL) {
		*end = '\0';
	}
	return word;
}

/* "PROTOCOL PORT COUNT WORDS". */
static bool take_port(struct event *event, char *rest)
{
	const char *protocol = next_word(&rest);
	const char *port = next_word(&rest);
	const char *count = next_word(&rest);
	event->protocol = strcmp(protocol, "tcp") == 0   ? PROTOCOL_TCP
			  : strcmp(protocol, "udp") == 0 ? PROTOCOL_UDP
							 : PROTOCOL_NONE;
	(void)str_copy(event->detail, sizeof(event->detail), rest);
	return event->protocol != PROTOCOL_NONE && parse_port(&event->port, port) == 0 &&
	       event->port != 0 && parse_u64(&event->count, count, 1, UINT16_MAX) == 0;
}

const char *audits_take(struct daemon *daemon, const char *order, size_t length)
{
	struct wire_message message = { .type = WIRE_RULES_NEWS };
	struct event *event = &message.event;
	const struct child *engine = &daemon->children[CHILD_ENGINE];
	const int which = find(order, length);
	_cleanup_(freep) char *text = which < 0 ? NULL : strndup(order, length);
	if (text == NULL) {
		return "not understood";
	}
	char *rest = text + strlen(orders[which].word);
	*event = (struct event){ .time = clock_now(),
				 .kind = orders[which].kind,
				 .uid = UINT32_MAX };
	if (addr_parse(&event->address, next_word(&rest)) < 0) {
		return "that is no address";
	}
	if (event->kind == EVENT_AUDITED) {
		(void)addr_format(&event->address, event->detail);
	} else if (!take_port(event, rest)) {
		return "that is no port";
	}
	if (engine->socket < 0 || wire_send(engine->socket, &message, NULL, 0, NULL) < 0) {
		return "the engine is being started; say it again in a moment";
	}
	return "recorded";
}
