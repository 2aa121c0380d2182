/* Records of binds and connects that did not fit, and the words of the guards. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "bpf/guard.h"
#include "guard/guard.h"

enum { NSEC_PER_USEC = 1000 };

/* The records have the kernel's side's numbers. */
_Static_assert((int)GUARD_MISFIT_USER == (int)GUARD_OTHER_USER, "");
_Static_assert((int)GUARD_MISFIT_EXECUTABLE == (int)GUARD_OTHER_EXECUTABLE, "");
_Static_assert((int)GUARD_MISFIT_UNIT == (int)GUARD_OTHER_UNIT, "");
_Static_assert((int)GUARD_MISFIT_CONTAINER == (int)GUARD_OTHER_CONTAINER, "");

_Static_assert((int)GUARD_MISFIT_DESTINATION == (int)GUARD_OTHER_DESTINATION, "");
_Static_assert((int)GUARD_MISFIT_ENDED == (int)GUARD_ENDED, "");

_Static_assert((int)GUARD_UNIT_NAME_BYTES == (int)GUARD_UNIT_BYTES, "");

int guard_attempt_read(struct guard_attempt *out, const void *record, size_t length,
		       usec_t boot_offset)
{
	struct guard_record raw;
	if (length != sizeof(raw)) {
		return -EBADMSG;
	}
	memcpy(&raw, record, sizeof(raw));
	bool known = (raw.family == AF_INET || raw.family == AF_INET6) &&
		     (raw.protocol == PROTOCOL_TCP || raw.protocol == PROTOCOL_UDP) &&
		     raw.reason >= GUARD_OTHER_USER && raw.reason <= GUARD_ENDED;
	if (!known) {
		return -EBADMSG;
	}
	*out = (struct guard_attempt){
		.time = (usec_t)(raw.time_ns / NSEC_PER_USEC) + boot_offset,
		.pid = raw.pid,
		.uid = raw.uid,
		.protocol = (enum protocol)raw.protocol,
		.port = raw.port,
		.address = raw.family == AF_INET ? addr_from_ipv4(raw.address)
						 : addr_from_ipv6(raw.address),
		.netns_cookie = raw.netns_cookie,
		.misfit = (enum guard_misfit)raw.reason,
		.refused = (raw.flags & GUARD_RECORD_REFUSED) != 0,
		.outgoing = (raw.flags & GUARD_RECORD_CONNECT) != 0,
	};
	memcpy(out->process, raw.name, sizeof(out->process) - 1);
	memcpy(out->unit, raw.unit, sizeof(out->unit) - 1);
	return 0;
}

const char *guard_misfit_name(enum guard_misfit misfit)
{
	static const char *const names[] = {
		[GUARD_MISFIT_USER] = "user",
		[GUARD_MISFIT_EXECUTABLE] = "executable",
		[GUARD_MISFIT_UNIT] = "unit",
		[GUARD_MISFIT_CONTAINER] = "container",
		[GUARD_MISFIT_DESTINATION] = "destination",
		[GUARD_MISFIT_ENDED] = "ended",
	};
	return names[misfit];
}

const char *guard_mode_name(enum guard_mode mode)
{
	return mode == GUARD_ENFORCE ? "enforce" : "observe";
}

const char *guard_note_name(enum guard_note_kind kind)
{
	static const char *const names[] = {
		[GUARD_NOTE_SPARED] = "spared",
		[GUARD_NOTE_NO_USER] = "no_user",
		[GUARD_NOTE_NO_EXECUTABLE] = "no_executable",
		[GUARD_NOTE_NO_CONTAINER] = "no_container",
		[GUARD_NOTE_TOO_LONG] = "too_long",
		[GUARD_NOTE_PROTOCOL] = "protocol",
		[GUARD_NOTE_TOO_MANY] = "too_many",
		[GUARD_NOTE_WEAK] = "weak",
		[GUARD_NOTE_CONTAINER] = "container",
		[GUARD_NOTE_OWN_NETWORK] = "own_network",
	};
	return names[kind];
}
