/* What happened to other machines, in words. */
#include "devices_words.h"

#include "command.h"
#include "devices/devices.h"
#include "words.h"

void devices_add_opening(struct str *out, const struct event *event)
{
	struct devices_opening opening;
	char by[ADDR_TEXT_BYTES];
	if (devices_read_event(&opening, event) < 0) {
		str_add(out, event->detail); /* an audit's words */
		return;
	}
	if (event->port == 0) {
		str_printf(out, _("%s: more than %d ports that nobody declared; no more are told"),
			   opening.host, DEVICES_SEEN_PER_MACHINE);
	} else if (opening.through) {
		str_printf(out, _("%s: not declared; it answered %s, which passed through here"),
			   opening.host, addr_format(&opening.asked_by, by));
	} else {
		str_printf(out, _("%s: not declared; it answered this host"), opening.host);
	}
}

void devices_status_words(struct str *out, const json_t *devices)
{
	const json_int_t opened =
		json_integer_value(json_object_get(devices, "opened_last_24_hours"));
	if (opened <= 0) {
		return;
	}
	str_add(out, _("Devices: "));
	add_counted(out, (size_t)opened, _("%u port opened in 24 hours"),
		    _("%u ports opened in 24 hours"));
	str_add(out, ": minato log --kind port_opened\n");
}
