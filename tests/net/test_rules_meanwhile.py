"""What other tools do in the moments in which minato changes rules itself, and what is said when nothing tells whether they did."""
import datetime
import json
import subprocess
import threading
import time

import pytest

from world import World, run

POLICY = """minato: 1
ports:
  ssh: {port: 22/tcp, for: administration, owner: o, from: 10.77.0.2}
"""
OPEN = "minato: 1\ndefaults: {inbound: accept}\n"


@pytest.fixture
def world():
    made = World()
    yield made
    made.remove()


class Meddler:
    """Another tool that adds a line to a generation's chain as soon as there is one."""

    def __init__(self, world, generation):
        self.done = threading.Event()
        self.words = ["ip", "netns", "exec", world.host, "nft", "insert", "rule", "inet", "minato", f"g{generation}-in",
                      "tcp", "dport", "2323", "accept"]
        self.thread = threading.Thread(target=self.go, daemon=True)
        self.thread.start()

    def go(self):
        end = time.monotonic() + 20
        while time.monotonic() < end and not self.done.is_set():
            if run(*self.words).returncode == 0:
                self.done.set()

    def end(self):
        assert self.done.wait(20), "there was no such chain"
        self.thread.join()


def plan_until(world, told, seconds=15):
    """Listing goes on behind the command: it may take a moment until the plan can tell."""
    end = time.monotonic() + seconds
    while True:
        plan = json.loads(world.minato("plan", "--json", "--unproven").stdout)
        if told(plan) or time.monotonic() > end:
            return plan


@pytest.mark.parametrize("policy", [OPEN, POLICY])
def test_a_line_that_came_while_rules_were_loaded_is_told(world, policy):
    """It is not taken for one of those that were just loaded."""
    world.listen(22)
    meddler = Meddler(world, 1)
    world.apply(policy, "--unproven")
    meddler.end()
    if world.candidate() is not None:
        number = world.candidate()
        world.nft("flush map inet minato candidate; flush map inet minato candidate-out; "
                  f"add element inet minato confirmed {{ ipv4 : goto g{number}-in, ipv6 : goto g{number}-in }}; "
                  "add element inet minato confirmed-out { ipv4 : accept, ipv6 : accept }")
        assert world.minato("restore").returncode == 0
    plan = plan_until(world, lambda plan: plan["drift"])
    assert "tcp dport 2323 accept" in plan["drift"]
    assert plan["differs"]


def test_a_line_that_came_while_lost_rules_were_put_back_is_told(world):
    world.hold(POLICY)
    world.nft("flush", "ruleset")
    meddler = Meddler(world, 1)
    assert world.minato("restore").returncode == 0
    meddler.end()
    plan = plan_until(world, lambda plan: plan["drift"])
    assert "tcp dport 2323 accept" in plan["drift"] or "2323" not in world.nft("list", "ruleset")


def age(world, number, hours=1):
    """The entry of the record as if it were older, so that nobody is at work on it any more."""
    path = world.folder / "rules" / f"{number}.json"
    entry = json.loads(path.read_text())
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=hours)
    entry["time"] = before.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    path.write_text(json.dumps(entry))


def test_it_is_said_when_nothing_tells_whether_others_changed_lines(world):
    world.hold(POLICY)
    assert plan_until(world, lambda plan: plan["drift"] is not None)["drift"] == ""
    for suffix in ("rules", "id"):
        (world.folder / "rules" / f"1.{suffix}").unlink(missing_ok=True)
    age(world, 1)
    world.nft("insert rule inet minato g1-in tcp dport 2323 accept")
    done = world.minato("plan", "--unproven")
    assert done.returncode == 2
    assert "cannot be told" in done.stdout and "minato apply" in done.stdout
    assert json.loads(world.minato("plan", "--json", "--unproven").stdout)["drift"] is None
    done = world.minato("plan", "--unproven", LANGUAGE="ja")
    assert "分かりません" in done.stdout
    world.apply(None, "--unproven")
    assert world.confirmed() == 2
    assert "2323" not in world.nft("list", "ruleset")
    plan = plan_until(world, lambda plan: plan["drift"] is not None)
    assert plan["drift"] == "" and not plan["differs"]


def test_other_tables_that_change_meanwhile_are_no_drift(world):
    """The kernel counts the changes of all tables together."""
    busy = subprocess.Popen(["ip", "netns", "exec", world.host, "bash", "-c",
                             "nft add table ip busy; for i in $(seq 200); do nft add chain ip busy c$i; done"])
    try:
        world.hold(POLICY)
    finally:
        assert busy.wait(60) == 0
    plan = plan_until(world, lambda plan: plan["drift"] is not None)
    assert plan["drift"] == "" and not plan["differs"]
