/* observe: names out of files that container runtimes and dpkg keep. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "observe/io/containers.h"
#include "observe/io/packages.h"
#include "observe/observe.h"
#include "temporary.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Writes a file below the root, making its folders. */
static void put(const char *root, const char *path, const char *text)
{
	char whole[512];
	(void)snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	FILE *file = fopen(whole, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void containers_have_the_names_of_their_runtime(void **state)
{
	const char *root = ((const struct temporary *)*state)->path;
	char name[CONTAINER_NAME_BYTES];
	put(root, "/var/lib/docker/containers/" ID "/config.v2.json",
	    "{\"ID\":\"" ID "\",\"Name\":\"/web\"}");
	put(root, "/var/lib/containers/storage/overlay-containers/containers.json",
	    "[{\"id\":\"other\",\"names\":[\"x\"]},{\"id\":\"" ID "\",\"names\":[\"db\",\"y\"]}]");
	put(root, "/run/containerd/io.containerd.runtime.v2.task/k8s.io/" ID "/config.json",
	    "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"api\"}}");
	static const struct {
		const char *runtime, *name;
	} cases[] = {
		{ "docker", "web" }, { "podman", "db" }, { "containerd", "api" }, { "lxc", ID }
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(container_name(name, root, cases[i].runtime, ID), 0);
		assert_string_equal(name, cases[i].name);
	}
}

static void a_name_leads_to_its_container(void **state)
{
	const char *root = ((const struct temporary *)*state)->path;
	static const char *const names[] = { "web2", "db2", "also2", "api2" };
	static const char *const ids[] = { ID "2", ID "3", ID "3", ID "4" };
	char id[OBSERVE_CONTAINER_ID_BYTES] = "untouched";
	put(root, "/var/lib/docker/containers/" ID "1/config.v2.json", "{");
	put(root, "/var/lib/docker/containers/" ID "2/config.v2.json", "{\"Name\":\"/web2\"}");
	put(root, "/var/lib/containers/storage/overlay-containers/containers.json",
	    "[{\"id\":7,\"names\":[\"db2\"]},{\"id\":\"" ID
	    "3\",\"names\":[8,\"db2\",\"also2\"]}]");
	put(root, "/run/containerd/io.containerd.runtime.v2.task/k8s.io/" ID "4/config.json",
	    "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"api2\"}}");
	assert_int_equal(observe_container_find(id, sizeof(id), root, "nobody"), -ENOENT);
	assert_int_equal(observe_container_find(id, sizeof(id), root, ""), -ENOENT);
	assert_int_equal(observe_container_find(id, sizeof(ID), root, "web2"), -ENOENT);
	assert_string_equal(id, "untouched");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(observe_container_find(id, sizeof(id), root, names[i]), 0);
		assert_string_equal(id, ids[i]);
	}
}

static void the_network_of_a_container_is_known(void **state)
{
	const char *root = ((const struct temporary *)*state)->path;
	static const struct {
		const char *path, *text;
		enum observe_network network;
	} cases[] = {
		{ "/var/lib/docker/containers/n0/hostconfig.json", "{\"NetworkMode\":\"host\"}",
		  OBSERVE_NETWORK_HOST },
		{ "/var/lib/docker/containers/n1/hostconfig.json", "{\"NetworkMode\":\"bridge\"}",
		  OBSERVE_NETWORK_OWN },
		{ "/var/lib/docker/containers/n2/hostconfig.json",
		  "{\"NetworkMode\":\"container:web\"}", OBSERVE_NETWORK_OWN },
		{ "/var/lib/docker/containers/n3/hostconfig.json", "{\"NetworkMode\":7}",
		  OBSERVE_NETWORK_UNKNOWN },
		{ "/run/containerd/io.containerd.runtime.v2.task/k8s.io/n4/config.json",
		  "{\"linux\":{\"namespaces\":[{\"type\":\"pid\"}]}}", OBSERVE_NETWORK_HOST },
		{ "/var/lib/containers/storage/overlay-containers/n5/userdata/config.json",
		  "{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"}]}}",
		  OBSERVE_NETWORK_OWN },
		{ "/run/containerd/io.containerd.runtime.v2.task/k8s.io/n6/config.json", "{}",
		  OBSERVE_NETWORK_UNKNOWN },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char id[] = { 'n', (char)('0' + i), '\0' };
		put(root, cases[i].path, cases[i].text);
		assert_int_equal(observe_container_network(root, id), cases[i].network);
	}
	assert_int_equal(observe_container_network(root, "../containers/n1"),
			 OBSERVE_NETWORK_UNKNOWN);
	assert_int_equal(observe_container_network(root, "absent"), OBSERVE_NETWORK_UNKNOWN);
}

static void damaged_state_gives_no_name(void **state)
{
	const char *root = ((const struct temporary *)*state)->path;
	static const char *const texts[] = { "", "{", "[]", "{\"Name\":7}", "{\"Name\":\"\"}" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char name[CONTAINER_NAME_BYTES] = "untouched";
		put(root, "/var/lib/docker/containers/bad/config.v2.json", texts[i]);
		assert_true(container_name(name, root, "docker", "bad") < 0);
		assert_string_equal(name, "untouched");
	}
}

/* An id comes from a cgroup path, which a container's root may have a say in. */
static void id_does_not_lead_out_of_the_folder(void **state)
{
	const char *root = ((const struct temporary *)*state)->path;
	char name[CONTAINER_NAME_BYTES];
	put(root, "/var/lib/docker/evil/config.v2.json", "{\"Name\":\"/evil\"}");
	assert_int_equal(container_name(name, root, "docker", "../evil"), -ENOENT);
	assert_int_equal(container_name(name, root, "docker", ".."), -ENOENT);
	assert_int_equal(container_name(name, root, "docker", ""), -ENOENT);
}

static void packages_are_found_in_lists_of_dpkg(void **state)
{
	const char *root = ((const struct temporary *)*state)->path;
	put(root, "/var/lib/dpkg/info/openssh-server.list", "/.\n/usr\n/usr/sbin/sshd\n");
	put(root, "/var/lib/dpkg/info/bash.list", "/.\n/bin/bash\n");
	put(root, "/var/lib/dpkg/info/libc6:amd64.list", "/lib/x86_64-linux-gnu/ld.so\n");
	put(root, "/var/lib/dpkg/info/openssh-server.md5sums", "/usr/sbin/other\n");
	static const struct {
		const char *executable, *container, *package;
	} cases[] = {
		{ "/usr/sbin/sshd", NULL, "openssh-server" },
		{ "/usr/bin/bash", NULL, "bash" }, /* merged /usr */
		{ "/bin/bash", NULL, "bash" },
		{ "/usr/lib/x86_64-linux-gnu/ld.so", NULL, "libc6" },
		{ "/usr/sbin/sshd", ID, NULL }, /* the container's own */
		{ "/usr/local/bin/sshd", NULL, NULL },
		{ "/usr/sbin/other", NULL, NULL },
		{ "/usr/sbin/ssh", NULL, NULL },
		{ NULL, NULL, NULL },
	};
	struct inventory inventory;
	inventory_init(&inventory, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct process *process = vec_push(&inventory.processes);
		process->executable = cases[i].executable;
		process->container_id = cases[i].container;
	}
	assert_int_equal(find_packages(&inventory, root, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *package = inventory.processes.items[i].package;
		assert_true((package == NULL) == (cases[i].package == NULL));
		if (package != NULL) {
			assert_string_equal(package, cases[i].package);
		}
	}
	inventory_deinit(&inventory);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(containers_have_the_names_of_their_runtime),
		WITH_FOLDER(a_name_leads_to_its_container),
		WITH_FOLDER(the_network_of_a_container_is_known),
		WITH_FOLDER(damaged_state_gives_no_name),
		WITH_FOLDER(id_does_not_lead_out_of_the_folder),
		WITH_FOLDER(packages_are_found_in_lists_of_dpkg),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
