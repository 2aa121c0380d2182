/* Whether the daemon is there. */
#include "daemon_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "client.h"
#include "view/view.h"
#include "words.h"

/* 0 = answers, else errno of the attempt. */
static int attempt(const char *runtime_directory)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/minatod.sock",
			      runtime_directory);
	if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
		return ENAMETOOLONG;
	}
	_cleanup_(close_fdp) int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return errno;
	}
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
}

static const char *state_of(int error)
{
	if (error == 0 || error == EAGAIN) {
		return "running";
	}
	return error == EACCES || error == EPERM ? "unreachable" : "stopped";
}

static void take_text(char *to, size_t room, const json_t *events, const char *key)
{
	const char *text = json_string_value(json_object_get(events, key));
	(void)str_copy(to, room, text == NULL ? "" : text);
}

void daemon_state_ask(struct daemon_state *out, const char *runtime_directory)
{
	*out = (struct daemon_state){ .name = state_of(attempt(runtime_directory)) };
	if (strcmp(out->name, "running") != 0) {
		return; /* and libcurl need not be loaded */
	}
	struct str body = STR_INIT(1 << 20);
	long status = 0;
	if (client_get(&body, &status, "/v1/status", NULL) == 0 && status == 200) {
		json_t *document = json_loads(str_text(&body), 0, NULL);
		const json_t *events = json_object_get(document, "events");
		take_text(out->events, sizeof(out->events), events, "source");
		take_text(out->reason, sizeof(out->reason), events, "reason");
		out->rules = json_incref(json_object_get(document, "rules"));
		out->sentry = json_incref(json_object_get(document, "sentry"));
		out->devices = json_incref(json_object_get(document, "devices"));
		json_decref(document);
	}
	str_deinit(&body);
}

void daemon_state_deinit(struct daemon_state *state)
{
	json_decref(state->rules);
	json_decref(state->sentry);
	json_decref(state->devices);
	state->rules = state->sentry = state->devices = NULL;
}

void daemon_state_words(struct str *out, const struct daemon_state *state)
{
	if (strcmp(state->name, "stopped") == 0) {
		str_add(out, _("daemon: not running"));
	} else if (strcmp(state->name, "unreachable") == 0) {
		str_add(out, _("daemon: running, not for this user"));
	} else if (strcmp(state->events, "sweep") == 0) {
		str_add(out, _("daemon: running, by sweeps alone"));
	} else {
		str_add(out, _("daemon: running"));
	}
}

json_t *daemon_state_view(const struct daemon_state *state)
{
	return json_pack("{s:s, s:o, s:o}", "state", state->name, "events",
			 view_string(state->events), "reason", view_string(state->reason));
}
