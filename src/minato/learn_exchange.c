/* One web page over TCP and one datagram over UDP, on a loopback of its own where that may be made.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/account.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "base/sockaddr.h"
#include "capture/capture.h"
#include "check.h"
#include "learn.h"
#include "words.h"

enum {
	HTTP_PORT = 80,
	NAMELESS = 0, /* the kernel chooses */
	ROWS_MAX = CAPTURE_PACKETS_MAX,
	DRAWING_BYTES = 1 << 18,
	PATIENCE_MS = 2000,
	PATIENCE_SECONDS = 20, /* of the whole, in its process */
};

static const char QUESTION[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n"
			     "Connection: close\r\n\r\nHello from your own!";

/* ---- two sockets that talk ---- */

/* What was done, for where its packets may not be seen. */
struct step {
	usec_t at;
	enum figure_way way;
	const char *label;
};

struct talk {
	enum protocol protocol;
	int client, server, accepted; /* sockets */
	struct sockaddr_storage to, from;
	struct capture_connection connection;
	int capture; /* -1 = its packets may not be seen */
	usec_t began;
	struct step steps[16];
	size_t step_count;
	struct capture_packet packets[CAPTURE_PACKETS_MAX];
	size_t packet_count;
	uint64_t more;
};

static void note(struct talk *t, enum figure_way way, const char *label)
{
	t->steps[t->step_count++] = (struct step){ clock_monotonic() - t->began, way, label };
}

static int bound_socket(struct sockaddr_storage *at, int type, uint16_t port)
{
	const uint8_t loopback[] = { 127, 0, 0, 1 };
	const struct addr here = addr_from_ipv4(loopback);
	socklen_t length = sockaddr_from_addr(at, &here, port);
	_cleanup_(close_fdp) int made = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (made < 0 || bind(made, (struct sockaddr *)at, length) < 0 ||
	    getsockname(made, (struct sockaddr *)at, &length) < 0) {
		return -1;
	}
	return steal_fd(&made);
}

static bool ready(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	return poll(&wait, 1, PATIENCE_MS) == 1;
}

static int begin(struct talk *t, enum protocol protocol, uint16_t port)
{
	const bool tcp = protocol == PROTOCOL_TCP;
	*t = (struct talk){ .protocol = protocol, .accepted = -1, .capture = -1 };
	t->server = bound_socket(&t->to, tcp ? SOCK_STREAM : SOCK_DGRAM, port);
	t->client = bound_socket(&t->from, tcp ? SOCK_STREAM : SOCK_DGRAM, NAMELESS);
	if (t->server < 0 || t->client < 0 || (tcp && listen(t->server, 1) < 0)) {
		return -EADDRNOTAVAIL;
	}
	t->connection = (struct capture_connection){
		.protocol = protocol,
		.peer_count = 1,
		.local_port = sockaddr_port((struct sockaddr *)&t->from),
		.remote_port = sockaddr_port((struct sockaddr *)&t->to),
		.peers = { addr_from_sockaddr((struct sockaddr *)&t->to) },
	};
	(void)capture_connection_open(&t->capture, &t->connection, NULL); /* -1 says it */
	t->began = clock_monotonic();
	return 0;
}

static void end(struct talk *t)
{
	const struct timespec last_ones = { .tv_nsec = 20L * 1000 * 1000 };
	close_fdp(&t->accepted);
	close_fdp(&t->client);
	close_fdp(&t->server);
	if (t->capture >= 0) {
		(void)nanosleep(&last_ones, NULL);
		if (capture_connection_collect(t->packets, &t->packet_count, &t->more, t->capture,
					       &t->connection, NULL) < 0) {
			t->packet_count = 0;
		}
	}
	close_fdp(&t->capture);
}

static int talk_tcp(struct talk *t)
{
	char room[512];
	if (connect(t->client, (struct sockaddr *)&t->to, sizeof(struct sockaddr_in)) < 0) {
		return -errno;
	}
	note(t, FIGURE_TO_SERVER, "SYN");
	note(t, FIGURE_TO_CLIENT, "SYN, ACK");
	note(t, FIGURE_TO_SERVER, "ACK");
	t->accepted = accept4(t->server, NULL, NULL, SOCK_CLOEXEC);
	if (t->accepted < 0 || write_all(t->client, QUESTION, sizeof(QUESTION) - 1) < 0) {
		return -EIO;
	}
	note(t, FIGURE_TO_SERVER, "GET / HTTP/1.1");
	if (!ready(t->accepted) || read(t->accepted, room, sizeof(room)) <= 0 ||
	    write_all(t->accepted, ANSWER, sizeof(ANSWER) - 1) < 0 || !ready(t->client) ||
	    read(t->client, room, sizeof(room)) <= 0) {
		return -EIO;
	}
	note(t, FIGURE_TO_CLIENT, "HTTP/1.1 200 OK");
	(void)shutdown(t->accepted, SHUT_WR); /* both say that this was all */
	note(t, FIGURE_TO_CLIENT, "FIN");
	(void)shutdown(t->client, SHUT_WR);
	note(t, FIGURE_TO_SERVER, "FIN");
	return 0;
}

static int talk_udp(struct talk *t)
{
	char room[512];
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	const socklen_t of_ipv4 = sizeof(struct sockaddr_in);
	if (sendto(t->client, QUESTION, sizeof(QUESTION) - 1, 0, (struct sockaddr *)&t->to,
		   of_ipv4) < 0) {
		return -errno;
	}
	note(t, FIGURE_TO_SERVER, "GET / HTTP/1.1");
	if (!ready(t->server) ||
	    recvfrom(t->server, room, sizeof(room), 0, (struct sockaddr *)&from, &length) <= 0 ||
	    sendto(t->server, ANSWER, sizeof(ANSWER) - 1, 0, (struct sockaddr *)&from, length) <
		    0 ||
	    !ready(t->client) || recv(t->client, room, sizeof(room), 0) <= 0) {
		return -EIO;
	}
	note(t, FIGURE_TO_CLIENT, "HTTP/1.1 200 OK");
	return 0;
}

/* ---- drawn ---- */

static void add_rows(struct figure_ladder_row *rows, struct str *labels, const struct talk *t)
{
	for (size_t i = 0; i < t->packet_count; i++) {
		const struct capture_packet *p = &t->packets[i];
		check_add_packet(labels, p);
		str_add_char(labels, '\n');
		rows[i] = (struct figure_ladder_row){
			.at = p->time - t->packets[0].time,
			.way = p->sent != 0 ? FIGURE_TO_SERVER : FIGURE_TO_CLIENT,
		};
	}
	for (size_t i = 0; t->packet_count == 0 && i < t->step_count; i++) {
		rows[i] =
			(struct figure_ladder_row){ .at = t->steps[i].at, .way = t->steps[i].way };
		str_printf(labels, "%s\n", t->steps[i].label);
	}
}

static void draw(struct lesson_exchange *out, const struct talk *t, enum language language)
{
	char client[ADDR_TEXT_BYTES + 8], server[ADDR_TEXT_BYTES + 8];
	struct figure_ladder_row rows[ROWS_MAX];
	struct str labels = STR_INIT(1 << 16);
	add_rows(rows, &labels, t);
	out->captured = t->packet_count > 0;
	const size_t count = out->captured ? t->packet_count : t->step_count;
	char *label = labels.text;
	for (size_t i = 0; label != NULL && i < count; i++) {
		rows[i].label = strsep(&label, "\n");
	}
	(void)snprintf(client, sizeof(client), "127.0.0.1:%u", t->connection.local_port);
	(void)snprintf(server, sizeof(server), "127.0.0.1:%u", t->connection.remote_port);
	const struct figure_ladder figure = {
		language, client, server, out->captured ? FIGURE_CAPTURED : FIGURE_DEDUCED,
		rows,     count,  t->more
	};
	out->took = count > 0 ? rows[count - 1].at : 0;
	(void)figure_ladder_text(&out->text, &figure); /* kept in its error */
	(void)figure_ladder_svg(&out->svg, &figure);
	str_deinit(&labels);
}

static void exchange(struct lesson_exchange *out, enum protocol protocol, uint16_t port,
		     enum language language)
{
	static struct talk t;
	int r = begin(&t, protocol, port);
	r = r < 0 ? r : protocol == PROTOCOL_TCP ? talk_tcp(&t) : talk_udp(&t);
	end(&t);
	if (r == 0) {
		draw(out, &t, language);
	}
}

/* ---- in a process and namespace of its own ---- */

/* There loopback has nobody else's packets, and whoever made it may see them.
 * @return whether this process has one now. */
static bool enter_namespace(void)
{
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	if (unshare(CLONE_NEWNET | (uid == 0 ? 0 : CLONE_NEWUSER)) < 0 ||
	    (uid != 0 && account_map_own(uid, gid) < 0)) {
		return false;
	}
	_cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &up) == 0;
}

struct drawn {
	bool captured;
	usec_t took;
	size_t text, svg; /* bytes that follow */
};

static int send_drawn(int fd, const struct lesson_exchange *exchange)
{
	const struct drawn head = { exchange->captured, exchange->took, exchange->text.length,
				    exchange->svg.length };
	int r = write_all(fd, &head, sizeof(head));
	r = r < 0 ? r : write_all(fd, str_text(&exchange->text), head.text);
	return r < 0 ? r : write_all(fd, str_text(&exchange->svg), head.svg);
}

static void work(struct lesson *lesson, bool apart, int out, pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(PATIENCE_SECONDS);
	if (getppid() != parent) {
		_exit(EXIT_FAILURE);
	}
	const bool own = apart && enter_namespace();
	if (apart && !own) {
		_exit(EXIT_FAILURE);
	}
	const enum language language = lesson->context->language;
	exchange(&lesson->tcp, PROTOCOL_TCP, own ? HTTP_PORT : NAMELESS, language);
	exchange(&lesson->udp, PROTOCOL_UDP, own ? HTTP_PORT : NAMELESS, language);
	_exit(send_drawn(out, &lesson->tcp) < 0 || send_drawn(out, &lesson->udp) < 0
		      ? EXIT_FAILURE
		      : EXIT_SUCCESS);
}

static bool read_whole(int fd, void *out, size_t length)
{
	size_t have = 0;
	while (have < length) {
		const ssize_t more = read(fd, (char *)out + have, length - have);
		if (more <= 0 && errno != EINTR) {
			return false;
		}
		have += more > 0 ? (size_t)more : 0;
	}
	return true;
}

static bool read_text(struct str *out, int fd, size_t length)
{
	_cleanup_(freep) char *room = length < DRAWING_BYTES ? malloc(length + 1) : NULL;
	return room != NULL && read_whole(fd, room, length) &&
	       str_add_bytes(out, room, length) == 0;
}

static bool receive_drawn(struct lesson_exchange *out, int fd)
{
	struct drawn head;
	if (!read_whole(fd, &head, sizeof(head))) {
		return false;
	}
	out->captured = head.captured;
	out->took = head.took;
	return read_text(&out->text, fd, head.text) && read_text(&out->svg, fd, head.svg);
}

/* @param apart  in a namespace of its own. @return whether both came. */
static bool exchange_both(struct lesson *lesson, bool apart)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0) {
		return false;
	}
	const pid_t parent = getpid();
	const pid_t child = fork();
	if (child == 0) {
		close_fdp(&ends[0]);
		work(lesson, apart, ends[1], parent);
	}
	close_fdp(&ends[1]);
	const bool both = child > 0 && receive_drawn(&lesson->tcp, ends[0]) &&
			  receive_drawn(&lesson->udp, ends[0]);
	close_fdp(&ends[0]);
	if (child > 0) {
		(void)waitpid(child, NULL, 0);
	}
	return both && lesson->tcp.text.length > 0 && lesson->udp.text.length > 0;
}

void lesson_exchange(struct lesson *lesson)
{
	lesson->tcp.text = lesson->tcp.svg = (struct str)STR_INIT(DRAWING_BYTES);
	lesson->udp.text = lesson->udp.svg = (struct str)STR_INIT(DRAWING_BYTES);
	if (!exchange_both(lesson, true) && !exchange_both(lesson, false)) {
		return;
	}
	lesson_know(lesson, LEARN_TCP_TIME, "%u.%02u ms", (unsigned)(lesson->tcp.took / 1000),
		    (unsigned)(lesson->tcp.took % 1000 / 10));
	if (lesson->tcp.captured) {
		lesson_know(lesson, LEARN_TCP_CAPTURED, "%u", 1U);
	}
}
