"""What minato audit takes: memory and descriptors; and both families of a host."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

from world import MINATO, NOBODY, World

ALONE = "measures memory and time"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
HOST, HOST6 = World.HOST, World.HOST6
OPEN = {22, 443, 50000}
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def world():
    made = World()
    made.folder.chmod(0o755)
    made.declare("minato: 1\ndefaults: {owner: me}\nhosts:\n  box:\n    address: [" + HOST + ", \"" + HOST6 + "\"]\n    ports:\n" + "".join(
        f"      p{port}: {{port: {port}/tcp, for: a test, from: any}}\n" for port in OPEN))
    for port in OPEN:
        made.listen(port, backlog=4096)
    made.nft("add table inet test; add chain inet test in { type filter hook input priority 0; }; "
             "add rule inet test in meta l4proto ipv6-icmp accept; "
             f"add rule inet test in tcp dport {{ {', '.join(map(str, OPEN))} }} accept; add rule inet test in drop")
    yield made
    made.remove()


def words(world, *more, before=()):
    return ["ip", "netns", "exec", world.outside, *before, MINATO, "--policy", world.policy, "audit", "--json", "--no-services", *map(str, more)]


def run(world, *more, before=()):
    return subprocess.run(words(world, *more, before=before), capture_output=True, text=True, timeout=100, check=False,
                          env=world.environment())


def opened(audit):
    return {row["port"] for row in audit["ports"] if row["state"] == "open"}


# ---- memory ----

def shares(pid):
    """What a process and those below it have, shared pages by part: bytes."""
    try:
        own = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    lines = [line.split() for line in own.splitlines() if line.startswith("Pss:")]
    return sum(int(line[1]) * 1024 for line in lines) + sum(shares(child) for child in children)


@pytest.mark.parametrize("before", [(), NOBODY], ids=["raw", "connect"])
def test_memory_stays_below_50_megabytes(world, before):
    process = subprocess.Popen(words(world, "--rate", "max", "--ports", "1-20000,50000", HOST, HOST6, before=before),
                               stdout=subprocess.PIPE, text=True, env=world.environment())
    most = 0
    while process.poll() is None:
        most = max(most, shares(process.pid))
        time.sleep(0.01)
    found = json.loads(process.stdout.read())["audits"]
    process.stdout.close()
    assert [opened(each) for each in found] == [OPEN, OPEN]
    assert MEGABYTE < most < 50 * MEGABYTE, most


# ---- descriptors ----

@pytest.mark.parametrize("limit", [4, 6])
def test_too_few_descriptors_are_told(world, limit):
    done = subprocess.run(["ip", "netns", "exec", world.outside, "prlimit", f"--nofile={limit}:{limit}", MINATO, "audit", "--authorized",
                           "--ports", "22", HOST], capture_output=True, text=True, timeout=60, check=False, env=world.environment())
    assert done.returncode == 1
    assert "open files" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr and "proven" not in done.stdout


def test_few_are_enough_where_most_are_silent(world):
    done = run(world, "--rate", "max", "--ports", "1-2000", HOST, before=["prlimit", "--nofile=256:256", *NOBODY])
    (found,) = json.loads(done.stdout)["audits"]
    assert opened(found) == {port for port in OPEN if port <= 2000}
    assert found["sweeps"][0]["missed"]["proven"] is True


def below(pid):
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in children] + [deeper for child in children for deeper in below(child)]


def alive(pid):
    stat = pathlib.Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def asked_by_many(world):
    """An audit under way whose processes may hold 256 descriptors each, and those processes."""
    before = ["prlimit", "--nofile=256:256", *NOBODY]
    process = subprocess.Popen(words(world, "--rate", "max", HOST, before=before), stdout=subprocess.PIPE, text=True,
                               env=world.environment())
    until = time.monotonic() + 20
    at_work = []
    while len(at_work) < 17 and process.poll() is None and time.monotonic() < until:
        at_work = below(process.pid)
        time.sleep(0.01)
    yield process, at_work
    process.kill()
    process.communicate()


def none_stays(at_work):
    until = time.monotonic() + 10
    while any(alive(pid) for pid in at_work) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(alive(pid) for pid in at_work)


def test_several_processes_ask_where_one_may_hold_few(asked_by_many):
    process, at_work = asked_by_many
    assert len(at_work) == 17, "the sweeper and sixteen hands"
    (found,) = json.loads(process.communicate(timeout=100)[0])["audits"]
    assert opened(found) == OPEN and found["sweeps"][0]["mode"] == "connect"
    assert found["sweeps"][0]["missed"]["proven"] is True
    assert none_stays(at_work)


def test_none_of_them_stays_when_the_audit_is_killed(asked_by_many):
    process, at_work = asked_by_many
    process.kill()
    assert len(at_work) == 17 and none_stays(at_work)


def test_the_end_of_one_of_them_ends_the_audit_with_what_is_known(asked_by_many):
    process, at_work = asked_by_many
    os.kill(at_work[-1], signal.SIGKILL)
    (found,) = json.loads(process.communicate(timeout=100)[0])["audits"]
    assert not opened(found) - OPEN and found["sweeps"][0]["missed"]["proven"] is False
    assert none_stays(at_work)


# ---- both families ----

def test_a_declared_host_has_several_addresses(world):
    done = run(world, "--rate", "max", "--ports", "1-1000,50000", "box")
    found = json.loads(done.stdout)["audits"]
    assert [(each["address"], each["host"]) for each in found] == [(HOST, "box"), (HOST6, "box")]
    assert all(opened(each) == OPEN and {row["verdict"] for row in each["ports"]} == {"in_order"} for each in found)
    assert done.returncode == 0


def test_a_name_with_addresses_of_both_families(world):
    folder = pathlib.Path("/etc/netns") / world.outside  # ip-netns(8): what is there stands for /etc in the namespace
    folder.mkdir(parents=True)
    try:
        (folder / "hosts").write_text(f"{HOST} nas.test\n{HOST6} nas.test\n")
        done = run(world, "--rate", "max", "--ports", "22", "nas.test")
        found = json.loads(done.stdout)["audits"]
        assert {(each["address"], each["target"]) for each in found} == {(HOST, "nas.test"), (HOST6, "nas.test")}
        assert all(opened(each) == {22} for each in found)
    finally:
        shutil.rmtree(folder)
