"""Host names in who: asked by a process without rights, frozen in rules and record."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from daemon import status_of, until
from names import Names
from test_lockout import Terminal
from world import World, run

POLICY = """minato: 1
who:
  friend: {name: home.example.net}
ports:
  ssh: {port: 22/tcp, for: administration, owner: o, from: friend}
"""
NO_NAME = """minato: 1
ports:
  ssh: {port: 22/tcp, for: administration, owner: o, from: 10.77.0.99}
"""
NAME, DEADLINE = "home.example.net", 5


@pytest.fixture
def world():
    made = World()
    yield made
    made.remove()


@pytest.fixture
def names(world):
    made = Names(world.host)
    yield made
    made.remove()


def who_gets_in(world, port=22):
    sources = (world.FRIEND, world.FRIEND6, world.OTHER, world.OTHER6)
    return {source for source in sources if world.connect(port, source)}


def states(world):
    return sorted(each.name for each in (world.folder / "rules").iterdir())


def test_a_name_of_the_hosts_file_lets_its_addresses_in(world, names):
    world.listen(22)
    names.hosts(f"{world.FRIEND} {NAME}", f"{world.FRIEND6} {NAME}")
    world.declare(POLICY)
    told = f"friend: {NAME} is {world.FRIEND}, {world.FRIEND6} (asked now)\n"
    plan = world.minato("plan")
    assert plan.returncode == 2 and told in plan.stdout, plan.stderr + plan.stdout
    plan = json.loads(world.minato("plan", "--json").stdout)
    assert [(n["who"], n["name"], n["addresses"]) for n in plan["names"]] == \
        [("friend", NAME, [world.FRIEND, world.FRIEND6])]
    assert plan["names"][0]["asked"].startswith("20")
    world.hold(POLICY)
    assert who_gets_in(world) == {world.FRIEND, world.FRIEND6}
    plan = world.minato("plan")
    assert plan.returncode == 0 and told in plan.stdout
    assert NAME not in names.asked  # the file knew it


def test_name_and_address_are_one_condition(world, names):
    world.listen(22)
    names.records[NAME] = [world.FRIEND]
    world.hold(POLICY.replace("name:", f"address: {world.OTHER}, name:"))
    assert who_gets_in(world) == {world.FRIEND, world.OTHER}


def test_another_address_is_a_difference_and_changes_nothing_by_itself(world, names):
    world.listen(22)
    names.records[NAME] = [world.FRIEND]
    world.hold(POLICY)
    before = world.listing()
    names.records[NAME] = [world.OTHER]
    plan = world.minato("plan")
    assert plan.returncode == 2
    assert f"friend ({NAME} {world.FRIEND}) -> friend ({NAME} {world.OTHER})" in plan.stdout
    names.records[NAME] = [world.FRIEND, world.OTHER]
    assert "+ widen" in world.minato("plan").stdout
    names.records[NAME] = [world.OTHER]
    assert world.listing() == before and who_gets_in(world) == {world.FRIEND}
    world.hold(POLICY)
    assert who_gets_in(world) == {world.OTHER}
    names.records[NAME] = [world.OTHER, world.OTHER]  # the same in another form
    assert world.minato("plan").returncode == 0


@pytest.mark.parametrize("records, sentence, japanese", [
    ({}, f"friend: the name {NAME} does not exist", f"ホスト名 {NAME} は存在しません"),
    ({NAME: []}, f"friend: the name {NAME} has no address", f"ホスト名 {NAME} にはアドレスがありません"),
    ({NAME: ["0.0.0.0", "::"]}, f"friend: the name {NAME} has no address", f"ホスト名 {NAME} にはアドレスがありません"),
    ({NAME: None}, f"friend: the resolver did not answer what {NAME} stands for", "リゾルバーから答えがありません"),
])
def test_a_name_that_stands_for_nothing_stops_everything(world, names, records, sentence, japanese):
    world.hold(NO_NAME)
    before, kept = world.listing(), states(world)
    names.records = records
    for words in (["plan"], ["apply"]):
        world.declare(POLICY)
        begin = time.monotonic()
        done = world.minato(*words)
        assert time.monotonic() - begin < DEADLINE + 5
        assert done.returncode == 1 and sentence in done.stderr, done.stderr + done.stdout
        assert f"  getent ahosts {NAME}\n" in done.stderr
        assert "the rules stay as they are\n  minato plan\n" in done.stderr
    assert world.listing() == before and states(world) == kept
    assert japanese in world.minato("plan", LANGUAGE="ja").stderr


def test_without_any_server_it_says_so_at_once(world, names):
    names.stop()
    world.declare(POLICY)
    begin = time.monotonic()
    done = world.minato("plan")
    assert done.returncode == 1 and "the resolver did not answer" in done.stderr
    assert time.monotonic() - begin < DEADLINE


def test_every_name_without_address_is_named_and_one_does_not_delay_another(world, names):
    names.records = {f"n{i}.example": [world.FRIEND] for i in range(40)}
    names.records["silent.example"] = None
    world.declare("minato: 1\nwho: {slow: {name: silent.example}, gone: {name: gone.example}, many: {name: ["
                  + ", ".join(f"n{i}.example" for i in range(40)) + "]}}\n")
    done = world.minato("plan")
    assert done.returncode == 1
    assert "slow: the resolver did not answer what silent.example" in done.stderr
    assert "gone: the name gone.example does not exist" in done.stderr
    assert "many:" not in done.stderr


def test_more_addresses_than_the_bound_are_refused(world, names):
    names.hosts(*(f"203.0.113.{i} {NAME}" for i in range(1, 65)))
    world.declare(POLICY)
    plan = json.loads(world.minato("plan", "--json").stdout)
    assert len(plan["names"][0]["addresses"]) == 64
    names.hosts(*(f"203.0.113.{i} {NAME}" for i in range(1, 66)))
    done = world.minato("plan")
    assert done.returncode == 1 and "more than 64 addresses" in done.stderr


def test_restore_and_rollback_need_no_resolver(world, names):
    world.listen(22)
    names.records[NAME] = [world.FRIEND, world.FRIEND6]
    world.hold(POLICY)
    before = world.listing()
    names.stop()
    asked = len(names.asked)
    names.put("resolv.conf", "nameserver 127.0.0.9\n")
    world.nft("flush", "ruleset")
    assert who_gets_in(world) >= {world.OTHER}
    done = world.minato("restore")
    assert done.returncode == 0, done.stderr
    assert world.listing() == before
    assert who_gets_in(world) == {world.FRIEND, world.FRIEND6}
    world.hold(NO_NAME)
    assert who_gets_in(world) == set()
    done = world.minato("rollback")
    assert done.returncode == 0, done.stderr
    assert f"friend: {NAME} is {world.FRIEND}, {world.FRIEND6} (as recorded)" in done.stdout
    assert who_gets_in(world) == {world.FRIEND, world.FRIEND6}
    terminal = Terminal(world, "confirm")
    terminal.until("Keep these rules?")
    terminal.press(b"y")
    terminal.until("is confirmed")
    world.nft("flush", "ruleset")
    assert world.minato("restore").returncode == 0
    assert who_gets_in(world) == {world.FRIEND, world.FRIEND6}
    assert len(names.asked) == asked


def test_the_daemon_puts_frozen_names_back_and_asks_nobody(world, names):
    names.records[NAME] = [world.FRIEND]
    world.hold(POLICY)
    before = world.listing()
    names.records[NAME] = [world.OTHER]
    asked = len(names.asked)
    daemon = world.daemon()
    try:
        daemon.start()
        until(lambda: daemon.status()["rules"]["watched"] and daemon.status()["policy"]["declared"], "it watches")
        assert daemon.status()["policy"]["fault"] is None
        world.nft("flush", "ruleset")
        until(lambda: world.confirmed() == 1, "the rules are there again")
        until(lambda: world.listing() == before, "all of them")
    finally:
        daemon.remove()
    assert len(names.asked) == asked


def test_what_only_tells_uses_what_the_rules_hold_and_asks_nobody(world, names):
    names.records[NAME] = [world.FRIEND]
    world.listen(22)
    world.hold(POLICY)
    names.records[NAME] = [world.OTHER]
    asked = len(names.asked)
    for source, way in ((world.FRIEND, "accepted"), (world.OTHER, "dropped")):
        done = world.minato("explain", "22/tcp", "--from", source, "--json")
        assert json.loads(done.stdout)["way"]["outcome"] == way, done.stdout + done.stderr
    for words in (["status"], ["findings"], ["policy", "validate"], ["policy", "print"], ["ports"]):
        assert world.minato(*words).returncode in (0, 2), words
    assert len(names.asked) == asked


def test_open_asks_for_names_too(world, names):
    world.listen(8080)
    names.records[NAME] = [world.FRIEND]
    world.hold(POLICY)
    names.records[NAME] = [world.FRIEND, world.FRIEND6]
    done = world.minato("open", "8080/tcp", "--for", "tests", "--from", "friend", "--owner", "o")
    assert done.returncode == 0, done.stderr
    assert f"friend: {NAME} is {world.FRIEND}, {world.FRIEND6} (asked now)" in done.stdout
    assert who_gets_in(world, 8080) == {world.FRIEND, world.FRIEND6}
    newest = max((world.folder / "rules").glob("*.yaml"), key=lambda path: int(path.stem)).read_text()
    assert f'{NAME}: [{world.FRIEND}, "{world.FRIEND6}"]' in newest
    assert world.FRIEND not in world.policy.read_text()


def test_a_port_can_be_closed_while_no_resolver_answers(world, names):
    world.listen(22)
    names.records[NAME] = [world.FRIEND]
    world.hold(POLICY)
    names.stop()
    done = world.minato("close", "22/tcp", "--even-if-it-cuts-me")
    assert done.returncode == 1 and "minato plan --keep-names" in done.stderr
    assert world.policy.read_text() == POLICY  # what did not become rules does not stand in the file
    assert world.minato("plan", "--keep-names").returncode == 0
    done = world.minato("close", "22/tcp", "--even-if-it-cuts-me", "--keep-names")
    assert done.returncode == 0, done.stderr
    assert who_gets_in(world) == set()
    world.declare(POLICY.replace("home", "new"))
    done = world.minato("plan", "--keep-names")
    assert done.returncode == 1 and "know no address of new.example.net" in done.stderr


# ---- the process that asks ----

class Asking:
    """minato plan in front of a resolver that is silent, and its child."""

    def __init__(self, world, *before):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", world.host, *before, *world.words("plan")[4:]], env=world.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.child = until(lambda: next(iter(children(self.process.pid)), None), "a child is there", DEADLINE)
        until(lambda: self.status()["Seccomp"] == "2", "it has given its rights away", DEADLINE)

    def status(self):
        return status_of(self.child)

    def descriptors(self):
        folder = pathlib.Path(f"/proc/{self.child}/fd")
        return {int(each.name): os.readlink(each) for each in folder.iterdir()}


def children(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def hardened(status):
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[kind], 16) == 0, kind


def test_the_process_that_asks_has_no_rights(world, names):
    names.records[NAME] = None
    world.hold(NO_NAME)
    world.declare(POLICY)
    asking = Asking(world)
    status = asking.status()
    hardened(status)
    assert int(status["CapBnd"], 16) == 0
    assert status["Uid"].split() == status["Gid"].split() == ["65534"] * 4 and status["Groups"].strip() == "65534"
    open_files = asking.descriptors()
    assert all(open_files[i] == "/dev/null" for i in range(3)) and open_files[3].startswith("pipe:")
    assert all(target.startswith("socket:") for number, target in open_files.items() if number > 3), open_files
    out, err = asking.process.communicate(timeout=20)
    assert asking.process.returncode == 1 and "the resolver did not answer" in err, out + err


def test_a_plain_user_may_ask_too_and_its_child_has_no_rights_either(world, names):
    names.records[NAME] = None
    world.declare(POLICY)
    for each in (world.folder, world.policy):
        each.chmod(0o755)
    asking = Asking(world, "setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups")
    status = asking.status()
    hardened(status)
    assert status["Uid"].split() == ["65533"] * 4
    out, err = asking.process.communicate(timeout=20)
    assert asking.process.returncode == 1 and "the resolver did not answer" in err, out + err
    names.records[NAME] = [world.FRIEND]
    done = run("ip", "netns", "exec", world.host, "setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups",
               *world.words("plan")[4:], env=world.environment())
    assert done.returncode == 2 and f"{NAME} is {world.FRIEND} (asked now)" in done.stdout, done.stderr


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_asks_and_comes_to_an_end_is_an_error(world, names, end):
    names.records[NAME] = None
    world.declare(POLICY)
    asking = Asking(world)
    os.kill(asking.child, end)
    out, err = asking.process.communicate(timeout=20)
    assert asking.process.returncode == 1 and "the process that asks for host names failed" in err, out + err
    assert not pathlib.Path(f"/proc/{asking.child}").exists()
