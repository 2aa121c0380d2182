"""minato audit ended before all was asked: what is known stays, and --resume goes on with the rest; what it tells while it works."""
import json
import os
import pty
import signal
import subprocess
import time

import pytest

from daemon import until
from world import MINATO, World

HOST, HOST6 = World.HOST, World.HOST6
OPEN = {22, 443, 8080, 40000, 65535}


@pytest.fixture
def world():
    made = World()
    made.declare("minato: 1\ndefaults: {owner: me}\nhosts:\n  box:\n    address: [" + HOST + "]\n    ports:\n"
                 "      ssh: {port: 22/tcp, for: a test, from: any}\n")
    for port in OPEN:
        made.listen(port, backlog=4096)
    yield made
    made.remove()


def words(world, *more):
    return ["ip", "netns", "exec", world.outside, MINATO, "--policy", world.policy, "audit", "--no-services", *map(str, more)]


def begin(world, *more, **options):
    return subprocess.Popen(words(world, "--json", *more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=world.environment(), **options)


def audit(world, *more):
    done = subprocess.run(words(world, "--json", "--rate", "max", *more), capture_output=True, text=True, timeout=60, check=False,
                          env=world.environment())
    return (json.loads(done.stdout)["audits"] if done.stdout else []), done


def asked_some(world):
    """Until the host got questions."""
    world.nft("add table inet seen; add chain inet seen in { type filter hook input priority -10; }; "
              "add rule inet seen in tcp flags & (syn | ack) == syn counter")
    return lambda: " packets 0 " not in world.nft("list", "table", "inet", "seen")


def opened(found):
    return {row["port"] for row in found["ports"] if row["state"] == "open"}


def tcp(found):
    return next(each for each in found["sweeps"] if each["protocol"] == "tcp")


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_was_left_is_asked(world, way):
    some = asked_some(world)
    process = begin(world, "--rate", "2000", "box")
    until(some, "questions")
    time.sleep(1)
    process.send_signal(way)
    out, _ = process.communicate(timeout=20)
    (first,) = json.loads(out)["audits"]
    left = tcp(first)["counts"]["unasked"] + tcp(first)["counts"]["filtered"]
    assert (process.returncode, tcp(first)["interrupted"], first["record"]["kept"]) == (1, True, True)
    (found,), done = audit(world, "--resume", "box")
    assert (opened(found), done.returncode) == (OPEN, 2)
    assert tcp(found)["resumed"] is not None and found["changes"] == []
    assert tcp(found)["counts"]["closed"] == 65535 - len(OPEN)
    assert tcp(found)["missed"]["why"] == "all_answered"
    assert tcp(found)["packets"] < left * 1.2 and left < 65535
    nothing, done = audit(world, "--resume", "box")
    assert (nothing, done.returncode) == ([], 3) and "nothing is left" in done.stderr


def test_those_that_were_not_begun_too(world):
    process = begin(world, "--rate", "1000", "--authorized", "--udp", "53", "box", HOST6)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    found, _ = audit(world, "--authorized", "--resume", "box", HOST6)
    assert [each["address"] for each in found] == [HOST, HOST6]
    assert all(opened(each) == OPEN for each in found)


def test_being_killed_costs_little(world):
    (whole,), _ = audit(world, "box")
    assert opened(whole) == OPEN
    more = world.listen(9999, backlog=4096)
    process = begin(world, "--rate", "4000", "box")
    folder = world.folder / "rules" / "audits"
    until(lambda: (folder / f"{HOST}.under-way").exists(), "what is under way")
    process.kill()
    process.communicate(timeout=20)
    known = json.loads((folder / f"{HOST}.under-way").read_text())["audits"][0]
    assert "closed" in known and "left" in known
    (found,), _ = audit(world, "--resume", "box")
    assert opened(found) == OPEN | {9999}
    # Also what was found before it was killed is held against the audit before.
    assert [(each["port"], each["change"]) for each in found["changes"]] == [(9999, "opened")]
    assert tcp(found)["packets"] < 60000
    assert [file.name for file in folder.iterdir()] == [f"{HOST}.json"]
    more.close()


def test_it_takes_no_ports(world):
    _, done = audit(world, "--resume", "--ports", "22", "box")
    assert (done.returncode, "--resume asks what is left" in done.stderr) == (3, True)


def test_the_next_command_in_both_languages(world):
    for language, wanted in (("C.UTF-8", "gone on with"), ("ja_JP.UTF-8", "続けて調べました")):
        environment = world.environment(LANG=language)
        process = subprocess.Popen(words(world, "--rate", "1000", "box"), stdout=subprocess.PIPE, text=True, env=environment)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert "-> minato audit --resume box" in process.communicate(timeout=20)[0]
        done = subprocess.run(words(world, "--rate", "max", "--resume", "box"), capture_output=True, text=True, timeout=60, check=False,
                              env=environment)
        assert wanted in done.stdout


# ---- while it works ----

def on_a_terminal(world, *more, language="C.UTF-8"):
    """@return what an audit says on a terminal of stderr."""
    master, slave = pty.openpty()
    process = subprocess.Popen(words(world, "--json", *more), stdout=subprocess.DEVNULL, stderr=slave,
                               env=world.environment(LANG=language, COLUMNS="200"))
    os.close(slave)
    said = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
    os.close(master)
    process.wait(timeout=20)
    return said.decode()


def test_progress_on_a_terminal(world):
    world.nft("add table inet test; add chain inet test in { type filter hook input priority 0; }; "
              "add rule inet test in tcp dport != { 22, 443, 8080 } drop")
    said = on_a_terminal(world, "--ports", "1-9000", "--rate", "4000", "box")
    for wanted in ("1 of 1: ", " %, ", " of 9000 ports answered, round 2", " packets/s, ", "0.0 % lost, ", "left"):
        assert wanted in said, said
    rates = [int(part.split(" packets/s")[0].split()[-1]) for part in said.split("\r") if " packets/s" in part]
    assert max(rates) < 6000 and max(rates) > 2000
    assert "応答" in on_a_terminal(world, "--ports", "1-9000", "--rate", "4000", "box", language="ja_JP.UTF-8")


def test_no_progress_without_one(world):
    _, done = audit(world, "--ports", "1-9000", "--rate", "4000", "box")
    assert done.stderr == ""


def test_several_share_the_rate(world):
    world.nft("add table inet seen; add chain inet seen in { type filter hook input priority -10; }; "
              "add rule inet seen in tcp flags & (syn | ack) == syn counter")
    begun = time.monotonic()
    done = subprocess.run(words(world, "--authorized", "--json", "--rate", "4000", "--ports", "1-8000", HOST, HOST6), capture_output=True,
                          text=True, timeout=60, check=False, env=world.environment())
    took = time.monotonic() - begun
    assert all(opened(each) == {port for port in OPEN if port <= 8000} for each in json.loads(done.stdout)["audits"])
    assert took > 16000 / 4000
