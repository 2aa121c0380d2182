/* Loading and attaching the programs that tell of listeners as they come and go. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <events.skel.h>

#include "base/cleanup.h"
#include "base/io/mounts.h"
#include "observe/observe.h"

enum { CGROUP_PATH_BYTES = 256 };

static void keep(struct observe_event_fds *fds, int link, unsigned source)
{
	if (link >= 0) {
		fds->links[fds->link_count++] = link;
		fds->sources |= source;
	}
}

static int attach_cgroup(int program, int cgroup, enum bpf_attach_type type)
{
	return cgroup < 0 ? -1 : skel_link_create(program, cgroup, type);
}

/* A source that cannot be attached is missing from `sources`; the sweep stands in for it. */
static void attach(struct observe_event_fds *fds, const struct events *skeleton)
{
	keep(fds, skel_raw_tracepoint_open(NULL, skeleton->progs.tcp_state.prog_fd),
	     OBSERVE_EVENTS_TCP);
	char path[CGROUP_PATH_BYTES];
	_cleanup_(close_fdp) int cgroup = -1;
	if (mounts_cgroup2(path, sizeof(path)) == 0) {
		cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	/* Release first: no bound socket may be remembered whose end is not seen. */
	keep(fds,
	     attach_cgroup(skeleton->progs.udp_released.prog_fd, cgroup,
			   BPF_CGROUP_INET_SOCK_RELEASE),
	     OBSERVE_EVENTS_UDP_RELEASE);
	if ((fds->sources & OBSERVE_EVENTS_UDP_RELEASE) == 0) {
		return;
	}
	keep(fds,
	     attach_cgroup(skeleton->progs.udp_bound_ipv4.prog_fd, cgroup,
			   BPF_CGROUP_INET4_POST_BIND),
	     OBSERVE_EVENTS_UDP_BIND);
	keep(fds,
	     attach_cgroup(skeleton->progs.udp_bound_ipv6.prog_fd, cgroup,
			   BPF_CGROUP_INET6_POST_BIND),
	     OBSERVE_EVENTS_UDP_BIND);
}

static int copy_fd(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return copy < 0 ? -errno : copy;
}

static int load(struct observe_event_fds *fds, struct events *skeleton, struct err *e)
{
	int r = events__load(skeleton);
	if (r == -EPERM || r == -ENOMEM) {
		return err_system(e, r, "cannot load the BPF programs for events");
	}
	if (r < 0) {
		return err_set(e, EOPNOTSUPP, "this kernel takes no BPF programs for events");
	}
	fds->ring = copy_fd(skeleton->maps.ring.map_fd);
	fds->counters = copy_fd(skeleton->maps.counters.map_fd);
	if (fds->ring < 0 || fds->counters < 0) {
		return err_system(e, EMFILE, "cannot keep the BPF programs for events");
	}
	attach(fds, skeleton);
	return fds->sources != 0 ? 0 : err_set(e, EOPNOTSUPP, "no source of events to attach to");
}

int observe_events_load(struct observe_event_fds *out, size_t ring_bytes, unsigned without,
			struct err *e)
{
	if ((without & (OBSERVE_WITHOUT_BPF | OBSERVE_WITHOUT_BTF)) != 0) {
		return err_set(e, EOPNOTSUPP, "no BPF here (MINATO_WITHOUT)");
	}
	struct observe_event_fds fds = { .ring = -1, .counters = -1, .ring_bytes = ring_bytes };
	struct events *skeleton = events__open();
	if (skeleton == NULL) {
		return err_system(e, ENOMEM, "events");
	}
	skeleton->maps.ring.max_entries = (__u32)ring_bytes;
	int r = load(&fds, skeleton, e);
	/* The links keep the programs, our copies keep the maps. */
	events__destroy(skeleton);
	if (r < 0) {
		observe_event_fds_close(&fds);
		return r;
	}
	*out = fds;
	return 0;
}

void observe_event_fds_close(struct observe_event_fds *fds)
{
	if (fds == NULL) {
		return;
	}
	close_fdp(&fds->ring);
	close_fdp(&fds->counters);
	for (unsigned i = 0; i < fds->link_count; i++) {
		close_fdp(&fds->links[i]);
	}
	fds->link_count = 0;
}
