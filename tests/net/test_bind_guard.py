"""The bind guard: who may bind a declared port, on the real kernel.

Everything happens below a cgroup, in network namespaces and under pins that each test makes for itself: nothing
else of this machine is guarded.
"""
import subprocess
import time

import pytest

from guard_world import ID, NOBODY, OTHER, PROBE, RESERVED, WEB, cgroup2, guarded_host

host = pytest.fixture(guarded_host)


# ---- units ----

def test_only_the_unit_binds_its_port(host):
    host.guard(("18080/tcp", "unit: web.service"))
    assert host.binds(18080, WEB)
    assert host.binds(18080, f"{WEB}/worker/inner")
    assert host.binds(18080, "system.slice/system-x.slice/web.service")
    assert not host.binds(18080, OTHER)
    assert not host.binds(18080, ".")
    assert not host.binds(18080, "system.slice/web.service2")
    assert not host.binds(18080, "system.slice/we.service")
    assert host.binds(18081, OTHER)


def test_a_user_cannot_name_a_cgroup_like_the_unit(host):
    host.guard(("18080/tcp", "unit: web.service"))
    assert not host.binds(18080, "user.slice/user-1000.slice/user@1000.service/web.service")
    assert not host.binds(18080, "user.slice/user-1000.slice/user@1000.service/app.slice/web.service")
    assert not host.binds(18080, f"{OTHER}/web.service")
    deep = "/".join(f"l{n}.slice" for n in range(17)) + "/web.service"
    assert not host.binds(18080, deep)


def test_a_restarted_unit_has_another_cgroup_and_binds(host):
    host.guard(("18080/tcp", "unit: web.service"))
    before = host.group(WEB).stat().st_ino
    assert host.binds(18080, WEB)
    host.remove_group(WEB)
    assert not host.binds(18080, OTHER)
    assert host.group(WEB).stat().st_ino != before
    assert host.binds(18080, WEB)


def test_process_1_binds_for_a_socket_unit(host):
    init = host.binder("init.scope", before=("unshare", "--pid", "--fork"))
    assert init.tell("bind", "tcp", "127.0.0.1", 18080) == 0
    inside = ("nsenter", f"--pid=/proc/{init.pid()}/ns/pid", "--")
    host.guard(("18080/tcp", "unit: web.service"), ("18081/tcp", "user: nobody"), before=inside)
    assert init.bind(18080)
    procs = {name: host.group(f"system.slice/{name}") / "cgroup.procs" for name in ("web.socket", "x.service")}
    # systemd's helper stands in the cgroup of the socket unit and is the same program.
    assert init.child(procs["web.socket"], 18080)
    assert not init.child(procs["x.service"], 18080)
    assert not init.child(procs["web.socket"], 18080, program=host.copy("another"))
    # Neither the process 1 of another pid namespace, nor one outside of any.
    assert not host.binds(18080, "init.scope", before=("unshare", "--pid", "--fork"))
    assert not host.binds(18080, "system.slice/web.socket")


# ---- executables ----

def test_only_the_executable_binds_its_port(host):
    web, other = host.copy("bin/web"), host.copy("bin/web2")
    host.guard(("18080/tcp", f"executable: {web}"))
    assert host.binds(18080, program=web)
    assert not host.binds(18080, program=other)
    assert not host.binds(18080)
    assert not host.binds(18080, program=host.copy("web"))
    (host.folder / "link").symlink_to(web)
    assert host.binds(18080, program=host.folder / "link")


def test_an_upgraded_executable_binds_and_so_does_the_old_one(host):
    web = host.copy("bin/web")
    host.guard(("18080/tcp", f"executable: {web}"))
    old = host.binder(program=web)
    assert old.bind(18080)
    host.copy("bin/web.dpkg-new").rename(web)
    assert host.binds(18080, program=web)
    assert old.bind(18080)
    # The same when nothing was remembered of the old one.
    host.guard(("18080/tcp", f"executable: {web}"))
    assert old.bind(18080)
    assert host.binds(18080, program=web)


def test_what_comes_in_the_place_of_the_executables_inode_is_another_file(host):
    web = host.copy("bin/web")
    host.guard(("18080/tcp", f"executable: {web}"))
    assert host.binds(18080, program=web)
    # The file may go and its inode come again as something else: whoever has it next is not the program.
    web.unlink()
    for n in range(20):
        assert not host.binds(18080, program=host.copy(f"bin/rogue{n}"))


def test_an_executable_that_comes_later_binds(host):
    (host.folder / "bin").mkdir()
    host.guard(("18080/tcp", f"executable: {host.folder}/bin/later"))
    assert host.binds(18080, program=host.copy("bin/later"))
    assert not host.binds(18080)


def test_a_mount_over_the_executable_is_another_file(host):
    web = host.copy("bin/web")
    rogue = host.copy("rogue")
    host.guard(("18080/tcp", f"executable: {web}"))
    script = f'mount -t tmpfs x {web.parent} && cp {rogue} {web} && exec {web} "$@"'
    assert not host.binds(18080, before=("unshare", "--mount", "sh", "-c", script))
    assert host.binds(18080, before=("unshare", "--mount", "sh", "-c", f'exec {web} "$@"'))
    bound = f'mkdir {host.folder}/b && mount --bind {web.parent} {host.folder}/b && exec {host.folder}/b/web "$@"'
    assert host.binds(18080, before=("unshare", "--mount", "sh", "-c", bound))


# ---- users, all together ----

def test_only_the_user_and_root_bind(host):
    host.guard(("18080/tcp", "user: nobody"), ("18081/tcp", "user: root"))
    assert host.binds(18080, user=NOBODY)
    assert host.binds(18080)
    assert not host.binds(18080, user=1234)
    assert host.binds(18081)
    assert not host.binds(18081, user=NOBODY)
    # Root of a user namespace of one's own is still that user.
    assert not host.binds(18080, user=1234, before=("unshare", "--user", "--map-root-user"))


def test_every_given_part_must_fit_and_the_record_tells_which_did_not(host):
    web = host.copy("bin/web")
    host.guard(("18080/tcp", f"unit: web.service, executable: {web}, user: nobody"))
    assert host.binds(18080, WEB, program=web, user=NOBODY)
    assert not host.binds(18080, OTHER, program=web, user=NOBODY)
    assert not host.binds(18080, WEB, user=NOBODY)
    assert not host.binds(18080, WEB, program=web, user=1234)
    assert [each["misfit"] for each in host.attempts()] == ["unit", "executable", "user"]


def test_one_of_two_programs_suffices(host):
    host.policy.write_text("minato: 1\nports:\n" + "".join(
        f"  {unit}: {{port: 18053/udp, for: t, owner: o, from: host, interface: {interface}, "
        f"program: {{unit: {unit}.service}}}}\n" for unit, interface in (("web", "eth0"), ("other", "eth1"))))
    done = host.minato("on", "--mode", "enforce")
    assert done.returncode == 0, done.stderr
    assert host.binds(18053, WEB, "udp")
    assert host.binds(18053, OTHER, "udp")
    assert not host.binds(18053, "system.slice/third.service", "udp")


# ---- containers ----

@pytest.mark.parametrize("cgroup", [
    f"system.slice/docker-{ID}.scope",
    f"machine.slice/libpod-{ID}.scope/container",
    f"kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope",
    f"docker/{ID}",
    f"docker/{ID}/inner",
    f"libpod_parent/libpod-{ID}",
])
def test_a_container_is_told_by_its_id(host, cgroup):
    host.guard(("18080/tcp", f'container: "{ID}"'), ("18081/tcp", f'container: "{ID[:12]}"'),
               ("18082/tcp", f'container: "{ID[1:]}0"'))
    assert host.binds(18080, cgroup, user=NOBODY)
    assert host.binds(18081, cgroup, user=NOBODY)
    assert not host.binds(18082, cgroup, user=NOBODY)


@pytest.mark.parametrize("cgroup", [
    f"user.slice/user-1.slice/user@1.service/docker-{ID}.scope",
    f"user.slice/user-1.slice/user@1.service/docker/{ID}",
    f"system.slice/docker-{ID[:-1]}.scope",
    f"system.slice/docker-f{ID[1:]}.scope",
    f"mine/{ID}",
    f"docker/f{ID[1:]}/{ID}",
    "docker",
    OTHER,
])
def test_what_only_looks_like_the_container_is_refused(host, cgroup):
    host.guard(("18080/tcp", f'container: "{ID}"'))
    assert not host.binds(18080, cgroup)


def test_docker_proxy_binds_for_containers(host):
    proxy = host.copy("docker-proxy")
    host.guard(("18080/tcp", f'container: "{ID}"'), ("18081/tcp", "unit: web.service"))
    assert host.binds(18080, program=proxy)
    assert not host.binds(18080, program=proxy, user=NOBODY)
    assert not host.binds(18080, program=host.copy("docker-proxy2"))
    assert not host.binds(18080, program=proxy, before=("unshare", "--pid", "--fork"))
    assert not host.binds(18081, program=proxy)


# ---- protocols, namespaces ----

def test_both_families_and_protocols(host):
    host.guard(("[18080/tcp, 18081/udp]", "unit: web.service"))
    for address in ("127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"):
        for protocol, port in (("tcp", 18080), ("udp", 18081)):
            assert host.binds(port, WEB, protocol, address), (address, protocol)
            assert not host.binds(port, OTHER, protocol, address), (address, protocol)
    assert host.binds(18081, OTHER, "tcp") and host.binds(18080, OTHER, "udp")
    assert host.binds(0, OTHER) and host.binds(0, OTHER, "udp", "::1")


def test_mptcp_counts_as_tcp(host):
    if host.binder().tell("bind", "mptcp", "127.0.0.1", 18080) != 0:
        pytest.skip("this kernel has no MPTCP")
    host.guard(("18080/tcp", "unit: web.service"))
    assert host.binds(18080, WEB, "mptcp")
    assert not host.binds(18080, OTHER, "mptcp")


def test_other_network_namespaces_keep_their_ports(host):
    other = host.make_namespace()
    host.guard(("18080/tcp", "unit: web.service"))
    assert host.binds(18080, namespace=other)
    assert not host.binds(18080)
    assert host.binds(18080, before=("unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$0" "$@"'))


# ---- modes ----

def test_observe_tells_and_refuses_nothing(host):
    host.guard(("18080/tcp", "unit: web.service"), mode="observe")
    rogue = host.binder(OTHER, user=1234)
    assert rogue.bind(18080, address="::1")
    assert host.binds(18080, WEB)
    [attempt] = host.attempts()
    assert (attempt["misfit"], attempt["refused"], attempt["port"], attempt["protocol"], attempt["address"]) == (
        "unit", False, 18080, "tcp", "::1")
    assert (attempt["pid"], attempt["uid"], attempt["process"]) == (rogue.process.pid, 1234, "guard-probe")
    status = host.status()
    assert (status["mode"], status["watched_count"], status["refused_count"], status["fitting_count"]) == (
        "observe", 1, 0, 1)


def test_a_refusal_is_a_record(host):
    host.guard(("18080/udp", "unit: web.service"))
    rogue = host.binder(OTHER)
    assert not rogue.bind(18080, "udp", "127.0.0.7")
    [attempt] = host.attempts()
    assert (attempt["refused"], attempt["protocol"], attempt["address"], attempt["pid"]) == (
        True, "udp", "127.0.0.7", rogue.process.pid)
    assert host.attempts() == []


def test_ssh_is_watched_unless_told_otherwise(host):
    rules = (("18022/tcp", "unit: ssh.service"), ("18080/tcp", "unit: web.service"))
    assert "d0: watched only" in host.guard(*rules)
    assert host.binds(18022) and not host.binds(18080)
    assert [each["refused"] for each in host.attempts()] == [False, True]
    assert "d0" not in host.guard(*rules, words=["--even-never-cut"])
    assert not host.binds(18022)


def test_lost_records_are_counted(host):
    host.guard(("18080/tcp", "unit: web.service"))
    assert host.binder().tell("often", 5000, "tcp", "127.0.0.1", 18080) == 5000
    status = host.status()
    kept = len(host.attempts())
    assert status["refused_count"] == 5000
    assert status["lost_count"] > 0
    assert kept + status["lost_count"] == 5000


# ---- one policy after the other ----

def test_a_second_load_replaces_the_first(host):
    host.guard(("18080/tcp", "unit: web.service"))
    assert not host.binds(18080)
    host.guard(("18081/tcp", "unit: web.service"))
    assert host.binds(18080) and not host.binds(18081)
    assert host.status()["refused_count"] == 2
    assert sorted(pin.name for pin in host.pins.iterdir()) == ["bind4", "bind6", "counters", "ring", "sets"]


def test_no_bind_meets_half_a_policy(host):
    # In the second one every number of a rule stands for something else than in the first.
    first = [("18080/tcp", "unit: web.service"), ("18081/tcp", "unit: other.service")]
    second = [(f"{19000 + n}/tcp", "user: nobody") for n in range(5)] + first[::-1]
    paths = []
    for n, rules in enumerate((first, second)):
        host.declare([(*rule, "host") for rule in rules])
        paths.append(host.policy.rename(host.folder / f"{n}.yaml"))
    # The namespace is that of the storm itself; the binders are in it.
    storm = subprocess.Popen(["nsenter", f"--net=/run/netns/{host.namespace}", PROBE, "storm", host.pins, host.cgroup,
                              *paths, "400"], stderr=subprocess.PIPE, text=True)
    try:
        web, other = host.binder(WEB), host.binder(OTHER)
        while not (host.pins / "bind6").exists():
            assert storm.poll() is None, storm.stderr.read()
        rounds = 0
        while storm.poll() is None:
            assert web.tell("often", 5000, "tcp", "127.0.0.1", 18080) == 0
            assert web.tell("often", 5000, "tcp", "127.0.0.1", 18081) == 5000
            assert other.tell("often", 5000, "tcp", "127.0.0.1", 18081) == 0
            assert other.tell("often", 5000, "tcp", "127.0.0.1", 18080) == 5000
            rounds += 1
        assert storm.returncode == 0, storm.stderr.read()
        assert rounds > 0
    finally:
        storm.kill()
        storm.wait()
        storm.stderr.close()


def test_another_cgroup_is_refused_while_one_is_guarded(host):
    host.guard(("18080/tcp", "unit: web.service"))
    done = host.minato("on", MINATO_GUARD_CGROUP=str(host.group("elsewhere")))
    assert done.returncode == 1 and "another cgroup" in done.stderr
    assert not host.binds(18080)


def test_a_guard_whose_cgroup_went_is_told_and_made_anew(host):
    gone = host.group("gone")
    host.guard(("18080/tcp", "unit: web.service"), MINATO_GUARD_CGROUP=str(gone))
    gone.rmdir()
    deadline = time.monotonic() + 20
    while host.status()["attached"]:  # the kernel lets go of a removed cgroup later
        assert time.monotonic() < deadline
    host.guard(("18080/tcp", "unit: web.service"))
    assert host.status()["attached"] is True
    assert not host.binds(18080)


# ---- off ----

def test_off_puts_everything_back(host):
    host.inside("sh", "-c", f"echo 3000,8080 > {RESERVED}")
    host.guard(("[8080/tcp, 18080-18082/tcp, 40000/udp]", "unit: web.service"))
    assert host.inside("cat", RESERVED).strip() == "3000,8080,18080-18082,40000"
    host.guard(("18090/tcp", "unit: web.service"))
    assert host.inside("cat", RESERVED).strip() == "3000,8080,18090"
    assert host.minato("off").returncode == 0
    assert host.inside("cat", RESERVED).strip() == "3000,8080"
    assert not host.pins.exists()
    assert host.binds(18090)
    assert host.status() == {"loaded": False, "attached": False, "this_namespace": False, "outdated": False}
    again = host.minato("off")
    assert again.returncode == 0 and "no bind guard was on" in again.stdout


def test_minato_off_ends_it_too(host):
    host.guard(("18080/tcp", "unit: web.service"))
    assert host.pins.exists()
    done = host.minato(command="off")
    assert done.returncode == 0 and "the bind guard is off" in done.stdout, done.stderr
    assert not host.pins.exists()


def test_long_lists_of_reserved_ports_arrive_whole(host):
    ports = range(20001, 29001, 3)
    host.guard(*((f"{port}/tcp", "user: root") for port in list(ports)[:1500]))
    assert host.inside("cat", RESERVED).strip() == ",".join(str(port) for port in list(ports)[:1500])
    host.minato("off")
    assert host.inside("cat", RESERVED).strip() == ""


def test_the_ephemeral_range_is_not_used_up(host):
    text = host.guard(("32000-60999/udp", "unit: web.service"))
    assert "too much of the ephemeral range" in text
    assert host.inside("cat", RESERVED).strip() == ""
    assert not host.binds(45000, protocol="udp")


# ---- what is missing is told ----

def test_without_bpf(host):
    host.declare([("18080/tcp", "unit: web.service", "host")])
    done = host.minato("on", MINATO_WITHOUT="bpf")
    assert done.returncode == 1
    assert "MINATO_WITHOUT" in done.stderr and "no port is kept for its program" in done.stderr
    assert not host.pins.exists()


def test_without_cgroup2(host):
    host.declare([("18080/tcp", "unit: web.service", "host")])
    done = host.minato("on", before=("unshare", "--mount", "sh", "-c", f'umount -l {cgroup2()} && exec "$0" "$@"'),
                       MINATO_GUARD_CGROUP=None)
    assert done.returncode == 1
    assert "no cgroup v2 is mounted" in done.stderr and "no port is kept for its program" in done.stderr


def test_without_a_bpf_file_system(host):
    host.declare([("18080/tcp", "unit: web.service", "host")])
    done = host.minato("on", MINATO_GUARD_DIRECTORY=str(host.folder / "pins"))
    assert done.returncode == 1 and "mount -t bpf bpf /sys/fs/bpf" in done.stderr
    assert not (host.folder / "pins").exists()


def test_it_is_roots(host):
    done = host.minato("on", before=("setpriv", "--reuid", "65534", "--clear-groups"))
    assert done.returncode == 4 and "sudo minato guard on" in done.stderr
