/* observe: what /proc says of a process, and names in cgroup paths. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "observe/observe.h"
#include "observe/process-text.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void names_are_read_from_cgroup_paths(void **state)
{
	(void)state;
	static const struct {
		const char *path, *unit, *slice, *id, *runtime;
	} cases[] = {
		{ "/", "", "", "", NULL },
		{ "", "", "", "", NULL },
		{ "/init.scope", "init.scope", "", "", NULL },
		{ "/system.slice/ssh.service", "ssh.service", "system.slice", "", NULL },
		{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service",
		  "system-getty.slice", "", NULL },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/syncthing.service",
		  "syncthing.service", "app.slice", "", NULL },
		{ "/user.slice/user-1000.slice/session-3.scope", "session-3.scope",
		  "user-1000.slice", "", NULL },
		{ "/system.slice/docker-" ID ".scope", "docker-" ID ".scope", "system.slice", ID,
		  "docker" },
		{ "/docker/" ID, "", "", ID, "docker" },
		{ "/docker/short", "", "", "", NULL },
		{ "/docker/" ID "/system.slice/nginx.service", "", "system.slice", ID, "docker" },
		{ "/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope",
		  "machine.slice", ID, "podman" },
		{ "/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope",
		  "machine.slice", "", NULL },
		{ "/libpod_parent/libpod-" ID, "", "", ID, "podman" },
		{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podf1.slice/"
		  "cri-containerd-" ID ".scope",
		  "cri-containerd-" ID ".scope", "kubepods-burstable-podf1.slice", ID,
		  "containerd" },
		{ "/kubepods.slice/kubepods-podf1.slice/crio-" ID ".scope", "crio-" ID ".scope",
		  "kubepods-podf1.slice", ID, "cri-o" },
		{ "/kubepods/burstable/pod0e1d/" ID, "", "", ID, "containerd" },
		{ "/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" ID,
		  "containerd.service", "system.slice", ID, "containerd" },
		{ "/default/" ID, "", "", ID, "containerd" },
		{ "/lxc/web", "", "", "web", "lxc" },
		{ "/lxc.payload.web/system.slice/nginx.service", "", "system.slice", "web", "lxc" },
		{ "/lxc.payload/web", "", "", "web", "lxc" },
		{ "/lxc.monitor.web", "", "", "", NULL },
		{ "/machine.slice/machine-deb.scope/payload/system.slice/cron.service",
		  "machine-deb.scope", "machine.slice", "", NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct observe_cgroup names;
		observe_cgroup_parse(&names, cases[i].path);
		assert_string_equal(names.unit, cases[i].unit);
		assert_string_equal(names.container_id, cases[i].id);
		assert_true((names.runtime == NULL) == (cases[i].runtime == NULL));
		if (names.runtime != NULL) {
			assert_string_equal(names.runtime, cases[i].runtime);
		}
		/* A container's own slices are not the host's. */
		if (names.container_id[0] == '\0' || cases[i].unit[0] != '\0') {
			assert_string_equal(names.slice, cases[i].slice);
		}
	}
}

static void stat_is_read_behind_any_name(void **state)
{
	(void)state;
	struct process_stat stat;
	static const char tail[] = " S 41 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 9876 1 2\n";
	char text[256];
	(void)snprintf(text, sizeof(text), "7 (a) b (c d)%s", tail);
	assert_int_equal(process_stat_parse(&stat, text), 0);
	assert_string_equal(stat.name, "a) b (c d");
	assert_int_equal(stat.parent_pid, 41);
	assert_int_equal(stat.started_ticks, 9876);
	assert_false(stat.kernel_thread);
	assert_int_equal(process_stat_parse(&stat,
					    "7 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 "
					    "0 20 0 1 0 3 0 0"),
			 0);
	assert_true(stat.kernel_thread);
	assert_true(process_stat_parse(&stat, "7 (short) S 1") < 0);
	assert_true(process_stat_parse(&stat, "7 short") < 0);
}

static void status_tells_the_effective_user(void **state)
{
	(void)state;
	uint32_t uid = 1;
	assert_int_equal(process_status_uid(&uid, "Name:\tx\nUid:\t0\t33\t0\t0\nGid:\t0\n"), 0);
	assert_int_equal(uid, 33);
	assert_true(process_status_uid(&uid, "Name:\tUid\n") < 0);
}

static void arguments_are_joined_by_spaces(void **state)
{
	(void)state;
	char text[] = "nginx:\0-g\0daemon off;\0\0";
	assert_int_equal(process_arguments(text, sizeof(text) - 1), 21);
	assert_string_equal(text, "nginx: -g daemon off;");
}

static void best_cgroup_line_is_chosen(void **state)
{
	(void)state;
	static const struct {
		const char *text, *path;
	} cases[] = {
		{ "0::/system.slice/ssh.service\n", "/system.slice/ssh.service" },
		{ "12:pids:/docker/ab\n1:name=systemd:/docker/ab\n0::/\n", "/docker/ab" },
		{ "4:memory:/m\n1:name=systemd:/\n0::/unified\n", "/unified" },
		{ "4:memory:/box\n1:name=systemd:/\n0::/\n", "/box" },
		{ "0::/a.slice:cri-containerd:ff\n", "/a.slice:cri-containerd:ff" },
		{ "0::/\n", "/" },
		{ "", "/" },
		{ "no colon", "/" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];
		(void)snprintf(text, sizeof(text), "%s", cases[i].text);
		assert_string_equal(process_cgroup(text), cases[i].path);
	}
}

static void replaced_executable_is_known_by_its_mark(void **state)
{
	(void)state;
	char replaced[] = "/usr/sbin/sshd (deleted)";
	assert_true(process_executable_deleted(replaced));
	assert_string_equal(replaced, "/usr/sbin/sshd");
	assert_false(process_executable_deleted(replaced));
	char mark[] = " (deleted)";
	assert_false(process_executable_deleted(mark));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_from_cgroup_paths),
		cmocka_unit_test(stat_is_read_behind_any_name),
		cmocka_unit_test(status_tells_the_effective_user),
		cmocka_unit_test(arguments_are_joined_by_spaces),
		cmocka_unit_test(best_cgroup_line_is_chosen),
		cmocka_unit_test(replaced_executable_is_known_by_its_mark),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
