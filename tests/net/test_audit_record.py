"""What minato audit tells of the audits before: only what both asked and could answer, and where it is kept."""
import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

from daemon import Daemon, until
from world import MINATO, NOBODY, World

HOST, HOST6 = World.HOST, World.HOST6


@pytest.fixture(scope="module")
def world():
    made = World()
    made.declare("minato: 1\ndefaults: {owner: me}\nhosts:\n  box:\n    address: [" + HOST + "]\n    ports:\n"
                 "      ssh: {port: 22/tcp, for: a test, from: any}\n      web: {port: 8080/tcp, for: a test, from: any}\n")
    yield made
    made.remove()


@pytest.fixture(autouse=True)
def first_audit(world):
    yield
    shutil.rmtree(world.folder / "rules" / "audits", ignore_errors=True)
    world.nft("add table inet test; delete table inet test")


@pytest.fixture
def open_port(world):
    """Opens a TCP port of the host; @return what closes it again."""
    made = []

    def listen(port):
        made.append(world.listen(port, backlog=512))
        return made[-1].close

    yield listen
    for each in made:
        each.close()


def drop(world, what):
    world.nft(f"add table inet test; add chain inet test in {{ type filter hook input priority 0; policy accept; }}; add rule inet test in {what} drop")


def run(world, *words, before=(), **more):
    return subprocess.run(["ip", "netns", "exec", world.outside, *before, MINATO, "--policy", world.policy, "audit", "--no-services", "--rate", "max",
                           *map(str, words)], capture_output=True, text=True, timeout=60, env=world.environment(**more), check=False)


def audit(world, *words, target="box", **more):
    done = run(world, "--json", *words, target, **more)
    (found,) = json.loads(done.stdout)["audits"]
    found["exit"], found["stderr"] = done.returncode, done.stderr
    return found


def changes(found):
    return {(each["port"], each["protocol"]): (each["change"], each["state_before"], each["state"]) for each in found["changes"]}


PORTS = ("--ports", "20-90,8000-8100")


def test_what_opened_and_what_closed(world, open_port):
    close_ssh = open_port(22)
    first = audit(world, *PORTS)
    assert (first["record"], first["changes"]) == ({"kept": True, "set_aside": None, "error": None}, [])
    close_ssh()
    open_port(8080)
    second = audit(world, *PORTS)
    assert changes(second) == {(22, "tcp"): ("closed", "open", "closed"), (8080, "tcp"): ("opened", "closed", "open")}
    assert second["exit"] == 2
    third = audit(world, *PORTS)
    assert (third["changes"], third["exit"]) == ([], 2)  # 22 is declared, and closed


def test_exit_code_tells_what_the_policy_does_not(world, open_port):
    open_port(22), open_port(8080)
    assert audit(world, *PORTS)["exit"] == 0
    drop(world, "tcp dport 8080")
    audit(world, *PORTS)
    world.nft("delete table inet test")
    found = audit(world, *PORTS)
    assert ({row["verdict"] for row in found["ports"]}, found["exit"]) == ({"in_order"}, 2)
    assert changes(found) == {(8080, "tcp"): ("opened", "filtered", "open")}
    assert audit(world, *PORTS)["exit"] == 0


def test_what_was_not_asked_is_not_told(world, open_port):
    close_ssh = open_port(22)
    first = audit(world, *PORTS)
    close_ssh()
    between = audit(world, "--ports", "80,8080")
    assert between["changes"] == []
    third = audit(world, *PORTS)
    (change,) = third["changes"]
    assert change["port"] == 22
    record = json.loads((world.folder / "rules" / "audits" / f"{HOST}.json").read_text())
    assert len(record["audits"]) == 1
    assert first["record"]["kept"]


def test_silence_without_proof_is_not_closed(world, open_port):
    open_port(22)
    audit(world, "--ports", "22")
    drop(world, "meta l4proto tcp")
    found = audit(world, "--ports", "22")
    (tcp,) = found["sweeps"]
    assert (tcp["missed"]["why"], found["changes"]) == ("unproven_silence", [])
    world.nft("delete table inet test")
    assert audit(world, "--ports", "22")["changes"] == []  # it was open all the time, as far as is known


def test_udp_too(world):
    server = world.listen(53, "udp", HOST)
    audit(world, "--ports", "none", "--udp", "53,54")
    server.close()
    found = audit(world, "--ports", "none", "--udp", "53,54")
    assert changes(found) == {(53, "udp"): ("closed", "open", "closed")}


def test_words_in_both_languages(world, open_port):
    day = time.strftime("%Y-%m-%d")
    for language, nothing, opened in (("C.UTF-8", f"since the audit of {day}", "22/tcp opened"),
                                      ("ja_JP.UTF-8", f"前回の調査 ({day}", "22/tcp が開いた")):
        assert "since" not in run(world, *PORTS, "box", LANG=language).stdout
        assert nothing in run(world, *PORTS, "box", LANG=language).stdout
        close = open_port(22)
        done = run(world, *PORTS, "box", LANG=language)
        assert nothing in done.stdout and opened in done.stdout
        close()
        shutil.rmtree(world.folder / "rules" / "audits")


# ---- where it is kept ----

def test_a_damaged_record_is_told_and_set_aside(world):
    audit(world, *PORTS)
    folder = world.folder / "rules" / "audits"
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    (folder / f"{HOST}.json").write_text("{")
    found = audit(world, *PORTS)
    assert (found["record"]["set_aside"], found["record"]["kept"], found["changes"]) == (f"{HOST}.damaged", True, [])
    assert "damaged" in found["stderr"]
    assert {file.name for file in folder.iterdir()} == {f"{HOST}.json", f"{HOST}.damaged"}


def test_where_others_may_write_nothing_is_kept(world):
    audit(world, *PORTS)
    (world.folder / "rules" / "audits").chmod(0o777)
    found = audit(world, *PORTS)
    assert found["record"]["kept"] is False and "may be written by others" in found["record"]["error"]
    assert "not compared with earlier audits" in found["stderr"]


def test_without_root_it_is_the_users_own(world, open_port):
    world.folder.chmod(0o755)  # the policy is in it
    home = pathlib.Path("/tmp") / f"minato-audit-home-{os.getpid()}"
    home.mkdir()
    try:
        os.chown(home, 65534, 65534)
        options = {"before": NOBODY, "HOME": str(home), "XDG_STATE_HOME": ""}
        assert audit(world, *PORTS, **options)["record"]["kept"] is True
        open_port(22)
        assert changes(audit(world, *PORTS, **options)) == {(22, "tcp"): ("opened", "closed", "open")}
        assert (home / ".local/state/minato/audits" / f"{HOST}.json").stat().st_uid == 65534
        other = audit(world, *PORTS, before=NOBODY, XDG_STATE_HOME=str(home / "state"))
        assert (other["changes"], (home / "state/minato/audits").is_dir()) == ([], True)
        none = audit(world, *PORTS, before=NOBODY, HOME="/nonexistent", XDG_STATE_HOME="")
        assert none["record"]["kept"] is False and "/nonexistent" in none["stderr"]
    finally:
        shutil.rmtree(home)


# ---- the daemon ----

def test_the_daemon_remembers_it_of_declared_hosts(world, open_port):
    daemon = Daemon()
    try:
        daemon.start()
        runtime = {"MINATO_RUNTIME_DIRECTORY": str(daemon.runtime)}
        close = open_port(22)
        audit(world, *PORTS, **runtime)
        close()
        for port in range(8000, 8050):
            open_port(port)
        audit(world, *PORTS, **runtime)
        audit(world, "--authorized", "--ports", "22", target=HOST6, **runtime)
        open_port(22)
        audit(world, "--authorized", "--ports", "22", target=HOST6, **runtime)  # not declared: no event
        closed = until(lambda: daemon.ask("/v1/events?kind=port_closed")["events"], "the event")
        assert [(each["address"], each["port"], each["protocol"]) for each in closed] == [(HOST, 22, "tcp")]
        assert closed[0]["detail"].startswith("box is closed and was open on 2")
        # 51 ports changed: 31 of them have events of their own, and one more stands for the rest.
        opened = until(lambda: (lambda events: events if len(events) == 31 else None)(
            daemon.ask("/v1/events?kind=port_opened&limit=100")["events"]), "31 events")
        assert sum(each["count"] for each in opened) == 50
        assert any(each["detail"].endswith("as 19 more ports") for each in opened)
        done = subprocess.run([MINATO, "log", "--kind", "port_closed"], capture_output=True, text=True, timeout=20, check=False,
                              env=world.environment(**runtime, MINATO_STATE_DIRECTORY=str(daemon.state)))
        assert "port closed" in done.stdout and f"{HOST}:22/tcp" in done.stdout
    finally:
        daemon.remove()
