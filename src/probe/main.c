/*
 * minato-probe: carries one order out, without any right; the word it is started with says of which
 * kind. SANDBOX_CHANNEL is a socket that keeps the borders of messages: the order comes in, a
 * record for each step goes out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/capture.h"
#include "probe/probe.h"
#include "sandbox/sandbox.h"

static int give_rights_away(void)
{
	/* What is trusted, looked up when a certificate comes. */
	static const char *const readable[] = {
		"/etc/ssl",
		"/usr/lib/ssl",
		"/usr/share/ca-certificates",
		"/usr/local/share/ca-certificates",
		"/etc/pki",
		NULL,
	};
	int r = sandbox_nobody(NULL);
	if (r == 0) {
		r = sandbox_only_read(readable, NULL);
		r = r == -EOPNOTSUPP ? 0 : r;
	}
	return r == 0 ? sandbox_syscalls(SANDBOX_PROBER, NULL) : r;
}

static int tell(void *data, const struct probe_record *record)
{
	(void)data;
	return send(SANDBOX_CHANNEL, record, sizeof(*record), MSG_NOSIGNAL) ==
			       (ssize_t)sizeof(*record)
		       ? 0
		       : -EPIPE;
}

/* A step of a check at a time. */
static int check(struct probe_tls_context *tls)
{
	struct probe_order order;
	const ssize_t length = recv(SANDBOX_CHANNEL, &order, sizeof(order), 0);
	if (length != (ssize_t)sizeof(order) || !probe_order_valid(&order)) {
		return EXIT_FAILURE;
	}
	return probe_run(&order, tls, tell, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Packets of a check's connection. */
static int packets(struct probe_tls_context *tls)
{
	(void)tls;
	return capture_connection_serve(SANDBOX_CHANNEL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What it may be started for; each reads its own order from SANDBOX_CHANNEL. */
static const struct role {
	const char *name;
	int (*run)(struct probe_tls_context *tls);
} roles[] = {
	{ "check", check },
	{ "packets", packets },
};

static const struct role *role_named(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (strcmp(roles[i].name, name) == 0) {
			return &roles[i];
		}
	}
	return NULL;
}

int main(int count, char **words)
{
	const struct role *role = count == 2 ? role_named(words[1]) : NULL;
	if (role == NULL) {
		return EXIT_FAILURE;
	}
	struct probe_tls_context *tls = probe_tls_prepare();
	return give_rights_away() < 0 ? SANDBOX_EXIT_RIGHTS : role->run(tls);
}
