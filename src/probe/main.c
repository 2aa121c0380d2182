/*
 * minato-probe: carries one order out, without any right; the word it is started with says of which
 * kind. SANDBOX_CHANNEL is a socket that keeps the borders of messages: the order comes in, a
 * record for each step goes out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/capture.h"
#include "discover/discover.h"
#include "identify/identify.h"
#include "measure/measure.h"
#include "probe/probe.h"
#include "sandbox/sandbox.h"
#include "tls/tls.h"

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
	return sandbox_send(SANDBOX_CHANNEL, record, sizeof(*record));
}

/* A step of a check at a time. */
static int check(void *tls)
{
	struct probe_order order;
	if (sandbox_take_order(SANDBOX_CHANNEL, &order, sizeof(order)) < 0 ||
	    !probe_order_valid(&order)) {
		return EXIT_FAILURE;
	}
	return probe_run(&order, tls, tell, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Packets of a check's connection. */
static int packets(void *unused)
{
	(void)unused;
	return capture_connection_serve(SANDBOX_CHANNEL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int tell_identity(void *data, const struct identity *identity)
{
	(void)data;
	return sandbox_send(SANDBOX_CHANNEL, identity, sizeof(*identity));
}

/* What speaks at a port at a time. */
static int identify(void *tls)
{
	static struct identify_order order;
	if (sandbox_take_order(SANDBOX_CHANNEL, &order, sizeof(order)) < 0 ||
	    !identify_order_valid(&order)) {
		return EXIT_FAILURE;
	}
	return identify_run(&order, tls, tell_identity, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Which measures are done at a service. */
static int measure(void *tls)
{
	static struct measure_order order;
	static struct measure_answer answer;
	if (sandbox_take_order(SANDBOX_CHANNEL, &order, sizeof(order)) < 0 ||
	    !measure_order_valid(&order)) {
		return EXIT_FAILURE;
	}
	measure_run(&answer, &order, tls);
	return sandbox_send(SANDBOX_CHANNEL, &answer, sizeof(answer)) < 0 ? EXIT_FAILURE
									  : EXIT_SUCCESS;
}

static int tell_encryption(void *data, const struct tls_record *record)
{
	(void)data;
	return sandbox_send(SANDBOX_CHANNEL, record, sizeof(*record));
}

/* How ports encrypt, a record for each. */
static int encryption(void *tls)
{
	static struct tls_order order;
	if (sandbox_take_order(SANDBOX_CHANNEL, &order, sizeof(order)) < 0 ||
	    !tls_order_valid(&order)) {
		return EXIT_FAILURE;
	}
	return tls_run(&order, tls, tell_encryption, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int tell_discovered(const struct discover_record *record, void *data)
{
	static unsigned told;
	/* What would not be believed is not worth saying: of another network, mostly. */
	if (!discover_record_valid(record, data) || told++ >= DISCOVER_RECORDS_MAX) {
		return 0;
	}
	return sandbox_send(SANDBOX_CHANNEL, record, sizeof(*record));
}

/* A word of a device at a time. */
static int discover(void *unused)
{
	(void)unused;
	struct discover_order order;
	if (sandbox_take_order(SANDBOX_CHANNEL, &order, sizeof(order)) < 0 ||
	    !discover_order_valid(&order)) {
		return EXIT_FAILURE;
	}
	return discover_run(&order, tell_discovered, &order) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What another host found out, over ssh(1). */
static int via(void *prepared)
{
	(void)prepared;
	return probe_via_serve(SANDBOX_CHANNEL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What connections begin with, of all ports. */
static int watch(void *unused)
{
	(void)unused;
	return tls_watch_serve(SANDBOX_CHANNEL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void *prepare_check(void)
{
	return probe_tls_prepare();
}

static void *prepare_identify(void)
{
	return identify_tls_prepare();
}

static void *prepare_encryption(void)
{
	return tls_context_new();
}

/*
 * What it may be started for; each reads its own order from SANDBOX_CHANNEL. What has to be made
 * ready while there are rights, such as a TLS library, is made by `prepare` (NULL = nothing).
 */
static const struct role {
	const char *name;
	void *(*prepare)(void);
	int (*run)(void *prepared);
} roles[] = {
	{ "check", prepare_check, check },
	{ "packets", NULL, packets },
	{ "discover", NULL, discover },
	{ "via", NULL, via },
	{ "identify", prepare_identify, identify },
	{ "measure", prepare_check, measure },
	{ "encryption", prepare_encryption, encryption },
	{ "watch", NULL, watch },
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
	void *prepared = role->prepare == NULL ? NULL : role->prepare();
	return give_rights_away() < 0 ? SANDBOX_EXIT_RIGHTS : role->run(prepared);
}
