"""move: sshd goes to another port with logins on both, and every failure ends where it began."""
import json
import os
import pathlib
import subprocess
import time

import pytest

from moving_host import MovingHost, SocketHost
from openssh import LIBRARIES
from test_lockout import Terminal
from world import MINATO, World, run

POLICY = """# ports of this host
minato: 1
ports:
  # the way in
  ssh:
    port: 22/tcp   # where everybody looks
    for: administration
    owner: o
    from: [10.77.0.2]
  web: {port: 8080/tcp, for: a site, owner: o, from: any}
"""
DROP_IN = "ssh/sshd_config.d/minato-port.conf"


@pytest.fixture
def world():
    made = World()
    yield made
    made.remove()


@pytest.fixture
def make(world):
    def start(*words, policy=POLICY, kind=MovingHost, **more):
        host = kind(world, *words, **more)
        world.hold(policy)
        return host
    return start


@pytest.fixture
def host(make):
    return make()


def session(host, port=22):
    """A login that stays; its words for what it runs."""
    path = host.folder / f"control-{port}"
    process = subprocess.Popen([str(w) for w in host.words("-M", "-S", path, "-N", "-p", port)],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    host.world.processes.append(process)
    until(path.exists)
    return ["-S", path]


def stage(host):
    return (host.state() or {"stage": "unknown"})["stage"]


def until(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_whole_way(world, host):
    master = session(host)
    done = host.minato("move", "ssh", 50022, options=master)
    assert done.returncode == 0, done.stderr + done.stdout
    for words in ("nothing has to be confirmed", "RFC 6335", "not security", "ssh -S none -p 50022",
                  "outgoing connections take their ports from 32768-60999"):
        assert words in done.stdout, done.stdout
    assert host.gets_in() and host.gets_in(port=50022)
    assert not host.gets_in(world.OTHER, 50022)
    assert "port: [22/tcp, 50022/tcp]   # where everybody looks" in world.policy.read_text()
    assert host.etc()[DROP_IN][0] == b"# minato move ssh 50022\nPort 22\nPort 50022\n"
    assert host.reserved() == "50022"
    assert b"ip_local_reserved_ports = 50022\n" in host.etc()["sysctl.d/99-minato-ports.conf"][0]

    done = host.minato("move", "--finish", options=master)
    assert done.returncode == 1 and "came in through port 22" in done.stderr
    done = host.through(22, "move", "--finish")
    assert done.returncode == 1 and "came in through port 22" in done.stderr
    done = host.here("move", "--finish")
    assert done.returncode == 1 and "neither a login" in done.stderr
    assert host.state()["stage"] == "waiting" and host.gets_in()

    done = host.through(50022, "move", "--finish")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "has moved from 22 to 50022" in done.stdout
    assert host.gets_in(port=50022) and not host.gets_in()
    assert run(*host.words(*master), "echo alive").stdout == "alive\n"
    assert world.policy.read_text() == POLICY.replace("22/tcp", "50022/tcp")
    assert host.etc()[DROP_IN][0] == b"# minato move ssh 50022\nPort 50022\n"
    assert host.state()["stage"] == "finished" and world.candidate() is None
    assert host.here("plan").returncode == 0
    world.nft("delete table inet minato")  # no rule hides it: nobody listens there any more
    assert world.connect(22) is False and world.connect(50022)


def test_status_shows_a_move_that_is_under_way(host):
    def shown(*words):
        return host.here("status", "--fail-on", "none", *words).stdout

    assert "Move:" not in shown() and json.loads(shown("--json"))["move"] is None
    assert host.here("move", "ssh", "50022").returncode == 0
    words = " ".join(shown().split())
    assert "Move: ssh from port 22 to 50022, both are open, undone in " in words
    assert "sudo minato move --finish" in words
    move = json.loads(shown("--json"))["move"]
    assert (move["stage"], move["old_port"], move["new_port"]) == ("waiting", 22, 50022) and move["undone_at"]
    assert host.here("move", "--undo").returncode == 0
    assert "Move:" not in shown() and json.loads(shown("--json"))["move"] is None


def test_who_must_never_be_cut_comes_in_at_the_new_port(world, make):
    host = make(policy=POLICY + "never_cut: [10.77.0.0/24]\n")
    session(host)
    assert host.here("move", "ssh", "50022").returncode == 0
    done = host.through(50022, "move", "--finish")
    assert done.returncode == 0, done.stderr
    assert "never to be cut" in done.stdout and host.gets_in(port=50022)


def waiters(host):
    """Processes that wait to undo a move of this host."""
    netns = os.stat(f"/run/netns/{host.world.host}").st_ino
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(path / "exe") == str(MINATO) and os.stat(path / "ns/net").st_ino == netns:
                found.append(int(path.name))
        except OSError:
            pass
    return found


def test_who_waits_to_undo_goes_when_the_move_is_over(host):
    others = set(waiters(host))  # of the rules that were tried before
    assert host.here("move", "ssh", "50022").returncode == 0
    assert len(set(waiters(host)) - others) == 1
    assert host.here("move", "--undo").returncode == 0
    until(lambda: set(waiters(host)) <= others)


def test_a_login_made_before_the_move_proves_nothing(make):
    """sshd listens on the number already when the move begins to want it: through a forwarded session."""
    host = make()
    assert host.here("move", "ssh", "50022").returncode == 0
    old = session(host, 50022)
    assert host.here("move", "--undo").returncode == 0
    assert host.here("move", "ssh", "50022").returncode == 0
    done = host.minato("move", "--finish", options=old)
    assert done.returncode == 1 and "older than the move" in done.stderr
    assert host.state()["stage"] == "waiting" and host.open_ports() == {22, 50022}


def test_undo_puts_every_byte_back(host):
    before = host.everything()
    assert host.here("move", "22/tcp", "50022").returncode == 0
    assert host.open_ports() == {22, 50022}
    done = host.here("move", "ssh", "--undo")
    assert done.returncode == 0 and "everything is as it was before" in done.stdout, done.stderr
    assert host.everything() == before and host.here("plan").returncode == 0
    assert host.state()["reason"] == "asked for"
    assert "no move is under way" in host.here("move", "--undo").stderr


def test_a_finished_move_can_be_followed_by_another(world, host):
    assert host.here("move", "ssh", "50022").returncode == 0
    assert host.through(50022, "move", "--finish").returncode == 0
    assert host.through(50022, "move", "ssh", 50023).returncode == 0
    assert host.through(50023, "move", "--finish").returncode == 0
    assert host.etc()[DROP_IN][0] == b"# minato move ssh 50022\n# minato move ssh 50023\nPort 50023\n"
    assert world.policy.read_text() == POLICY.replace("22/tcp", "50023/tcp")
    assert host.gets_in(port=50023) and not world.connect(50022)


def test_where_rules_only_count_the_service_moves_too(world, make):
    host = make(policy=POLICY + "defaults: {mode: observe}\n")
    assert host.here("move", "ssh", "50022").returncode == 0
    assert host.through(50022, "move", "--finish").returncode == 0
    assert world.connect(22) is False and host.gets_in(port=50022)
    before = host.everything()
    assert host.here("move", "ssh", "50023").returncode == 0
    done = host.here("move", "--undo")
    assert done.returncode == 0, done.stderr
    assert host.everything() == before and "reason: asked for" in host.here("move").stdout


def test_nobody_comes_in_time(host):
    before = host.everything()
    done = host.minato("move", "ssh", 50022, "--timeout", 10)
    assert done.returncode == 0, done.stderr
    assert host.open_ports() == {22, 50022}
    assert 0 < json.loads(host.here("move", "--json").stdout)["move"]["timeout_seconds"] <= 10
    until(lambda: host.state()["stage"] == "undone", 40)
    assert host.everything() == before and "nobody came" in host.state()["reason"]
    assert host.gets_in()


def test_a_file_that_sshd_refuses_is_put_back(host):
    before = host.everything()
    (host.folder / "fault").write_text("drop-in")
    done = host.here("move", "ssh", "50022")
    assert done.returncode == 1 and "Bad configuration option: Nonsense" in done.stderr
    assert host.everything() == before and host.gets_in() and host.here("plan").returncode == 0


def test_the_last_step_fails_and_all_is_put_back(world, host):
    before = host.everything()
    assert host.here("move", "ssh", "50022").returncode == 0
    (host.folder / "fault").write_text("drop-in")
    done = host.through(50022, "move", "--finish")
    assert done.returncode == 1 and "Nonsense" in done.stderr
    # What sshd would not read it is not given: it goes on with the file that is as it was.
    assert host.everything() == before and world.candidate() is None and host.gets_in()


def test_files_that_sshd_refuses_already_are_left_alone(host):
    path = host.folder / "etc/ssh/sshd_config.d/own.conf"
    run(*host.inside(), "sh", "-c", "echo Nonsense yes > /etc/ssh/sshd_config.d/own.conf")
    assert path.exists()
    before = host.everything()
    done = host.here("move", "ssh", "50022")
    assert done.returncode == 1 and "Nonsense" in done.stderr and "not" in done.stderr
    assert host.everything() == before and not (host.world.folder / "rules/move/record.json").exists()


def test_an_sshd_that_does_not_heed_its_files_is_gone_back_from(make):
    host = make(options="-p 22")
    before = host.everything()
    done = host.here("move", "ssh", "50022")
    assert done.returncode == 1 and "does not listen on both" in done.stderr
    assert host.everything() == before and host.gets_in()


def test_a_port_that_is_taken_is_refused(world, host):
    world.listen(50022)
    before = host.everything()
    done = host.here("move", "ssh", "50022")
    assert done.returncode == 1 and "port 50022 is taken" in done.stderr
    assert host.everything() == before


def test_addresses_with_ports_and_a_file_without_includes(world, make):
    host = make("Port 22\nListenAddress 10.77.0.1:22\nListenAddress 127.0.0.1\n")
    before = host.everything()
    assert host.here("move", "ssh", "50022").returncode == 0
    text = host.etc()["ssh/sshd_config"][0].decode()
    assert text.startswith("# minato move ssh 50022\nPort 50022\nListenAddress 10.77.0.1:50022\nPort 22\n")
    assert host.here("move", "--undo").returncode == 0
    assert host.everything() == before
    assert host.here("move", "ssh", "50022").returncode == 0
    assert host.through(50022, "move", "--finish").returncode == 0
    text = host.etc()["ssh/sshd_config"][0].decode()
    assert "#Port 22\n#ListenAddress 10.77.0.1:22\nListenAddress 127.0.0.1\n" in text
    assert host.etc()["ssh/sshd_config"][1] == before[0]["ssh/sshd_config"][1]


def test_another_file_that_names_the_port_says_so_no_more(make):
    host = make(drop_ins={"10-own.conf": "Port 22\nPort 2222 # inside\n"})
    assert host.here("move", "ssh", "50022").returncode == 0
    assert host.etc()[DROP_IN][0] == b"# minato move ssh 50022\nPort 50022\n"
    assert host.through(50022, "move", "--finish").returncode == 0
    assert host.etc()["ssh/sshd_config.d/10-own.conf"][0] == b"#Port 22\nPort 2222 # inside\n"


INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf\n"


@pytest.mark.parametrize("main, drop_ins", [
    ("port = \"22\" # quoted\n" + INCLUDE, {}),
    ("Port ssh\nListenAddress 10.77.0.1\nListenAddress [::1]:22\n" + INCLUDE, {}),
    ("Match User nobody\nX11Forwarding no\nMatch all\n", {}),
    (INCLUDE.replace("/etc/ssh/", ""), {"10-own.conf": "Port 22\nListenAddress 0.0.0.0:22"}),
    (INCLUDE, {"minato-port.conf": "# somebody's own\nPort 22"}),
    (INCLUDE, {"more.conf": "Include /etc/ssh/further*\n", "../further.conf": "port 22\nPort 2222\n"}),
])
def test_however_the_files_are_written(world, make, main, drop_ins):
    host = make(main, drop_ins=drop_ins)
    before = host.everything()
    done = host.here("move", "ssh", "50022")
    assert done.returncode == 0, done.stderr
    assert host.open_ports() == {22, 50022}
    assert host.here("move", "--undo").returncode == 0
    assert host.everything() == before
    assert host.here("move", "ssh", "50022").returncode == 0
    done = host.through(50022, "move", "--finish")
    assert done.returncode == 0, done.stderr + done.stdout
    assert host.gets_in(port=50022) and not world.connect(22)


def test_another_folder_takes_the_place_of_etc(host):
    etc = host.folder / "other"
    (etc / "ssh/sshd_config.d").mkdir(parents=True)
    (etc / "ssh/sshd_config").write_text(f"Include {etc}/ssh/sshd_config.d/*.conf\n" + host.settings())
    done = host.here("move", "ssh", "50022", "--dry-run", "--json", MINATO_ETC_DIRECTORY=str(etc))
    assert done.returncode == 0, done.stderr
    paths = {f["path"] for f in json.loads(done.stdout)["move"]["files"]}
    assert paths == {f"{etc}/sysctl.d/99-minato-ports.conf", f"{etc}/ssh/sshd_config.d/minato-port.conf",
                     str(host.world.policy)}


def test_killed_at_any_moment_it_is_gone_back_from(host):
    before = host.everything()
    began = time.monotonic()
    assert host.here("move", "ssh", "50022").returncode == 0
    whole = time.monotonic() - began
    assert host.here("move", "--undo").returncode == 0
    stages = set()
    rounds = 14
    for i in range(rounds):
        command = subprocess.Popen([str(w) for w in (*host.inside(), MINATO, "--policy", host.world.policy, "move",
                                                     "ssh", "50022")],
                                   env=host.world.environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole * (i + 1) / rounds)
        command.kill()
        command.wait()
        stages.add((stage(host), host.etc() != before[0]))
        until(host.gets_in)  # while sshd reloads it listens nowhere for a moment
        if i % 2:
            until(lambda: stage(host) != "prepared")  # by itself
        else:
            host.here("restore")  # as at the start of the host; or another is at it already
            until(lambda: stage(host) != "prepared")
        if stage(host) == "waiting":
            done = host.here("move", "--undo")
            assert done.returncode == 0, done.stderr
        assert host.everything() == before, (i, stages)
        assert host.here("plan").returncode == 0
    assert ("prepared", True) in stages, stages


def test_killed_while_it_finishes_it_is_gone_back_from(host):
    before = host.everything()
    seen = set()
    for i in range(8):
        assert host.here("move", "ssh", "50022").returncode == 0
        client = subprocess.Popen([str(w) for w in host.words("-p", "50022")] +
                                  [f"MINATO_RULES_DIRECTORY={host.world.folder}/rules "
                                   f"MINATO_RUNTIME_DIRECTORY=/nonexistent LANG=C.UTF-8 timeout -s KILL {0.08 * (i + 1)} "
                                   f"{MINATO} --policy {host.world.policy} move --finish"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client.wait(60)
        state = stage(host)
        seen.add(state)
        if state == "finished":
            break
        if state == "waiting":
            assert host.here("move", "--undo").returncode == 0
        until(lambda: stage(host) == "undone")  # by itself
        assert host.everything() == before, (i, state)
        assert host.world.candidate() is None and host.here("plan").returncode == 0
    assert "finishing" in seen, seen


def test_a_start_of_the_host_undoes_what_was_under_way(host):
    before = host.everything()
    assert host.here("move", "ssh", "50022").returncode == 0
    record = host.world.folder / "rules/move/record.json"
    text = json.loads(record.read_text())
    text["boot"] = "00000000-0000-0000-0000-000000000000"
    record.write_text(json.dumps(text))
    done = host.here("restore")
    assert done.returncode == 0 and "undone" in done.stdout, done.stderr
    assert host.everything() == before


def test_a_key_at_the_machine_finishes(world, host):
    assert host.here("move", "ssh", "50022").returncode == 0
    for key, words in ((b"n", "both ports stay open"), (b"y", "has moved from 22 to 50022")):
        words_before = world.words
        world.words = lambda *more: [*map(str, host.inside()), MINATO, "--policy", world.policy, *more]
        terminal = Terminal(world, "move", "--finish")
        world.words = words_before
        terminal.until("Close port 22?")
        terminal.press(key)
        terminal.until(words)
    assert host.gets_in(port=50022) and not host.gets_in()


def test_a_session_that_outlives_its_connection_does_not_finish(host):
    assert host.here("move", "ssh", "50022").returncode == 0
    tmux = host.world.folder / "tmux"
    tmux.write_bytes(open("/bin/sh", "rb").read())
    tmux.chmod(0o755)
    done = host.minato("move", "--finish", options=("-p", 50022), wrap=f"exec {tmux} -c '\"$0\" \"$@\"; exit $?' ")
    assert done.returncode == 1 and "outlives its connection" in done.stderr


def test_what_somebody_else_changed_meanwhile_is_left_alone(world, host):
    assert host.here("move", "ssh", "50022").returncode == 0
    mine = world.policy.read_text() + "# written by hand\n"
    world.policy.write_text(mine)
    done = host.here("move", "--undo")
    assert done.returncode == 1 and "somebody else has changed it" in done.stderr
    assert world.policy.read_text() == mine and host.open_ports() == {22}
    world.policy.write_text(mine.removesuffix("# written by hand\n"))
    assert host.here("move", "--undo").returncode == 0
    assert world.policy.read_text() == POLICY


def test_dry_run_shows_every_file_and_changes_none(host):
    before = host.everything()
    done = host.here("move", "ssh", "50022", "--dry-run")
    assert done.returncode == 0, done.stderr
    for words in ("/etc/ssh/sshd_config.d/minato-port.conf (new)", "+ Port 50022", "- Port 22", "22/tcp, 50022/tcp",
                  "99-minato-ports.conf", "minato move --finish", "ssh -p 50022 HOST"):
        assert words in done.stdout, done.stdout
    files = json.loads(host.here("move", "ssh", "50022", "--dry-run", "--json").stdout)["move"]["files"]
    assert {f["path"].rsplit("/", 1)[1]: f["after"] for f in files}["minato-port.conf"].endswith("\nPort 50022\n")
    assert host.everything() == before and host.state() is None
    japanese = host.here("move", "ssh", "50022", "--dry-run", LANG="ja_JP.UTF-8").stdout
    assert "両方のポート" in japanese and "RFC 6335" in japanese


@pytest.mark.parametrize("words, sentence", [
    (["ssh"], "say what moves"),
    (["ssh", "0"], "from 1 to 65535"),
    (["ssh", "70000"], "from 1 to 65535"),
    (["ssh", "50022x"], "from 1 to 65535"),
    (["ssh", "50022/udp"], "stays with its protocol"),
    (["ssh", "22"], "already"),
    (["ssh", "8080"], 'declared already, as "web"'),
    (["nosuch", "50022"], "no declaration of the policy"),
    (["23/tcp", "50022"], "no declaration of the policy"),
    (["web", "50022"], "nothing listens on the old port"),
    (["--finish"], "no move is under way"),
    (["--undo"], "no move is under way"),
    (["--undo", "--finish"], "stand alone"),
    (["ssh", "50022", "--json"], "--dry-run"),
    (["ssh", "50022", "--timeout", "9"], "timeout"),
])
def test_what_cannot_be_is_told_and_nothing_is_lost(host, words, sentence):
    before = host.everything()
    done = host.here("move", *words)
    assert done.returncode in (1, 3) and sentence in done.stderr, done.stderr
    assert host.everything() == before


def test_a_number_that_others_know_is_told(host):
    done = host.here("move", "ssh", "3389", "--dry-run")
    assert done.returncode == 0 and "note: others take 3389 for" in done.stdout, done.stderr
    assert "reserved" not in done.stdout
    done = host.here("move", "ssh", "47808", "--dry-run")
    assert "47808" in done.stdout and "note: " in done.stdout


def test_an_sshd_of_another_user_is_not_written_for(world, host):
    """Its files may be links to anything."""
    world.hold(POLICY.replace("8080", "2222"))
    path = world.folder / "sshd_config"
    path.write_text((host.folder / "etc/ssh/sshd_config").read_text() + "Port 2222\n")
    copy = host.folder / "host-copy"
    copy.write_bytes((host.folder / "host").read_bytes())
    copy.chmod(0o600)
    os.chown(copy, 65534, 65534)
    path.write_text(path.read_text().replace(f"{host.folder}/host", str(copy)))
    for folder in (world.folder, host.folder):
        folder.chmod(0o755)
    user = subprocess.Popen([str(w) for w in (*host.inside(), "setpriv", "--reuid=65534", "--clear-groups", "env",
                             f"LD_LIBRARY_PATH={LIBRARIES}", "/usr/lib/minato-test/sshd", "-D", "-f", path)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    world.processes.append(user)
    until(lambda: world.connect(2222))
    done = host.here("move", "web", "2223", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    move = json.loads(done.stdout)["move"]
    assert move["means"] == "by_hand" and [f["path"] for f in move["files"]] == [str(world.policy)]


def test_a_policy_that_is_not_applied_is_not_moved(world, host):
    world.declare(POLICY + "  more: {port: 9000/tcp, for: x, owner: o, from: any}\n")
    done = host.here("move", "ssh", "50022")
    assert done.returncode == 1 and "must not bring anything else" in done.stderr


def test_a_service_that_minato_cannot_set_is_restarted_by_its_owner(world, host):
    old = world.listen(8080)
    done = host.here("move", "web", "8081")
    assert done.returncode == 0, done.stderr
    assert "you change its settings, restart it yourself" in done.stdout and "Clients must name" in done.stdout
    assert host.state()["means"] == "by_hand" and host.state()["undone_at"] is None
    done = host.here("move", "--finish")
    assert done.returncode == 1 and "nothing listens on the new port" in done.stderr
    new = world.listen(8081)
    old.close()
    assert world.connect(8081, world.OTHER)
    done = host.here("move", "web", "--finish")
    assert done.returncode == 0 and "minato confirm" in done.stdout, done.stderr
    assert "[" not in world.policy.read_text().split("web:")[1].split("\n")[0] and "8081/tcp" in world.policy.read_text()
    assert host.through(22, "confirm").returncode == 0
    assert new.fileno() >= 0 and world.connect(8081, world.OTHER) and world.connect(8080) is None


SOCKET = "systemd/system/ssh.socket.d/minato-port.conf"


def test_a_socket_unit_listens_on_both_then_on_the_new_port(world, make):
    host = make(kind=SocketHost)
    before = host.everything()
    done = host.minato("move", "ssh", 50022)
    assert done.returncode == 0, done.stderr + done.stdout
    assert host.gets_in() and host.gets_in(port=50022)
    assert host.etc()[SOCKET][0] == (b"# minato move ssh 50022\n[Socket]\nListenStream=\n"
                                     b"ListenStream=[::]:22\nListenStream=[::]:50022\n")
    assert host.called()[-2:] == ["daemon-reload", "restart -- ssh.socket"]
    assert host.here("move", "--undo").returncode == 0
    assert host.everything() == before and "systemd/system/ssh.socket.d" not in host.etc()
    assert host.minato("move", "ssh", 50022).returncode == 0
    assert "came in through port 22" in host.through(22, "move", "--finish").stderr
    done = host.through(50022, "move", "--finish")
    assert done.returncode == 0, done.stderr + done.stdout
    assert host.gets_in(port=50022) and not world.connect(22)
    assert host.etc()[SOCKET][0].endswith(b"ListenStream=\nListenStream=[::]:50022\n")


def test_a_socket_unit_that_does_not_start_is_gone_back_from(make):
    host = make(kind=SocketHost)
    before = host.everything()
    (host.folder / "fault").write_text("restart")
    done = host.here("move", "ssh", "50022")
    assert done.returncode == 1 and "systemctl restart -- ssh.socket failed" in done.stderr
    assert "not everything could be put back" in done.stderr and host.gets_in()
    (host.folder / "fault").unlink()
    assert host.here("move", "--undo").returncode == 0
    assert host.everything() == before
