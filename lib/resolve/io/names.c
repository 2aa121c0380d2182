/* The child that asks for names, and the parent that waits for it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "base/io/run.h"
#include "base/str.h"
#include "resolve/resolve.h"
#include "sandbox/sandbox.h"

enum {
	NOBODY = 65534, /* Debian policy 9.2.2: owns no file, so nobody loses what is its own */
	OUTPUT = 3,     /* the child's end of the pipe */
};

/* How much longer than the child itself the parent waits for it. */
static const usec_t GRACE_USEC = USEC_PER_SEC;

/* ---- the child: without rights ---- */

/* Descriptors of the parent, such as the lock of the record, are none of its business. */
static int keep_output(int output)
{
	const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int moved = fcntl(output, F_DUPFD_CLOEXEC, OUTPUT + 1); /* out of the way of 0..3 */
	if (nothing < 0 || moved < 0) {
		return -errno;
	}
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (dup2(nothing, fd) < 0) {
			return -errno;
		}
	}
	return dup2(moved, OUTPUT) < 0 || close_range(OUTPUT + 1, ~0U, 0) < 0 ? -errno : 0;
}

static int become_nobody(void)
{
	static const int needed[] = { CAP_SETUID, CAP_SETGID };
	const gid_t group = NOBODY;
	int r = sandbox_capabilities(needed, sizeof(needed) / sizeof(needed[0]), NULL);
	return r == 0 ? sandbox_become(NOBODY, &group, 1, NULL) : r;
}

static int give_rights_away(void)
{
	/* Configuration, modules of the name service, sockets of resolvers. The two files may be
	 * links to elsewhere. */
	static const char *const readable[] = {
		"/etc", "/usr", "/lib", "/run", "/etc/resolv.conf", "/etc/hosts", NULL,
	};
	const struct rlimit none = { 0, 0 };
	int r = setrlimit(RLIMIT_CORE, &none) < 0 ? -errno : 0;
	if (r == 0 && geteuid() == 0) {
		r = become_nobody();
	}
	if (r == 0) {
		r = sandbox_capabilities(NULL, 0, NULL);
	}
	if (r == 0) {
		r = sandbox_no_new_privileges(NULL);
	}
	if (r == 0) {
		r = sandbox_only_read(readable, NULL);
		r = r == -EOPNOTSUPP ? 0 : r;
	}
	return r == 0 ? sandbox_syscalls(SANDBOX_RESOLVER, NULL) : r;
}

/* ---- the child: asking ---- */

static enum resolve_outcome outcome_of(int error)
{
	switch (error) {
	case 0:
		return RESOLVE_FOUND;
	case EAI_NONAME:
		return RESOLVE_NO_NAME;
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return RESOLVE_NO_ADDRESS;
	default:
		return RESOLVE_NO_REPLY;
	}
}

static void take(struct resolve_answer *answer, const struct sockaddr *address)
{
	struct addr found = { 0 };
	if (address->sa_family == AF_INET) {
		found = addr_from_ipv4(&((const struct sockaddr_in *)address)->sin_addr);
	} else if (address->sa_family == AF_INET6) {
		found = addr_from_ipv6(&((const struct sockaddr_in6 *)address)->sin6_addr);
	}
	if (addr_is_any(&found)) {
		return; /* what resolvers answer for names that they block */
	}
	if (answer->count == RESOLVE_ADDRESSES_MAX) {
		answer->outcome = RESOLVE_TOO_MANY;
		return;
	}
	answer->addresses[answer->count++] = found;
}

static struct resolve_answer answer_of(struct gaicb *request)
{
	struct resolve_answer answer = { .outcome = outcome_of(gai_error(request)) };
	if (answer.outcome != RESOLVE_FOUND) {
		return answer;
	}
	for (const struct addrinfo *i = request->ar_result; i != NULL; i = i->ai_next) {
		take(&answer, i->ai_addr);
	}
	if (answer.outcome == RESOLVE_TOO_MANY) {
		answer.count = 0;
	} else if (answer.count == 0) {
		answer.outcome = RESOLVE_NO_ADDRESS;
	}
	return answer;
}

static size_t still_asked(const struct gaicb **out, struct gaicb *requests, size_t count)
{
	size_t left = 0;
	for (size_t i = 0; i < count; i++) {
		if (gai_error(&requests[i]) == EAI_INPROGRESS) {
			out[left++] = &requests[i];
		}
	}
	return left;
}

static void wait_for_all(struct gaicb *requests, size_t count, usec_t deadline)
{
	const struct gaicb *waiting[RESOLVE_NAMES_MAX];
	size_t left = 0;
	while ((left = still_asked(waiting, requests, count)) > 0) {
		const usec_t time = deadline - clock_monotonic();
		if (time <= 0) {
			return;
		}
		const struct timespec timeout = { .tv_sec = time / USEC_PER_SEC,
						  .tv_nsec = time % USEC_PER_SEC * 1000 };
		(void)gai_suspend(waiting, (int)left, &timeout); /* the loop looks by itself */
	}
}

static int ask(const char *const *names, size_t count, usec_t deadline)
{
	/* One of each address, not one for each kind of socket. */
	static const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	static struct gaicb requests[RESOLVE_NAMES_MAX];
	struct gaicb *list[RESOLVE_NAMES_MAX];
	for (size_t i = 0; i < count; i++) {
		requests[i] = (struct gaicb){ .ar_name = names[i], .ar_request = &hints };
		list[i] = &requests[i];
	}
	if (getaddrinfo_a(GAI_NOWAIT, list, (int)count, NULL) != 0) {
		return -EAGAIN;
	}
	wait_for_all(requests, count, deadline);
	for (size_t i = 0; i < count; i++) {
		uint8_t record[RESOLVE_RECORD_BYTES];
		const struct resolve_answer answer = answer_of(&requests[i]);
		resolve_encode(record, &answer);
		int r = write_all(OUTPUT, (const char *)record, sizeof(record));
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

static _Noreturn void be_child(int output, const char *const *names, size_t count, usec_t deadline)
{
	int r = keep_output(output);
	if (r == 0) {
		(void)clearenv(); /* the resolver's options are those of the host */
		r = give_rights_away();
	}
	_exit(r == 0 && ask(names, count, deadline) == 0 ? 0 : 1);
}

/* ---- the parent ---- */

static int collect(struct str *out, const char *const *names, size_t count, usec_t timeout)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0) {
		return -errno;
	}
	_cleanup_(close_fdp) int input = ends[0];
	_cleanup_(close_fdp) int output = ends[1];
	const pid_t child = fork();
	if (child < 0) {
		return -errno;
	}
	if (child == 0) {
		be_child(output, names, count, clock_monotonic() + timeout);
	}
	close_fdp(&output);
	return run_finish(out, input, child, timeout + GRACE_USEC);
}

int resolve_names(struct resolve_answer *answers, const char *const *names, size_t count,
		  usec_t timeout, struct err *e)
{
	if (count > RESOLVE_NAMES_MAX) {
		return err_set(e, EINVAL, "more than %d names", RESOLVE_NAMES_MAX);
	}
	if (count == 0) {
		return 0;
	}
	struct str bytes = STR_INIT(count * RESOLVE_RECORD_BYTES);
	int r = collect(&bytes, names, count, timeout);
	if (r == 0) {
		r = resolve_decode(answers, count, (const uint8_t *)str_text(&bytes), bytes.length);
	}
	str_deinit(&bytes);
	return r < 0 ? err_system(e, r, "the process that asks for host names failed") : 0;
}
