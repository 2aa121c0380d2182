/* policy: a file replaced whole or not at all. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "check.h"
#include "policy/policy.h"
#include "temporary.h"

enum { PATH_BYTES = 512, NOBODY = 65534 };

static const char before[] = "minato: 1\n";
static const char after[] = "minato: 1\nports: {}\n";

static void path_in(char *out, const struct temporary *t, const char *name)
{
	(void)snprintf(out, PATH_BYTES, "%s/%s", t->path, name);
}

static void make_file(char *path, const struct temporary *t, const char *name)
{
	path_in(path, t, name);
	_cleanup_(close_fdp) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, before, strlen(before)), 0);
}

static int replace(const char *path, struct err *e)
{
	*e = ERR_INIT;
	return policy_file_replace(path, before, strlen(before), after, strlen(after), e);
}

static void assert_holds(const char *path, const char *expected)
{
	_cleanup_(freep) char *bytes = NULL;
	assert_int_equal(file_read(&bytes, NULL, path, 4096, NULL), 0);
	assert_string_equal(bytes, expected);
}

/* Files in the folder: nothing may be left behind. */
static unsigned count_files(const struct temporary *t)
{
	unsigned count = 0;
	DIR *folder = opendir(t->path);
	assert_non_null(folder);
	for (const struct dirent *d = readdir(folder); d != NULL; d = readdir(folder)) {
		count += d->d_type != DT_DIR;
	}
	closedir(folder);
	return count;
}

static void bytes_are_replaced_owner_and_mode_stay(void **state)
{
	const struct temporary *t = *state;
	char path[PATH_BYTES];
	struct err e;
	struct stat status;
	make_file(path, t, "policy.yaml");
	assert_int_equal(chmod(path, 0640), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	}
	assert_int_equal(replace(path, &e), 0);
	assert_holds(path, after);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(status.st_uid, geteuid() == 0 ? NOBODY : geteuid());
	assert_int_equal(status.st_gid, geteuid() == 0 ? NOBODY : getegid());
	assert_int_equal(count_files(t), 1);
}

static void attributes_stay(void **state)
{
	char path[PATH_BYTES];
	char value[16] = "";
	struct err e;
	make_file(path, *state, "policy.yaml");
	if (setxattr(path, "user.note", "mine", 4, 0) < 0) {
		print_message("no extended attributes here: %s\n", strerror(errno));
		skip();
	}
	assert_int_equal(replace(path, &e), 0);
	assert_int_equal(getxattr(path, "user.note", value, sizeof(value)), 4);
	assert_string_equal(value, "mine");
}

static void a_link_is_followed_and_stays(void **state)
{
	const struct temporary *t = *state;
	char path[PATH_BYTES];
	char folder[PATH_BYTES];
	char link[PATH_BYTES];
	struct err e;
	struct stat status;
	path_in(folder, t, "real");
	assert_int_equal(mkdir(folder, 0700), 0);
	make_file(path, t, "real/policy.yaml");
	path_in(link, t, "policy.yaml");
	assert_int_equal(symlink("real/policy.yaml", link), 0);
	assert_int_equal(replace(link, &e), 0);
	assert_int_equal(lstat(link, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_holds(path, after);
}

static void a_file_that_changed_meanwhile_is_left_alone(void **state)
{
	static const char *const others[] = { "", "minato: 2\n", "minato: 1\n\n" };
	const struct temporary *t = *state;
	char path[PATH_BYTES];
	struct err e;
	make_file(path, t, "policy.yaml");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		_cleanup_(close_fdp) int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
		assert_int_equal(write_all(fd, others[i], strlen(others[i])), 0);
		assert_int_equal(replace(path, &e), -ESTALE);
		assert_non_null(strstr(err_text(&e), path));
		assert_holds(path, others[i]);
	}
	assert_int_equal(count_files(t), 1);
}

/* A limit on the size of files fails a write as a full disk does: after some bytes, or at once. */
static void a_write_that_fails_leaves_the_old_file(void **state)
{
	const struct temporary *t = *state;
	char path[PATH_BYTES];
	struct err e;
	struct rlimit old;
	make_file(path, t, "policy.yaml");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	for (rlim_t most = 0; most < strlen(after); most += 7) {
		const struct rlimit limit = { most, old.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		int r = replace(path, &e);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(r, -EFBIG);
		assert_non_null(strstr(err_text(&e), path));
		assert_holds(path, before);
		assert_int_equal(count_files(t), 1);
	}
	(void)signal(SIGXFSZ, handler);
}

static void what_may_only_be_read_stays(void **state)
{
	const struct temporary *t = *state;
	char path[PATH_BYTES];
	struct err e;
	uid_t user = geteuid();
	make_file(path, t, "policy.yaml");
	if (user == 0) {
		assert_int_equal(chown(path, NOBODY, getegid()), 0);
		assert_int_equal(chown(t->path, NOBODY, getegid()), 0);
		assert_int_equal(seteuid(NOBODY), 0);
	}
	assert_int_equal(chmod(t->path, 0500), 0); /* the folder */
	int folder = replace(path, &e);
	assert_int_equal(chmod(t->path, 0700), 0);
	assert_int_equal(chmod(path, 0400), 0); /* the file */
	int file = replace(path, &e);
	assert_int_equal(seteuid(user), 0);
	assert_int_equal(folder, -EACCES);
	assert_int_equal(file, -EACCES);
	assert_holds(path, before);
	assert_int_equal(count_files(t), 1);
}

static void other_things_are_refused(void **state)
{
	const struct temporary *t = *state;
	char path[PATH_BYTES];
	struct err e;
	path_in(path, t, "none");
	assert_int_equal(replace(path, &e), -ENOENT);
	assert_int_equal(replace(t->path, &e), -EISDIR);
	path_in(path, t, "pipe");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(replace(path, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_are_replaced_owner_and_mode_stay,
						temporary_setup, temporary_teardown),
		cmocka_unit_test_setup_teardown(attributes_stay, temporary_setup,
						temporary_teardown),
		cmocka_unit_test_setup_teardown(a_link_is_followed_and_stays, temporary_setup,
						temporary_teardown),
		cmocka_unit_test_setup_teardown(a_file_that_changed_meanwhile_is_left_alone,
						temporary_setup, temporary_teardown),
		cmocka_unit_test_setup_teardown(a_write_that_fails_leaves_the_old_file,
						temporary_setup, temporary_teardown),
		cmocka_unit_test_setup_teardown(what_may_only_be_read_stays, temporary_setup,
						temporary_teardown),
		cmocka_unit_test_setup_teardown(other_things_are_refused, temporary_setup,
						temporary_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
