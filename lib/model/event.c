/* Names of event kinds. */
#include "model/event.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = {
	[EVENT_NONE] = "none",
	[EVENT_LISTENER_OPENED] = "listener_opened",
	[EVENT_LISTENER_CLOSED] = "listener_closed",
	[EVENT_OWNER_CHANGED] = "owner_changed",
	[EVENT_FINDING_RAISED] = "finding_raised",
	[EVENT_FINDING_CLEARED] = "finding_cleared",
	[EVENT_DAEMON_STARTED] = "daemon_started",
	[EVENT_DAEMON_STOPPED] = "daemon_stopped",
	[EVENT_RECORDS_LOST] = "records_lost",
	[EVENT_CHILD_RESTARTED] = "child_restarted",
	[EVENT_STORE_DAMAGED] = "store_damaged",
	[EVENT_RULES_LOST] = "rules_lost",
	[EVENT_RULES_RESTORED] = "rules_restored",
	[EVENT_RULES_CHANGED] = "rules_changed",
	[EVENT_RULES_CONFIRMED] = "rules_confirmed",
	[EVENT_RULES_REVERTED] = "rules_reverted",
	[EVENT_RULES_TRIED] = "rules_tried",
	[EVENT_RULES_OFF] = "rules_off",
	[EVENT_BIND_REFUSED] = "bind_refused",
	[EVENT_BIND_WATCHED] = "bind_watched",
	[EVENT_DECLARATION_EXPIRED] = "declaration_expired",
	[EVENT_REFUSED] = "refused",
	[EVENT_WOULD_REFUSE] = "would_refuse",
	[EVENT_LET_IN] = "let_in",
	[EVENT_SCAN_STARTED] = "scan_started",
	[EVENT_SCAN_ENDED] = "scan_ended",
	[EVENT_BANNED] = "banned",
	[EVENT_BAN_ENDED] = "ban_ended",
	[EVENT_ANOMALY] = "anomaly",
	[EVENT_CONNECT_REFUSED] = "connect_refused",
	[EVENT_CONNECT_WATCHED] = "connect_watched",
	[EVENT_FORWARD_REFUSED] = "forward_refused",
	[EVENT_FORWARD_WOULD_REFUSE] = "forward_would_refuse",
	[EVENT_FORWARD_PASSED] = "forward_passed",
	[EVENT_AUDITED] = "audited",
	[EVENT_PORT_OPENED] = "port_opened",
	[EVENT_PORT_CLOSED] = "port_closed",
};

bool event_kind_is_known(unsigned kind)
{
	return kind != EVENT_NONE && kind <= EVENT_KIND_LAST && names[kind] != NULL;
}

const char *event_kind_name(enum event_kind kind)
{
	return event_kind_is_known(kind) ? names[kind] : names[EVENT_NONE];
}

int event_kind_parse(enum event_kind *out, const char *name)
{
	for (unsigned i = 1; i <= EVENT_KIND_LAST; i++) {
		if (event_kind_is_known(i) && strcmp(names[i], name) == 0) {
			*out = (enum event_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}
