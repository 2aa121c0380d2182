"""minatod: starts, answers, gives its rights away, survives the death of its parts, cleans up."""
import os
import signal
import socket
import stat
import subprocess

import pytest

from daemon import BUILD, Daemon, alive, fixed_port, listen, status_of, until

CAP_SETGID, CAP_SETUID, CAP_KILL, CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_SYS_ADMIN = 6, 7, 5, 2, 19, 21


@pytest.fixture
def daemons():
    """daemons(option...) starts one; all are ended afterwards."""
    made = []

    def make(*options, start=True, **more):
        daemon = Daemon(*options, **more)
        made.append(daemon)
        return daemon.start() if start else daemon

    yield make
    for daemon in reversed(made):
        daemon.remove()


@pytest.fixture
def daemon(daemons):
    return daemons()


def mounts():
    with open("/proc/self/mounts", encoding="utf-8") as f:
        return [line.split()[1] for line in f]


# ---- answers ----

def test_status_tells_what_it_is_and_sees(daemon):
    status = daemon.status()
    assert status["schema"] == 1
    assert status["runtime_directory"] == daemon.runtime
    assert [p["name"] for p in status["processes"]] == ["parent", "engine", "face"]
    assert status["processes"][0]["pid"] == daemon.process.pid
    assert status["events"]["source"] == "kernel", status["events"]
    assert status["coverage"]["owner_source"] == "pinned_iterator"
    assert status["store"]["writable"] is True
    assert status["rules"]["watched"] is False and "--observe" in status["rules"]["reason"]
    assert status["listeners"] > 0


def test_a_listener_is_in_the_answer_at_once_with_its_owner(daemon):
    with listen()[0] as listener:
        port = listener.getsockname()[1]
        ports = daemon.ask(f"/v1/ports?port={port}")["ports"]
        assert [p["port"] for p in ports] == [port]
        assert ports[0]["owners"][0]["pid"] == os.getpid()
        assert ports[0]["address"] == "127.0.0.1"
        assert daemon.ask(f"/v1/ports?port={port}&exposure=any")["ports"] == []
        assert daemon.ask(f"/v1/ports?port={port}&protocol=udp")["ports"] == []
        assert len(daemon.ask(f"/v1/ports?port={port}&pid={os.getpid()}")["ports"]) == 1
        one = daemon.ask(f"/v1/ports/{port}")
        assert one["ports"] == ports or one["ports"][0]["port"] == port
        assert one["knowledge"]["class"] in ("user", "dynamic")


def test_connections_are_told_when_asked_for(daemon):
    listener, port = listen()
    with listener, socket.create_connection(("127.0.0.1", port)):
        document = daemon.ask(f"/v1/ports?port={port}&connections=true")
        assert {c["direction"] for c in document["connections"]} >= {"inbound"}
        assert "connections" not in daemon.ask(f"/v1/ports?port={port}")


def test_other_network_namespaces_are_seen(daemon, netns):
    name = netns()
    program = subprocess.Popen(["ip", "netns", "exec", name, "/usr/bin/python3", "-c",
                                "import socket,sys; s=socket.socket(); s.bind(('127.0.0.1', 7777)); s.listen();"
                                "print(1, flush=True); sys.stdin.read()"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert program.stdout.readline() == b"1\n"
        ports = daemon.ask("/v1/ports?port=7777")["ports"]
        assert name in [p["netns_name"] for p in ports]
    finally:
        program.communicate()


def test_no_socket_keeps_a_network_namespace_alive(daemon, netns):
    name = netns()
    inode = os.stat(f"/run/netns/{name}").st_ino
    daemon.ask("/v1/ports")
    for pid in (*daemon.pids().values(), daemon.helper()):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
            except OSError:
                continue
            assert target != f"net:[{inode}]"
    subprocess.run(["ip", "netns", "del", name], check=True)
    daemon.ask("/v1/ports")
    assert all(row["netns"] != inode for row in daemon.ask("/v1/ports")["ports"])


@pytest.mark.parametrize("target, status, code", [
    ("/", 404, "not_found"),
    ("/v1/ports?port=x", 400, "bad_value"),
    ("/v1/ports?prot=tcp", 400, "unknown_parameter"),
    ("/v1/ports?process=" + "x" * 5000, 414, "target_too_long"),
])
def test_faults_are_json_with_a_way_on(daemon, target, status, code):
    got, document = daemon.get(target)
    assert (got, document["error"]["code"]) == (status, code)
    assert document["error"]["message"] and document["error"]["next"]


def test_only_get_is_served_and_no_body(daemon):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert daemon.get("/v1/status", method=method)[0] == 405
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(daemon.socket)
        client.sendall(b"GET /v1/status HTTP/1.1\r\nHost: m\r\nContent-Length: 1\r\n\r\nx")
        assert b"400" in client.recv(4096).split(b"\r\n")[0]


def test_headers_without_end_are_cut_off(daemon):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(daemon.socket)
        client.settimeout(20)
        client.sendall(b"GET /v1/status HTTP/1.1\r\nHost: m\r\n")
        with pytest.raises((BrokenPipeError, ConnectionResetError, StopIteration)):
            for _ in range(10000):
                client.sendall(b"X-Filler: " + b"y" * 1000 + b"\r\n")
                client.setblocking(False)
                try:
                    if b"431" in client.recv(4096):
                        raise StopIteration
                except BlockingIOError:
                    pass
                client.setblocking(True)
            pytest.fail("10 MB of headers were taken")
    assert daemon.status()["schema"] == 1


def test_too_many_connections_do_not_stop_it(daemon):
    idle = [socket.socket(socket.AF_UNIX) for _ in range(200)]
    try:
        for client in idle:
            client.settimeout(1)
            try:
                client.connect(daemon.socket)
            except OSError:
                pass
    finally:
        for client in idle:
            client.close()

    def answers():
        try:
            return daemon.get("/v1/status")[0] == 200
        except OSError:
            return False

    until(answers, "it answers again")


def test_the_document_is_served(daemon):
    document = daemon.ask("/v1/openapi.json")
    assert document["openapi"].startswith("3.")
    assert "/v1/events/stream" in document["paths"]


# ---- rights ----

def mask(*capabilities):
    return sum(1 << c for c in capabilities)


def test_every_process_has_only_the_rights_it_needs(daemon):
    pids = {**daemon.pids(), "helper": daemon.helper()}
    allowed = {
        "parent": mask(CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_DAC_READ_SEARCH),
        "helper": mask(CAP_SYS_ADMIN, CAP_SYS_PTRACE),
        "engine": 0,
        "face": 0,
    }
    users = set()
    for name, pid in pids.items():
        status = status_of(pid)
        assert int(status["CapEff"], 16) == allowed[name], name
        assert int(status["CapPrm"], 16) == allowed[name], name
        assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == int(status["CapBnd"], 16) == 0, name
        assert status["NoNewPrivs"] == "1", name
        assert status["Seccomp"] == "2", name
        users.add(status["Uid"])
    assert len(users) == 3
    for name in ("engine", "face"):
        uids = status_of(pids[name])["Uid"].split()
        assert len(set(uids)) == 1 and uids[0] != "0"


def test_nothing_but_what_it_needs_is_open(daemon):
    """The face holds sockets and what its loop is made of: no file, no directory."""
    face = daemon.pids()["face"]
    targets = {os.readlink(f"/proc/{face}/fd/{fd}") for fd in os.listdir(f"/proc/{face}/fd")}
    strange = [t for t in targets if not t.startswith(("socket:", "anon_inode:", "/dev/null", "/tmp/#", "pipe:"))
               and "(deleted)" not in t]
    assert strange == []


def test_named_users_and_groups_are_taken(daemons):
    daemon = daemons("--user-engine", "61500", "--user-face", "61501", "--group", "61502")
    pids = daemon.pids()
    assert status_of(pids["engine"])["Uid"].split()[0] == "61500"
    assert "61502" in status_of(pids["engine"])["Groups"].split()
    assert status_of(pids["face"])["Uid"].split()[0] == "61501"
    assert status_of(pids["face"])["Groups"].split() == ["61501"]
    info = os.stat(daemon.socket)
    assert (info.st_gid, stat.S_IMODE(info.st_mode)) == (61502, 0o660)
    pin = os.stat(daemon.runtime + "/bpf/listener_owners")
    assert (pin.st_gid, stat.S_IMODE(pin.st_mode)) == (61502, 0o440)


@pytest.mark.parametrize("options, part", [
    (("--user-engine", "root"), "root"),
    (("--user-engine", "61500", "--user-face", "61500"), "different users"),
    (("--user-face", "nobody-of-this-name"), "no user"),
    (("--group", "no-such-group"), "no group"),
    (("--sweep-seconds", "0"), "1 to 86400"),
    (("--polcy", "x"), "unknown option"),
    (("extra",), "too many words"),
])
def test_bad_options_are_refused_with_a_sentence(daemons, options, part):
    daemon = daemons(*options, start=False)
    daemon.start(ready=False)
    assert daemon.process.wait(20) in (1, 3)
    assert part in daemon.said()
    assert not os.path.exists(daemon.runtime)


def test_a_state_directory_of_somebody_else_is_refused(daemons, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    daemon = daemons(start=False, state=str(tmp_path))
    daemon.start(ready=False)
    assert daemon.process.wait(20) == 1
    assert "letter.txt" in daemon.said()
    assert (tmp_path / "letter.txt").stat().st_uid == os.getuid()


def test_a_runtime_directory_that_others_may_write_is_refused(daemons, tmp_path):
    tmp_path.chmod(0o777)
    daemon = daemons(start=False, runtime=str(tmp_path))
    daemon.start(ready=False)
    assert daemon.process.wait(20) == 1
    assert "writable by root alone" in daemon.said()


def test_folders_closed_to_others_are_no_obstacle(daemons, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    daemon = daemons(runtime=str(closed / "run"), state=str(closed / "state"))
    until(lambda: daemon.status()["store"]["written_id"] > 0, "the start is written")
    status = daemon.status()
    assert status["store"]["writable"] is True
    assert status["coverage"]["owner_source"] == "pinned_iterator"


def test_without_root_it_says_so():
    done = subprocess.run(["setpriv", "--reuid", "61999", "--clear-groups", BUILD / "minatod"], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode == 4 or "Permission denied" in done.stderr
    assert "root" in done.stderr or "Permission denied" in done.stderr


# ---- lives and deaths ----

@pytest.mark.parametrize("name", ["engine", "face"])
def test_a_child_that_dies_is_started_again(daemon, name):
    before = daemon.pids()[name]
    os.kill(before, signal.SIGKILL)

    def replaced():
        try:
            process = next(p for p in daemon.status()["processes"] if p["name"] == name)
        except (OSError, AssertionError, StopIteration):
            return False
        return process["pid"] != before and process["restarts"] == 1

    until(replaced, f"a new {name}")
    assert daemon.ask("/v1/ports")["ports"]
    events = daemon.ask("/v1/events?kind=child_restarted")["events"]
    assert [(e["process"], e["count"]) for e in events] == [(name, 1)]


def test_a_child_that_dies_again_and_again_ends_the_daemon(daemon):
    def kill_face():
        try:
            os.kill(daemon.pids()["face"], signal.SIGKILL)
        except (OSError, AssertionError, KeyError, ValueError):
            pass
        return daemon.process.poll() is not None

    until(kill_face, "the daemon gives up", seconds=60)
    assert daemon.process.returncode == 1
    assert "giving up" in daemon.said()
    until(lambda: not os.path.exists(daemon.runtime), "everything is removed")


def test_sigterm_removes_everything(daemon):
    pids = [*daemon.pids().values(), daemon.helper()]
    assert daemon.stop() == 0
    assert not os.path.exists(daemon.runtime)
    assert daemon.runtime + "/bpf" not in mounts()
    assert not any(alive(pid) for pid in pids)


def test_kill_of_the_parent_ends_the_others_and_cleans_up(daemon):
    pids = [*daemon.pids().values(), daemon.helper()]
    daemon.kill()
    until(lambda: not any(alive(pid) for pid in pids), "the children end themselves")
    assert not os.path.exists(daemon.runtime)
    assert daemon.runtime + "/bpf" not in mounts()


def test_what_a_dead_daemon_left_is_cleaned_up_by_the_next(daemon):
    """Parent and helper killed at once: then nobody cleans up but the next start."""
    os.kill(daemon.helper(), signal.SIGSTOP)
    helper = daemon.helper()
    daemon.kill()
    os.kill(helper, signal.SIGKILL)
    until(lambda: not alive(helper), "the helper is gone")
    assert daemon.runtime + "/bpf" in mounts()
    daemon.start()
    assert mounts().count(daemon.runtime + "/bpf") == 1
    assert daemon.stop() == 0
    assert daemon.runtime + "/bpf" not in mounts()


def test_a_restart_right_after_a_kill_waits_for_the_cleaning(daemon):
    daemon.kill()
    daemon.start()
    assert daemon.status()["coverage"]["owner_source"] == "pinned_iterator"


def test_two_run_side_by_side(daemons):
    first, second = daemons(), daemons()
    assert first.status()["runtime_directory"] != second.status()["runtime_directory"]
    uids = [status_of(pid)["Uid"].split()[0] for d in (first, second) for n, pid in d.pids().items() if n != "parent"]
    assert len(set(uids)) == 4
    assert first.stop() == 0
    assert second.status()["coverage"]["owner_source"] == "pinned_iterator"


def test_a_second_one_in_the_same_place_is_refused(daemons, daemon):
    second = daemons(start=False, runtime=daemon.runtime)
    second.start(ready=False)
    assert second.process.wait(20) == 1
    assert "another minatod runs" in second.said()
    third = daemons(start=False, state=daemon.state)
    third.start(ready=False)
    assert third.process.wait(20) == 1
    assert "another minatod writes" in third.said()
    assert daemon.status()["store"]["writable"] is True


# ---- orders ----

def order(daemon, word):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
        control.settimeout(20)
        control.connect(daemon.runtime + "/control.sock")
        control.send(word)
        return control.recv(256).decode()


def test_orders_are_for_root_and_few(daemon):
    assert order(daemon, b"ping").startswith("minatod ")
    assert order(daemon, b"flush everything").startswith("unknown order")
    assert order(daemon, b"x" * 500) == "the order is too long"
    info = os.stat(daemon.runtime + "/control.sock")
    assert (info.st_uid, stat.S_IMODE(info.st_mode)) == (0, 0o600)
    os.chmod(daemon.runtime + "/control.sock", 0o666)
    attempt = subprocess.run(["setpriv", "--reuid", "61999", "--clear-groups", "/usr/bin/python3", "-c",
                              "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET);"
                              "s.connect(sys.argv[1]); s.send(b'ping'); print(len(s.recv(100)))",
                              daemon.runtime + "/control.sock"], capture_output=True, text=True, timeout=20)
    assert attempt.stdout.strip() in ("", "0"), attempt.stdout
    until(lambda: "may not give orders" in daemon.said(), "the parent says who tried")


POLICY = """minato: 1
ports:
  test: {port: PORT/tcp, for: a test, owner: test@example.jp, from: host}
"""


def test_the_policy_is_read_and_read_again(daemons, tmp_path):
    listener, port = listen(fixed_port())
    policy = tmp_path / "policy.yaml"
    policy.write_text("minato: 1\ninclude: [more/part.yaml]\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "part.yaml").write_text(POLICY.replace("PORT", "1"))
    tmp_path.chmod(0o700)
    with listener:
        daemon = daemons("--policy", policy)
        status = until(lambda: daemon.status()["policy"]["declared"] and daemon.status(), "the policy is read")
        assert status["policy"]["declarations"] == 1
        until(lambda: [f["finding"] for f in daemon.ask(f"/v1/findings?port={port}")["findings"]]
              == ["undeclared-listener"], "the undeclared listener is found")
        (tmp_path / "more" / "part.yaml").write_text(POLICY.replace("PORT", str(port)))
        assert order(daemon, b"reload") == "reloading"
        until(lambda: daemon.ask(f"/v1/findings?port={port}")["findings"] == [], "it is in order now")
        events = [e["kind"] for e in daemon.ask(f"/v1/events?port={port}&kind=finding_raised,finding_cleared")["events"]]
        assert events == ["finding_cleared", "finding_raised"]
        policy.write_text("minato: 1\nnonsense: 2\n")
        daemon.process.send_signal(signal.SIGHUP)
        fault = until(lambda: daemon.status()["policy"]["fault"], "the fault is told")
        assert "nonsense" in fault
        assert daemon.status()["policy"]["declarations"] == 1


def test_the_policy_cannot_reach_outside_its_folder(daemons, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.yaml").write_text("minato: 1\n")
    (tmp_path / "in" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    for path in ("../secret.yaml", "link.yaml", "/etc/shadow"):
        (tmp_path / "in" / "policy.yaml").write_text(f"minato: 1\ninclude: [{path}]\n")
        daemon = daemons("--policy", tmp_path / "in" / "policy.yaml")
        until(lambda: daemon.status()["policy"]["fault"], "the include is refused")
        assert daemon.status()["policy"]["declared"] is False
        assert daemon.stop() == 0
