/* A port of another machine that was seen to be open, as an event and back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "devices/devices.h"

void devices_write_event(struct event *out, const struct devices_opening *opening)
{
	char by[ADDR_TEXT_BYTES];
	*out = (struct event){ .time = opening->time,
			       .kind = EVENT_PORT_OPENED,
			       .protocol = opening->protocol,
			       .address = opening->address,
			       .port = opening->port,
			       .uid = UINT32_MAX };
	(void)snprintf(out->detail, sizeof(out->detail), "host=%s seen=%s asked_by=%s",
		       opening->host, opening->through ? "passing" : "own",
		       addr_format(&opening->asked_by, by));
}

/* The value of "name=value " at `at`. @return behind it; NULL = it is not there. */
static const char *take(char *value, size_t room, const char *at, const char *name)
{
	const size_t name_length = strlen(name);
	if (at == NULL || strncmp(at, name, name_length) != 0) {
		return NULL;
	}
	at += name_length;
	const size_t length = strcspn(at, " ");
	if (length == 0 || length >= room) {
		return NULL;
	}
	memcpy(value, at, length);
	value[length] = '\0';
	return at + length + (at[length] == ' ' ? 1 : 0);
}

int devices_read_event(struct devices_opening *out, const struct event *event)
{
	struct devices_opening read = { .time = event->time,
					.address = event->address,
					.port = event->port,
					.protocol = event->protocol };
	char seen[16];
	char by[ADDR_TEXT_BYTES];
	if (event->kind != EVENT_PORT_OPENED) {
		return -EINVAL;
	}
	const char *at = take(read.host, sizeof(read.host), event->detail, "host=");
	at = take(seen, sizeof(seen), at, "seen=");
	at = take(by, sizeof(by), at, "asked_by=");
	if (at == NULL || *at != '\0' || addr_parse(&read.asked_by, by) < 0) {
		return -EINVAL;
	}
	read.through = strcmp(seen, "passing") == 0;
	*out = read;
	return 0;
}
