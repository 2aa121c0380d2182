/* What the engine asks of the parent, what the helper answers, what keeper and sentry tell. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "common/say.h"
#include "daemon.h"

/* The message as it came, to the engine; its descriptor too. */
static void pass_to_engine(const struct daemon *daemon, const struct wire_message *message,
			   const int *fds)
{
	const struct child *engine = &daemon->children[CHILD_ENGINE];
	if (engine->socket >= 0) {
		(void)wire_send(engine->socket, message, fds, fds[0] >= 0 ? 1 : 0,
				NULL); /* the engine goes on without it after its time limit */
	}
}

static void pass_to_sentry(const struct daemon *daemon, const struct wire_message *message)
{
	const struct child *sentry = &daemon->children[CHILD_SENTRY];
	if (sentry->socket >= 0) {
		(void)wire_send(sentry->socket, message, NULL, 0,
				NULL); /* a wedged one is found by its silence; the next gets all */
	}
}

/* Who decides what is done. */
static void pass_to_keeper(const struct daemon *daemon, const struct wire_message *message)
{
	const struct child *keeper = &daemon->children[CHILD_KEEPER];
	if (keeper->socket >= 0) {
		(void)wire_send(keeper->socket, message, NULL, 0,
				NULL); /* a wedged one is found by its silence */
	}
}

static int on_helper(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source, (void)events;
	struct daemon *daemon = data;
	struct wire_message message;
	int fds[WIRE_FDS_MAX];
	int r = wire_receive(&message, fds, fd, WIRE_HELPER, NULL);
	if (r == -EAGAIN) {
		return 0;
	}
	if (r < 0) {
		say(SAY_ERROR, "the helper is gone: other network namespaces cannot be seen");
		daemon->helper_io = sd_event_source_disable_unref(daemon->helper_io);
		return 0;
	}
	pass_to_engine(daemon, &message, fds);
	wire_close(fds);
	return 0;
}

int requests_watch(struct daemon *daemon, struct err *e)
{
	int r = sd_event_add_io(daemon->loop, &daemon->helper_io, daemon->helper, EPOLLIN,
				on_helper, daemon);
	return r < 0 ? err_system(e, r, "cannot watch the helper") : 0;
}

/* Without a helper the engine looks at this namespace alone. */
static void ask_helper(const struct daemon *daemon)
{
	const struct wire_message wanted = { .type = WIRE_NETNS_WANTED };
	const struct wire_message none = { .type = WIRE_NETNS_END };
	const int no_fd = -1;
	if (daemon->helper_io == NULL || wire_send(daemon->helper, &wanted, NULL, 0, NULL) < 0) {
		pass_to_engine(daemon, &none, &no_fd);
	}
}

/* The folder of the policy; what is included lies in it or below. */
static int policy_directory(const struct daemon *daemon)
{
	char path[WIRE_TEXT_BYTES];
	(void)str_copy(path, sizeof(path), daemon->options.policy);
	const int fd = open(dirname(path), O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Never anything outside that folder, whatever the engine asks for: no link leads out of it. */
static int open_beneath(const struct daemon *daemon, const char *path)
{
	char folder[WIRE_TEXT_BYTES];
	(void)str_copy(folder, sizeof(folder), daemon->options.policy);
	const char *name = dirname(folder);
	const size_t length = strlen(name);
	const char *rest = path;
	if (strncmp(path, name, length) == 0 && path[length] == '/') {
		rest = path + length + 1;
	}
	_cleanup_(close_fdp) int directory = policy_directory(daemon);
	if (directory < 0) {
		return directory;
	}
	const struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_(close_fdp) int fd = (int)syscall(SYS_openat2, directory, rest, &how, sizeof(how));
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0) {
		return -errno;
	}
	return S_ISREG(status.st_mode) ? steal_fd(&fd) : -EINVAL;
}

static void answer_file(const struct daemon *daemon, uint32_t request, const char *path)
{
	_cleanup_(close_fdp) int fd = open_beneath(daemon, path);
	const struct wire_message answer = {
		.type = WIRE_FILE,
		.request = request,
		.file = { .error = fd < 0 ? (uint32_t)-fd : 0 },
	};
	pass_to_engine(daemon, &answer, &fd);
}

int request_handle(struct daemon *daemon, const struct wire_message *message)
{
	const int no_fd = -1;
	switch (message->type) {
	case WIRE_NETNS_WANTED:
		ask_helper(daemon);
		return 0;
	case WIRE_FILE_WANTED:
		answer_file(daemon, message->request, message->file_wanted.path);
		return 0;
	case WIRE_RULES:
		daemon->rules = message->rules;
		pass_to_engine(daemon, message, &no_fd);
		return 0;
	case WIRE_RULES_NEWS:
	case WIRE_CONTRADICTION:
	case WIRE_TAPPED:
	case WIRE_WATCHED:
		pass_to_engine(daemon, message, &no_fd);
		return 0;
	case WIRE_ANSWERED:
		pass_to_engine(daemon, message, &no_fd);
		return 0;
	case WIRE_DEVICES:
		pass_to_keeper(daemon, message);
		return 0;
	case WIRE_INCIDENT:
		pass_to_engine(daemon, message, &no_fd);
		pass_to_keeper(daemon, message);
		return 0;
	case WIRE_TRAPPED:
		pass_to_keeper(daemon, message);
		return 0;
	case WIRE_ORDERED:
		if (message->request != 0) {
			control_ordered(daemon, message->request, message->order.text);
		}
		return 0;
	case WIRE_DECOYS:
		decoys_take(daemon, message->order.text);
		return 0;
	case WIRE_OPEN_PORTS:
		pass_to_sentry(daemon, message);
		return 0;
	default:
		return -EPROTO;
	}
}
