/* From where the ports are reached, in words. */
#include <string.h>

#include "reach.h"
#include "words.h"

const struct reach_port *reach_port(const struct reach *reach, enum protocol protocol,
				    uint16_t port)
{
	for (size_t i = 0; reach != NULL && i < reach->ports.count; i++) {
		const struct reach_port *found = &reach->ports.items[i];
		if (found->port == port && found->protocol == protocol_registry(protocol)) {
			return found;
		}
	}
	return NULL;
}

const char *reach_words(const struct reach_port *port)
{
	switch (port->kind) {
	case REACH_NOBODY:
		return _("nobody");
	case REACH_DEPENDS:
		return _("depends");
	case REACH_SOME:
		return str_text(&port->names);
	case REACH_ANYWHERE:
		return _("anyone");
	case REACH_UNKNOWN:
		break;
	}
	return "?";
}

void reach_add(struct str *out, const struct reach *reach, const struct context *context)
{
	struct str line = STR_INIT(4096);
	if (reach->why.code == 0 && reach->asked > 0) {
		str_printf(&line,
			   ngettext("Reach: as the kernel decides about %u packet in a copy of all "
				    "rules",
				    "Reach: as the kernel decides about %u packets in a copy of "
				    "all rules",
				    reach->asked),
			   reach->asked);
	} else if (reach->why.code != 0) {
		str_add(&line, _("Reach: by the addresses alone, the rules were not asked: "));
		text_escape(&line, err_text(&reach->why));
	}
	if (line.length > 0) {
		text_wrap(out, str_text(&line), context->columns, 0);
		str_add_char(out, '\n');
	}
	str_deinit(&line);
}
