/* Answers of netlink: pure over bytes, over a pair of sockets with a kernel of our own, and over
 * the real one. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/netlink.h"
#include "base/str.h"
#include "check.h"

enum { ROW = NLMSG_MIN_TYPE, SEQUENCE = 7 };

/* ---- Bytes ---- */

/* One message of a datagram. */
struct piece {
	uint16_t type;
	uint16_t flags;
	uint32_t sequence; /* 0 = the right one */
	int32_t payload;
	bool short_of_it; /* without the payload */
};

static void add_piece(struct str *to, const struct piece *piece, uint32_t sequence)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} message = { .head = { .nlmsg_len = NLMSG_HDRLEN,
				.nlmsg_type = piece->type,
				.nlmsg_flags = piece->flags,
				.nlmsg_seq = piece->sequence != 0 ? piece->sequence : sequence },
		      .error = { .error = piece->payload } };
	if (!piece->short_of_it) {
		message.head.nlmsg_len += piece->type == NLMSG_ERROR ? sizeof(message.error)
								     : sizeof(message.error.error);
	}
	assert_int_equal(str_add_bytes(to, (const char *)&message, message.head.nlmsg_len), 0);
}

struct rows {
	int sum, count;
	int stop_at, stop_with; /* at that count */
	int forgotten;
};

static int take_row(const struct nlmsghdr *message, void *data)
{
	struct rows *rows = data;
	int value = 0;
	assert_true(message->nlmsg_len >= NLMSG_LENGTH(sizeof(value)));
	memcpy(&value, NLMSG_DATA(message), sizeof(value));
	rows->sum += value;
	return ++rows->count == rows->stop_at ? rows->stop_with : 0;
}

static void forget_rows(void *data)
{
	struct rows *rows = data;
	rows->sum = 0;
	rows->count = 0;
	rows->forgotten++;
}

static void a_datagram_is_read_to_its_end(void **state)
{
	(void)state;
	static const struct {
		struct piece pieces[4];
		size_t count, cut; /* bytes taken from the end */
		int result, sum, stopped;
		bool torn;
	} cases[] = {
		{ { { ROW, .payload = 1 }, { ROW, .payload = 2 } }, 2, 0, NETLINK_MORE, 3 },
		{ { { ROW, .payload = 1 }, { NLMSG_DONE } }, 2, 0, NETLINK_DONE, 1 },
		{ { { NLMSG_DONE, .short_of_it = true } }, 1, 0, NETLINK_DONE, 0 },
		{ { { NLMSG_DONE, .payload = -ENOMEM } }, 1, 0, -ENOMEM, 0 },
		{ { { NLMSG_ERROR } }, 1, 0, NETLINK_DONE, 0 },
		{ { { NLMSG_ERROR, .payload = -EPERM } }, 1, 0, -EPERM, 0 },
		{ { { NLMSG_ERROR, .payload = 17 } }, 1, 0, -EBADMSG, 0 },
		{ { { NLMSG_ERROR, .short_of_it = true } }, 1, 0, -EBADMSG, 0 },
		/* What is behind the end is not looked at. */
		{ { { NLMSG_DONE }, { ROW, .payload = 4 } }, 2, 0, NETLINK_DONE, 0 },
		/* The rest of an older answer, its end as well. */
		{ { { ROW, .payload = 1, .sequence = 6 },
		    { NLMSG_DONE, .sequence = 6 },
		    { ROW, .payload = 2 } },
		  3,
		  0,
		  NETLINK_MORE,
		  2 },
		{ { { NLMSG_NOOP }, { ROW, .payload = 1 } }, 2, 0, NETLINK_MORE, 1 },
		{ { { NLMSG_OVERRUN } }, 1, 0, NETLINK_MORE, 0, .torn = true },
		{ { { ROW, NLM_F_DUMP_INTR, .payload = 1 }, { NLMSG_DONE } },
		  2,
		  0,
		  NETLINK_DONE,
		  1,
		  .torn = true },
		{ { { ROW, .payload = 1 }, { NLMSG_DONE, NLM_F_DUMP_INTR } },
		  2,
		  0,
		  NETLINK_DONE,
		  1,
		  .torn = true },
		{ { { ROW, NLM_F_DUMP_INTR, .sequence = 6 } }, 1, 0, NETLINK_MORE, 0 },
		/* Of what is cut off nothing is believed. */
		{ { { ROW, .payload = 1 }, { ROW, .payload = 2 } }, 2, 1, NETLINK_MORE, 1 },
		{ { { ROW, .payload = 1 } }, 1, 10, NETLINK_MORE, 0 },
		{ { { 0 } }, 0, 0, NETLINK_MORE, 0 },
		/* After the third row the reader wants no more; the end counts all the same. */
		{ { { ROW, .payload = 1 },
		    { ROW, .payload = 1 },
		    { ROW, .payload = 1 },
		    { ROW, .payload = 8 } },
		  4,
		  0,
		  NETLINK_MORE,
		  3,
		  .stopped = -ENOSPC },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str bytes = STR_INIT(4096);
		struct rows rows = { .stop_at = 3, .stop_with = -ENOSPC };
		const struct netlink_reader reader = { .function = take_row, .data = &rows };
		struct netlink_reading reading = { .sequence = SEQUENCE, .reader = &reader };
		for (size_t j = 0; j < cases[i].count; j++) {
			add_piece(&bytes, &cases[i].pieces[j], SEQUENCE);
		}
		int r = netlink_take(&reading, str_text(&bytes), bytes.length - cases[i].cut);
		if (r != cases[i].result || rows.sum != cases[i].sum ||
		    reading.torn != cases[i].torn || reading.stopped != cases[i].stopped) {
			fail_msg("case %zu: %d, sum %d, torn %d, stopped %d", i, r, rows.sum,
				 reading.torn, reading.stopped);
		}
		str_deinit(&bytes);
	}
}

static void a_length_that_lies_ends_the_reading(void **state)
{
	(void)state;
	static const uint32_t lengths[] = {
		0, 1, NLMSG_HDRLEN - 1, NLMSG_HDRLEN + 1, UINT32_MAX, (uint32_t)INT32_MAX + 1
	};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct nlmsghdr message = { .nlmsg_len = lengths[i],
					    .nlmsg_type = NLMSG_DONE,
					    .nlmsg_seq = SEQUENCE };
		const struct netlink_reader reader = { 0 };
		struct netlink_reading reading = { .sequence = SEQUENCE, .reader = &reader };
		assert_int_equal(netlink_take(&reading, &message, sizeof(message)), NETLINK_MORE);
		assert_false(netlink_whole(&message, -1));
	}
}

static void a_request_is_padded_with_zeros(void **state)
{
	(void)state;
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	memset(buffer, 0xff, sizeof(buffer));
	const struct nlmsghdr *request = netlink_request(buffer, RTM_GETADDR, NLM_F_DUMP, 1);
	assert_int_equal(request->nlmsg_len, NLMSG_HDRLEN + 4);
	assert_int_equal(request->nlmsg_type, RTM_GETADDR);
	assert_int_equal(request->nlmsg_flags, NLM_F_DUMP);
	assert_memory_equal(NLMSG_DATA(request), "\0\0\0\0", 4);
}

/* ---- A kernel of our own ---- */

enum { ANSWERS_MAX = 3, PIECES_MAX = 3 };

struct kernel {
	int fd;
	pthread_t asker;
	bool signals;                                  /* interrupts who waits for the answer */
	struct piece answers[ANSWERS_MAX][PIECES_MAX]; /* a datagram each; type 0 ends */
	size_t torn_times;                             /* how often before answers[0] is torn */
	size_t padding;                                /* bytes behind the first datagram */
	unsigned asked;
};

static void answer(struct kernel *kernel, const struct nlmsghdr *request, size_t index)
{
	struct str bytes = STR_INIT(1 << 20);
	for (size_t i = 0; i < PIECES_MAX && kernel->answers[index][i].type != 0; i++) {
		struct piece piece = kernel->answers[index][i];
		piece.flags |= kernel->asked <= kernel->torn_times ? NLM_F_DUMP_INTR : 0;
		add_piece(&bytes, &piece, request->nlmsg_seq);
	}
	for (size_t i = 0; index == 0 && i < kernel->padding; i++) {
		(void)str_add_char(&bytes, 0);
	}
	if (kernel->signals) {
		(void)pthread_kill(kernel->asker, SIGUSR1);
	}
	if (bytes.length > 0) {
		/* Who asks may be gone by then. */
		(void)send(kernel->fd, str_text(&bytes), bytes.length, MSG_NOSIGNAL);
	}
	str_deinit(&bytes);
}

static void *answer_all(void *data)
{
	struct kernel *kernel = data;
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	while (recv(kernel->fd, buffer, sizeof(buffer), 0) > 0) {
		kernel->asked++;
		for (size_t i = 0; i < ANSWERS_MAX; i++) {
			answer(kernel, (const void *)buffer, i);
		}
	}
	return NULL;
}

/* Asks the kernel of our own once. */
static int ask(struct kernel *kernel, struct rows *rows, uint16_t flags)
{
	int pair[2];
	pthread_t thread;
	int room = 1 << 20;
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct netlink_reader reader = { take_row, rows, forget_rows };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	kernel->fd = pair[1];
	kernel->asker = pthread_self();
	assert_int_equal(pthread_create(&thread, NULL, answer_all, kernel), 0);
	int r = netlink_ask(pair[0], netlink_request(buffer, ROW, flags, 4), &reader);
	assert_int_equal(shutdown(pair[0], SHUT_RDWR), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(pair[0]);
	(void)close(pair[1]);
	return r;
}

#define TWO_ROWS_AND_THE_END                                                                       \
	{                                                                                          \
		{ { ROW, .payload = 1 }, { ROW, .payload = 2 } }, { { ROW, .payload = 4 } },       \
		{                                                                                  \
			{                                                                          \
				NLMSG_DONE                                                         \
			}                                                                          \
		}                                                                                  \
	}

static void answers_come_in_several_datagrams(void **state)
{
	(void)state;
	struct kernel kernel = { .answers = TWO_ROWS_AND_THE_END };
	struct rows rows = { 0 };
	assert_int_equal(ask(&kernel, &rows, NLM_F_DUMP), 0);
	assert_int_equal(rows.sum, 7);
	assert_int_equal(kernel.asked, 1);
}

static void a_listing_that_changed_is_asked_for_again(void **state)
{
	(void)state;
	for (unsigned torn = 1; torn < NETLINK_TRIES_MAX; torn += 7) {
		struct kernel kernel = { .answers = TWO_ROWS_AND_THE_END, .torn_times = torn };
		struct rows rows = { 0 };
		assert_int_equal(ask(&kernel, &rows, NLM_F_DUMP), 0);
		assert_int_equal(rows.sum, 7);
		assert_int_equal(rows.forgotten, torn);
		assert_int_equal(kernel.asked, torn + 1);
	}
}

static void a_listing_that_always_changes_is_given_up(void **state)
{
	(void)state;
	struct kernel kernel = { .answers = TWO_ROWS_AND_THE_END, .torn_times = SIZE_MAX };
	struct rows rows = { 0 };
	assert_int_equal(ask(&kernel, &rows, NLM_F_DUMP), -EAGAIN);
	assert_int_equal(kernel.asked, NETLINK_TRIES_MAX);
}

static void what_is_no_listing_is_done_once(void **state)
{
	(void)state;
	struct kernel kernel = { .answers = { { { NLMSG_ERROR } } }, .torn_times = SIZE_MAX };
	struct rows rows = { 0 };
	assert_int_equal(ask(&kernel, &rows, 0), 0);
	assert_int_equal(kernel.asked, 1);
}

static void a_reader_that_stops_hears_no_more_but_all_is_read(void **state)
{
	(void)state;
	static const int values[] = { -ENOSPC, 1 };
	for (size_t i = 0; i < 2; i++) {
		struct kernel kernel = { .answers = TWO_ROWS_AND_THE_END };
		struct rows rows = { .stop_at = 1, .stop_with = values[i] };
		assert_int_equal(ask(&kernel, &rows, NLM_F_DUMP), values[i]);
		assert_int_equal(rows.sum, 1);
		assert_int_equal(kernel.asked, 1);
	}
}

static void the_kernels_error_is_handed_up(void **state)
{
	(void)state;
	struct kernel kernel = { .answers = { { { ROW, .payload = 1 } },
					      { { NLMSG_DONE, .payload = -ENOENT } } } };
	struct rows rows = { 0 };
	assert_int_equal(ask(&kernel, &rows, NLM_F_DUMP), -ENOENT);
	kernel = (struct kernel){ .answers = { { { NLMSG_ERROR, .payload = -EPERM } } } };
	assert_int_equal(ask(&kernel, &rows, NLM_F_DUMP), -EPERM);
}

static void a_datagram_longer_than_any_is_refused(void **state)
{
	(void)state;
	struct kernel kernel = { .answers = TWO_ROWS_AND_THE_END, .padding = 65536 };
	struct rows rows = { 0 };
	assert_int_equal(ask(&kernel, &rows, NLM_F_DUMP), -EMSGSIZE);
	assert_int_equal(rows.count, 0);
}

static void wake(int signal)
{
	(void)signal;
}

static void a_signal_costs_nothing(void **state)
{
	(void)state;
	const struct sigaction interrupting = { .sa_handler = wake }; /* no SA_RESTART */
	struct sigaction before;
	assert_int_equal(sigaction(SIGUSR1, &interrupting, &before), 0);
	for (int i = 0; i < 50; i++) {
		struct kernel kernel = { .answers = TWO_ROWS_AND_THE_END, .signals = true };
		struct rows rows = { 0 };
		assert_int_equal(ask(&kernel, &rows, NLM_F_DUMP), 0);
		assert_int_equal(rows.sum, 7);
	}
	assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

/* ---- The real one ---- */

static int find_loopback(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	*(bool *)data |=
		message->nlmsg_type == RTM_NEWLINK && (info->ifi_flags & IFF_LOOPBACK) != 0;
	return 0;
}

static void interfaces_are_listed_and_asked_for(void **state)
{
	(void)state;
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	for (int i = 0; i < 2; i++) {
		bool found = false;
		const struct netlink_reader reader = { .function = find_loopback, .data = &found };
		struct nlmsghdr *request = netlink_request(
			buffer, RTM_GETLINK, i == 0 ? NLM_F_DUMP : 0, sizeof(struct ifinfomsg));
		((struct ifinfomsg *)NLMSG_DATA(request))->ifi_index = i;
		assert_int_equal(netlink_ask_once(NETLINK_ROUTE, request, &reader), 0);
		assert_true(found);
	}
	struct nlmsghdr *request =
		netlink_request(buffer, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	((struct ifinfomsg *)NLMSG_DATA(request))->ifi_index = INT32_MAX;
	assert_int_equal(netlink_ask_once(NETLINK_ROUTE, request, NULL), -ENODEV);
}

/* What strangers send fills the receive buffer: the kernel says so once, and nothing follows. */
static void lost_answers_are_told_and_not_waited_for(void **state)
{
	(void)state;
	const int group = 1;
	const int room = 4096;
	_cleanup_(close_fdp) int fd = netlink_open(NETLINK_USERSOCK);
	_cleanup_(close_fdp) int stranger = netlink_open(NETLINK_USERSOCK);
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	struct nlmsghdr message = { .nlmsg_len = sizeof(message),
				    .nlmsg_type = NLMSG_DONE,
				    .nlmsg_seq = SEQUENCE };
	assert_true(fd >= 0 && stranger >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		skip(); /* without CAP_NET_ADMIN */
	}
	const struct netlink_reader reader = { 0 };
	for (int i = 0; i < 1000; i++) {
		(void)sendto(stranger, &message, sizeof(message), 0, (const void *)&to, sizeof(to));
	}
	assert_int_equal(netlink_read(fd, SEQUENCE, &reader), -ENOBUFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_is_read_to_its_end),
		cmocka_unit_test(a_length_that_lies_ends_the_reading),
		cmocka_unit_test(a_request_is_padded_with_zeros),
		cmocka_unit_test(answers_come_in_several_datagrams),
		cmocka_unit_test(a_listing_that_changed_is_asked_for_again),
		cmocka_unit_test(a_listing_that_always_changes_is_given_up),
		cmocka_unit_test(what_is_no_listing_is_done_once),
		cmocka_unit_test(a_reader_that_stops_hears_no_more_but_all_is_read),
		cmocka_unit_test(the_kernels_error_is_handed_up),
		cmocka_unit_test(a_datagram_longer_than_any_is_refused),
		cmocka_unit_test(a_signal_costs_nothing),
		cmocka_unit_test(interfaces_are_listed_and_asked_for),
		cmocka_unit_test(lost_answers_are_told_and_not_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
