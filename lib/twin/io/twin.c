/* The twin's life: a child makes it, and its descriptors are all that stays. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "twin/io/parts.h"

enum { DOUBTS_MAX_BYTES = 1 << 20, LISTING_MAX_BYTES = RULES_MAX_BYTES };

/* ---- The child's last word ---- */

static int hand_over(int socket, const int parts[PARTS], struct err *e)
{
	char control[CMSG_SPACE(PARTS * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec text = { .iov_base = e, .iov_len = sizeof(*e) };
	struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };
	int open[PARTS];
	size_t count = 0;
	for (size_t i = 0; e->code == 0 && i < PARTS; i++) {
		/* What there is not (IPv6) is sent as something of no use, so that all keep their
		 * places. */
		open[count++] = parts[i] >= 0 ? parts[i] : parts[PART_DOUBTS];
	}
	if (count > 0) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(count * sizeof(int)),
					    .cmsg_level = SOL_SOCKET,
					    .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(header), open, count * sizeof(int));
	}
	return sendmsg(socket, &message, 0) < 0 ? -errno : 0;
}

/* Dies with its parent, also while it makes the twin: the namespaces go with it. */
static _Noreturn void be_child(int socket, const struct build_order *order, pid_t parent)
{
	int parts[PARTS];
	struct err e = ERR_INIT;
	memset(parts, -1, sizeof(parts));
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
	if (getppid() != parent) {
		_exit(EXIT_FAILURE);
	}
	int r = build_twin(parts, order, &e);
	if (r < 0 && e.code == 0) {
		(void)err_system(&e, r, "cannot make the twin"); /* the code is in e */
	}
	_exit(hand_over(socket, parts, &e) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int receive(int parts[PARTS], int socket, struct err *e)
{
	char control[CMSG_SPACE(PARTS * sizeof(int))] __attribute__((aligned(8)));
	struct err told = ERR_INIT;
	struct iovec text = { .iov_base = &told, .iov_len = sizeof(told) };
	struct msghdr message = { .msg_iov = &text,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t length = -1;
	do {
		length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (length < 0 && errno == EINTR);
	if (length != (ssize_t)sizeof(told)) {
		return err_system(e, length < 0 ? errno : EIO, "the twin ended before its time");
	}
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_len == CMSG_LEN(PARTS * sizeof(int))) {
		memcpy(parts, CMSG_DATA(header), PARTS * sizeof(int));
	} else if (told.code == 0) {
		told.code = -EMFILE;
	}
	told.text[sizeof(told.text) - 1] = '\0';
	return told.code < 0 ? err_set(e, told.code, "%s", err_text(&told)) : 0;
}

/* ---- What it left in memory ---- */

static int read_memory(char **out, size_t *length, int fd, size_t max_bytes)
{
	struct stat status;
	if (fstat(fd, &status) < 0) {
		return -errno;
	}
	if ((size_t)status.st_size > max_bytes) {
		return -EFBIG;
	}
	_cleanup_(freep) char *text = calloc(1, (size_t)status.st_size + 1);
	if (text == NULL) {
		return -ENOMEM;
	}
	ssize_t read = pread(fd, text, (size_t)status.st_size, 0);
	if (read != status.st_size) {
		return read < 0 ? -errno : -EIO;
	}
	*length = (size_t)read;
	*out = steal(&text);
	return 0;
}

static int add_doubt(struct twin *twin, enum twin_doubt_kind kind, const char *detail)
{
	const char *kept = arena_strdup(&twin->arena, detail);
	struct twin_doubt *doubt = kept == NULL ? NULL : vec_push(&twin->doubts);
	if (doubt == NULL) {
		return -ENOMEM;
	}
	*doubt = (struct twin_doubt){ .kind = kind, .detail = kept, .owner = "" };
	return 0;
}

static int read_doubts(struct twin *twin)
{
	_cleanup_(freep) char *text = NULL;
	size_t length = 0;
	int r = read_memory(&text, &length, twin->parts[PART_DOUBTS], DOUBTS_MAX_BYTES);
	for (size_t i = 0; r == 0 && i < twin->host->doubts.count; i++) {
		r = add_doubt(twin, twin->host->doubts.items[i].kind,
			      twin->host->doubts.items[i].detail);
	}
	char *rest = text;
	for (char *line; r == 0 && (line = strsep(&rest, "\n")) != NULL;) {
		size_t digits = strcspn(line, " ");
		uint64_t kind = 0;
		if (line[digits] == ' ' &&
		    parse_u64_bytes(&kind, line, digits, 0, TWIN_DOUBT_LOST) == 0) {
			r = add_doubt(twin, (enum twin_doubt_kind)kind, line + digits + 1);
		}
	}
	return r;
}

static int read_links(struct twin *twin)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t length = 0;
	int r = read_memory(&bytes, &length, twin->parts[PART_LINKS], DOUBTS_MAX_BYTES);
	if (r == 0 && length != twin->host->links.count * sizeof(*twin->links)) {
		return -EIO;
	}
	twin->links = (void *)steal(&bytes); /* calloc aligns for any type */
	return r;
}

static int read_listing(struct twin *twin, bool has_candidate)
{
	_cleanup_(freep) char *listing = NULL;
	size_t length = 0;
	const char *same = twin->host->rules.text;
	int r = read_memory(&listing, &length, twin->parts[PART_LISTING], LISTING_MAX_BYTES);
	if (r < 0 || has_candidate) {
		return r < 0 ? r : twin_rules_read(&twin->legend.twin, steal(&listing));
	}
	r = twin_rules_read(&twin->legend.twin, strdup(same));
	if (r == 0) {
		twin_rules_renumber(&twin->legend.twin, listing);
	}
	return r;
}

static int read_memories(struct twin *twin, bool has_candidate)
{
	int r = read_listing(twin, has_candidate);
	r = r < 0 ? r : legend_suspect(&twin->legend);
	r = r < 0 ? r : read_links(twin);
	return r < 0 ? r : read_doubts(twin);
}

/* ---- Its life ---- */

struct twin *twin_free(struct twin *twin)
{
	if (twin == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < PARTS; i++) {
		close_fdp(&twin->parts[i]);
	}
	twin_rules_deinit(&twin->legend.twin);
	vec_free(&twin->legend.suspects);
	free(twin->links);
	vec_free(&twin->doubts);
	arena_deinit(&twin->arena);
	free(twin);
	return NULL;
}

static struct twin *twin_empty(const struct twin_host *host)
{
	struct twin *twin = calloc(1, sizeof(*twin));
	if (twin == NULL) {
		return NULL;
	}
	memset(twin->parts, -1, sizeof(twin->parts));
	arena_init(&twin->arena, DOUBTS_MAX_BYTES);
	twin->host = host;
	twin->legend.host = &host->rules;
	for (size_t i = 0; i < HOST_FAMILIES; i++) {
		twin->legend.saved[i] = host->saved[i];
	}
	/* Where counting starts need not be secret: nobody else sends into the twin. */
	if (getrandom(&twin->cookie, sizeof(twin->cookie), GRND_NONBLOCK) < 0) {
		twin->cookie = 1;
	}
	return twin;
}

static int make(struct twin **out, const struct build_order *order, struct err *e)
{
	int ends[2];
	_cleanup_(twin_freep) struct twin *twin = twin_empty(order->host);
	if (twin == NULL) {
		return err_system(e, ENOMEM, "cannot make the twin");
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		return err_system(e, errno, "cannot make the twin");
	}
	_cleanup_(close_fdp) int own = ends[0];
	_cleanup_(close_fdp) int theirs = ends[1];
	const pid_t parent = getpid();
	const pid_t child = fork();
	if (child < 0) {
		return err_system(e, errno, "cannot make the twin");
	}
	if (child == 0) {
		be_child(theirs, order, parent);
	}
	close_fdp(&theirs);
	int r = receive(twin->parts, own, e);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
	}
	if (r == 0) {
		r = read_memories(twin, order->candidate != NULL);
		r = r < 0 ? err_system(e, r, "cannot read what the twin says") : 0;
	}
	if (r == 0) {
		*out = steal(&twin);
	}
	return r;
}

int twin_new(struct twin **out, const struct twin_host *host, const char *candidate, struct err *e)
{
	return make(out, &(struct build_order){ .host = host, .candidate = candidate }, e);
}

int twin_new_as(struct twin **out, const struct twin_host *host, const uint32_t *user,
		struct err *e)
{
	int r = make(out, &(struct build_order){ .host = host, .user = user }, e);
	if (r == 0) { /* else all is as the one who asks */
		(*out)->has_owner = user != NULL && geteuid() == 0;
	}
	return r;
}

size_t twin_doubts(const struct twin *twin, const struct twin_doubt **doubts)
{
	*doubts = twin->doubts.items;
	return twin->doubts.count;
}
