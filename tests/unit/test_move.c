/* move: the settings of sshd and of socket units, the record, files back to every byte. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "move/move.h"
#include "temporary.h"

/* ---- sshd_config ---- */

static void what_is_added_lets_sshd_listen_on_both(void **state)
{
	(void)state;
	static const struct {
		const char *one, *two; /* files; NULL = none */
		uint16_t from;
		const char *added; /* NULL = the files do not name the port */
	} cases[] = {
		{ "", NULL, 22, "Port 22\nPort 50022\n" },
		{ "#Port 22\nUsePAM yes\n", NULL, 22, "Port 22\nPort 50022\n" },
		{ "Port 22\n", NULL, 22, "Port 50022\n" },
		{ "  port\t= \"22\"  # here\n", NULL, 22, "Port 50022\n" },
		{ "Port ssh", NULL, 22, "Port 50022\n" },
		{ "UsePAM yes\n", "Port 22\nPort 2222\n", 22, "Port 50022\n" },
		{ "Port 22\nPort 50022\n", NULL, 22, "" },
		{ "Port 2222\n", NULL, 2222, "Port 50022\n" },
		{ "Port 2222\n", NULL, 22, NULL },
		{ "", NULL, 2222, NULL },
		{ "ListenAddress 192.0.2.1\n", NULL, 22, "Port 22\nPort 50022\n" },
		{ "ListenAddress ::1\n", NULL, 22, "Port 22\nPort 50022\n" },
		{ "ListenAddress [::1]\n", NULL, 22, "Port 22\nPort 50022\n" },
		{ "ListenAddress 192.0.2.1:22\n", NULL, 22, "ListenAddress 192.0.2.1:50022\n" },
		{ "Port 2222\nListenAddress [2001:db8::1]:22\nListenAddress host:23\n", NULL, 22,
		  "ListenAddress [2001:db8::1]:50022\n" },
		{ "ListenAddress 192.0.2.1:22 rdomain blue\nListenAddress ::\n", NULL, 22,
		  "Port 22\nPort 50022\nListenAddress 192.0.2.1:50022 rdomain blue\n" },
		{ "ListenAddress 192.0.2.1:23\n", NULL, 22, NULL },
		{ "Match User a\nPort 2222\n", NULL, 22, "Port 22\nPort 50022\n" },
		{ "Match User a\n", "Port 2222\n", 22, NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct move_text texts[] = { { "one", cases[i].one },
						   { "two", cases[i].two } };
		struct str out = STR_INIT(4096);
		int r = move_sshd_add(&out, texts, cases[i].two == NULL ? 1 : 2, cases[i].from,
				      50022);
		print_message("# case %zu\n", i);
		assert_int_equal(r, cases[i].added == NULL ? -ENOENT : 0);
		assert_string_equal(str_text(&out), cases[i].added ?: "");
		str_deinit(&out);
	}
}

static void lines_that_name_the_port_become_comments(void **state)
{
	(void)state;
	static const char text[] = "# Port 22\nPort 22\r\n\tPort=22 # why\nPort 2222\n"
				   "ListenAddress [::]:22\nListenAddress ::\nMatch User a\nPort 22";
	struct str out = STR_INIT(4096);
	assert_int_equal(move_sshd_without(&out, text, 22, false), 3);
	assert_string_equal(str_text(&out),
			    "# Port 22\n#Port 22\r\n#\tPort=22 # why\nPort 2222\n"
			    "#ListenAddress [::]:22\nListenAddress ::\nMatch User a\nPort 22");
	str_clear(&out);
	assert_int_equal(move_sshd_without(&out, text, 22, true), 3);
	assert_string_equal(str_text(&out),
			    "# Port 22\nPort 2222\nListenAddress ::\nMatch User a\nPort 22");
	str_clear(&out);
	assert_int_equal(move_sshd_without(&out, text, 23, false), 0);
	assert_string_equal(str_text(&out), text);
	str_deinit(&out);
}

static int keep_pattern(const char *pattern, void *data)
{
	struct str *out = data;
	return str_printf(out, "%s;", pattern);
}

static void includes_before_a_match_are_followed(void **state)
{
	(void)state;
	struct str out = STR_INIT(4096);
	assert_int_equal(move_sshd_includes("Include \"/a b/*.conf\" /c # d\ninclude=e\n"
					    "#Include f\nMatch all\nInclude g\n",
					    keep_pattern, &out),
			 0);
	assert_string_equal(str_text(&out), "/a b/*.conf;/c;e;");
	str_deinit(&out);
}

/* ---- socket units ---- */

static const char shown[] = "Id=dbus.socket\nListen=/run/dbus (Stream)\nActiveState=active\n"
			    "Accept=no\n\n"
			    "Id=dead.socket\nListen=[::]:22 (Stream)\nActiveState=inactive\n\n"
			    "Id=ssh.socket\nTriggers=ssh.service\nListen=0.0.0.0:22 (Stream)\n"
			    "Listen=[::]:22 (Stream)\nListen=[::]:22 (Datagram)\n"
			    "Listen=/run/x:22 (Stream)\nAccept=no\nActiveState=active\n\n"
			    "Id=each.socket\nTriggers=each@1.service\nListen=[::]:23 (Stream)\n"
			    "Accept=yes\nActiveState=active\n";

static void the_unit_of_a_port_is_found(void **state)
{
	(void)state;
	struct move_socket socket;
	assert_int_equal(move_socket_find(&socket, shown, PROTOCOL_TCP, 22), 0);
	assert_string_equal(socket.unit, "ssh.socket");
	assert_string_equal(socket.service, "ssh.service");
	assert_int_equal(socket.listen_count, 4);
	assert_int_equal(move_socket_find(&socket, shown, PROTOCOL_TCP, 23), 0);
	assert_string_equal(socket.unit, "each.socket");
	assert_string_equal(socket.service, "");
	assert_int_equal(move_socket_find(&socket, shown, PROTOCOL_UDP, 23), -ENOENT);
	assert_int_equal(move_socket_find(&socket, "", PROTOCOL_TCP, 22), -ENOENT);
	assert_int_equal(move_socket_find(&socket, "Listen= (\n=\nListen=)\nId", PROTOCOL_TCP, 22),
			 -ENOENT);
}

static void a_drop_in_says_everything_the_unit_listens_on(void **state)
{
	(void)state;
	struct move_socket socket;
	struct str out = STR_INIT(4096);
	assert_int_equal(move_socket_find(&socket, shown, PROTOCOL_TCP, 22), 0);
	assert_int_equal(move_socket_text(&out, &socket, PROTOCOL_TCP, 22, 50022, true), 0);
	assert_string_equal(str_text(&out), "[Socket]\nListenStream=\n"
					    "ListenStream=0.0.0.0:22\nListenStream=0.0.0.0:50022\n"
					    "ListenStream=[::]:22\nListenStream=[::]:50022\n"
					    "ListenDatagram=[::]:22\nListenStream=/run/x:22\n");
	str_clear(&out);
	assert_int_equal(move_socket_text(&out, &socket, PROTOCOL_TCP, 22, 50022, false), 0);
	assert_string_equal(str_text(&out), "[Socket]\nListenStream=\n"
					    "ListenStream=0.0.0.0:50022\nListenStream=[::]:50022\n"
					    "ListenDatagram=[::]:22\nListenStream=/run/x:22\n");
	str_deinit(&out);
}

/* ---- the record ---- */

static struct move_content content(const char *text)
{
	return text == NULL ? (struct move_content){ 0 }
			    : (struct move_content){ strdup(text), strlen(text) };
}

static struct move example(const char *path)
{
	struct move move = { .stage = MOVE_WAITING,
			     .means = MOVE_SSHD,
			     .name = "ssh",
			     .config = "/etc/ssh/sshd_config",
			     .protocol = PROTOCOL_TCP,
			     .from = 22,
			     .to = 50022,
			     .login = true,
			     .reserved = true,
			     .seconds = 600,
			     .boot = "b",
			     .begun = 5,
			     .both_since = 1000 * USEC_PER_SEC,
			     .by = "\xff" };
	struct move_content at[MOVE_POINTS] = { content(NULL), content("both\n"),
						content("after\n") };
	assert_int_equal(move_add_file(&move, MOVE_ROOM_SERVICE, path, at), 0);
	move.files.items[0].folder = true;
	return move;
}

static void a_record_reads_as_it_was_written(void **state)
{
	const struct temporary *t = *state;
	struct move move = example("/x/y");
	struct move read;
	struct err e = ERR_INIT;
	int folder = move_folder_open(t->path, true, &e);
	assert_true(folder >= 0);
	assert_int_equal(move_folder_open(t->path, true, NULL), -EBUSY);
	assert_int_equal(move_record_read(folder, &read, NULL), -ENOENT);
	assert_int_equal(move_record_begin(folder, &move, &e), 0);
	assert_int_equal(move_record_read(folder, &read, &e), 0);
	assert_int_equal(read.stage, MOVE_WAITING);
	assert_int_equal(read.from, 22);
	assert_int_equal(read.to, 50022);
	assert_true(read.login && read.reserved);
	assert_int_equal(read.both_since, move.both_since);
	assert_string_equal(read.by, "?");
	assert_int_equal(read.files.count, 1);
	assert_true(read.files.items[0].folder);
	assert_null(read.files.items[0].at[MOVE_BEFORE].bytes);
	assert_string_equal(read.files.items[0].at[MOVE_AFTER].bytes, "after\n");
	move_deinit(&read);
	/* A content that is missing is told: nothing may be put back from half a record. */
	assert_int_equal(unlinkat(folder, "0.after", 0), 0);
	assert_int_equal(move_record_read(folder, &read, NULL), -EBADMSG);
	move_deinit(&move);
	close(folder);
}

static void nonsense_is_no_record(void **state)
{
	(void)state;
	static const char half[] =
		"{\"stage\": \"waiting\", \"means\": \"sshd\", \"from\": 1, \"to\": 2, "
		"\"files\": [{\"room\": \"policy\", \"path\": \"x\"}]}";
	const char *const texts[] = {
		"",
		"{}",
		"[1]",
		"{\"stage\": \"waiting\", \"means\": \"sshd\"}",
		"{\"stage\": \"waiting\", \"means\": \"x\", \"from\": 1, \"to\": 2}",
		half,
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct move move;
		assert_int_equal(move_parse(&move, texts[i]), -EBADMSG);
	}
}

static void a_wait_ends_with_its_time_or_with_the_boot(void **state)
{
	(void)state;
	struct move move = example("/x/y");
	const usec_t end = 1600 * USEC_PER_SEC;
	assert_false(move_is_over(&move, "b", end - 1));
	assert_true(move_is_over(&move, "b", end));
	assert_true(move_is_over(&move, "c", 0));
	move.seconds = 0;
	assert_false(move_is_over(&move, "c", end));
	move.stage = MOVE_PREPARED;
	assert_true(move_is_over(&move, "b", 0));
	move.stage = MOVE_FINISHING;
	assert_true(move_is_over(&move, "b", 0));
	move.stage = MOVE_FINISHED;
	assert_false(move_is_over(&move, "c", end));
	move_deinit(&move);
}

/* ---- files ---- */

static const char *held(char out[64], const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long length = fd < 0 ? -1 : read(fd, out, 63);
	if (fd >= 0) {
		close(fd);
	}
	out[length < 0 ? 0 : length] = '\0';
	return length < 0 ? NULL : out;
}

static void a_file_goes_forth_and_back(void **state)
{
	const struct temporary *t = *state;
	char path[512];
	char text[64];
	struct stat status;
	struct err e = ERR_INIT;
	(void)snprintf(path, sizeof(path), "%s/made/own.conf", t->path);
	struct move move = example(path);
	const struct move_file *file = &move.files.items[0];
	assert_int_equal(move_file_put(file, MOVE_BEFORE, &e), 0); /* nothing to do */
	assert_int_equal(move_file_put(file, MOVE_BOTH, &e), 0);
	assert_string_equal(held(text, path), "both\n");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(move_file_put(file, MOVE_AFTER, &e), 0);
	assert_string_equal(held(text, path), "after\n");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(move_file_put(file, MOVE_BEFORE, &e), 0);
	assert_null(held(text, path));
	(void)snprintf(path, sizeof(path), "%s/made", t->path);
	assert_int_equal(stat(path, &status), -1);
	move_deinit(&move);
}

static void what_somebody_else_wrote_stays(void **state)
{
	const struct temporary *t = *state;
	char path[512];
	char text[64];
	(void)snprintf(path, sizeof(path), "%s/own.conf", t->path);
	struct move move = example(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, "mine\n", 5), 5);
	close(fd);
	for (int point = MOVE_BEFORE; point <= MOVE_AFTER; point++) {
		assert_int_equal(move_file_put(&move.files.items[0], (enum move_point)point, NULL),
				 MOVE_PUT_STRANGE);
		assert_string_equal(held(text, path), "mine\n");
	}
	move_deinit(&move);
}

static void what_a_killed_command_left_is_cleared_away(void **state)
{
	const struct temporary *t = *state;
	static const char *const names[] = { ".minato-abcdef", ".minato-abcde", "minato-abcdef" };
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/own.conf", t->path);
	struct move move = example(path);
	for (size_t i = 0; i < 3; i++) {
		close(openat(t->fd, names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	move_file_clean(&move.files.items[0]);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(faccessat(t->fd, names[i], F_OK, 0), i == 0 ? -1 : 0);
	}
	move_deinit(&move);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_lets_sshd_listen_on_both),
		cmocka_unit_test(lines_that_name_the_port_become_comments),
		cmocka_unit_test(includes_before_a_match_are_followed),
		cmocka_unit_test(the_unit_of_a_port_is_found),
		cmocka_unit_test(a_drop_in_says_everything_the_unit_listens_on),
		cmocka_unit_test_setup_teardown(a_record_reads_as_it_was_written, temporary_setup,
						temporary_teardown),
		cmocka_unit_test(nonsense_is_no_record),
		cmocka_unit_test(a_wait_ends_with_its_time_or_with_the_boot),
		cmocka_unit_test_setup_teardown(a_file_goes_forth_and_back, temporary_setup,
						temporary_teardown),
		cmocka_unit_test_setup_teardown(what_somebody_else_wrote_stays, temporary_setup,
						temporary_teardown),
		cmocka_unit_test_setup_teardown(what_a_killed_command_left_is_cleared_away,
						temporary_setup, temporary_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
