/* The child that asks for names, and the parent that waits for it. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "base/io/run.h"
#include "base/sockaddr.h"
#include "base/str.h"
#include "resolve/resolve.h"
#include "sandbox/sandbox.h"

enum {
	OUTPUT = 3, /* the child's end of the pipe */
	THREADS_MAX = 16,
};

/* How much longer than the child itself the parent waits for it. */
static const usec_t GRACE_USEC = USEC_PER_SEC;

/* ---- the child: without rights ---- */

static int give_rights_away(void)
{
	/* Configuration and modules of the name service. The two files may be links to elsewhere,
	 * such as /run, where a user's own sockets and secrets are too. */
	static const char *const readable[] = {
		"/etc", "/usr", "/lib", "/etc/resolv.conf", "/etc/hosts", NULL,
	};
	int r = sandbox_nobody(NULL);
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
	const struct addr found = addr_from_sockaddr(address);
	if (addr_is_any(&found)) {
		return; /* what resolvers answer for names that they block */
	}
	if (answer->count == RESOLVE_ADDRESSES_MAX) {
		answer->outcome = RESOLVE_TOO_MANY;
		return;
	}
	answer->addresses[answer->count++] = found;
}

static struct resolve_answer ask_for(const char *name)
{
	/* One of each address, not one for each kind of socket. */
	static const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	struct resolve_answer answer = { .outcome = outcome_of(
						 getaddrinfo(name, NULL, &hints, &found)) };
	if (answer.outcome != RESOLVE_FOUND) {
		return answer;
	}
	for (const struct addrinfo *i = found; i != NULL; i = i->ai_next) {
		take(&answer, i->ai_addr);
	}
	freeaddrinfo(found);
	if (answer.count == 0) {
		answer.outcome = RESOLVE_NO_ADDRESS;
	}
	return answer;
}

/* What the threads share. getaddrinfo_a(3) would do the same, but gai_suspend(3) of glibc 2.36 can
 * leave a counter on its stack to a thread that has just finished. */
struct work {
	const char *const *names;
	size_t count;
	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t changed;
	size_t next; /* name to be asked for */
	size_t done;
	struct resolve_answer *answers; /* NO_REPLY at first */
};

static void *ask_in_turn(void *context)
{
	struct work *work = context;
	(void)pthread_mutex_lock(&work->mutex); /* cannot fail, as all of its kind here */
	while (work->next < work->count) {
		const size_t mine = work->next++;
		(void)pthread_mutex_unlock(&work->mutex);
		const struct resolve_answer answer = ask_for(work->names[mine]);
		(void)pthread_mutex_lock(&work->mutex);
		work->answers[mine] = answer;
		work->done++;
		(void)pthread_cond_signal(&work->changed);
	}
	(void)pthread_mutex_unlock(&work->mutex);
	return NULL;
}

/* @return 0, also when some threads cannot be had. */
static int start_threads(struct work *work)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < THREADS_MAX && i < work->count; i++) {
		pthread_t thread;
		r = pthread_create(&thread, NULL, ask_in_turn, work);
		if (r != 0 && i == 0) {
			return -r;
		}
	}
	return 0;
}

static void wait_for_all(struct work *work, usec_t deadline)
{
	const struct timespec end = { .tv_sec = deadline / USEC_PER_SEC,
				      .tv_nsec = deadline % USEC_PER_SEC * 1000 };
	int r = 0;
	while (work->done < work->count && r == 0) {
		r = pthread_cond_clockwait(&work->changed, &work->mutex, CLOCK_MONOTONIC, &end);
	}
}

/* The mutex stays locked, so that nobody changes what is written: the process ends with it. */
static int ask(const char *const *names, size_t count, usec_t deadline)
{
	static struct resolve_answer answers[RESOLVE_NAMES_MAX];
	static struct work work = { .mutex = PTHREAD_MUTEX_INITIALIZER,
				    .changed = PTHREAD_COND_INITIALIZER,
				    .answers = answers };
	work.names = names;
	work.count = count;
	for (size_t i = 0; i < count; i++) {
		answers[i].outcome = RESOLVE_NO_REPLY;
	}
	int r = start_threads(&work);
	if (r < 0) {
		return r;
	}
	(void)pthread_mutex_lock(&work.mutex);
	wait_for_all(&work, deadline);
	for (size_t i = 0; r == 0 && i < count; i++) {
		uint8_t record[RESOLVE_RECORD_BYTES];
		resolve_encode(record, &answers[i]);
		r = write_all(OUTPUT, record, sizeof(record));
	}
	return r;
}

static _Noreturn void be_child(int output, const char *const *names, size_t count, usec_t deadline)
{
	int r = sandbox_keep_descriptors(&output, 1);
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
