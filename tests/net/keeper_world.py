"""A host with rules and the daemon that keeps them, for tests of the keeper and of what it says about other tools."""
import os
import signal
import time

import pytest

from daemon import until
from world import World, waiters

POLICY = """minato: 1
{defaults}ports:
  ssh: {{port: 22/tcp, for: administration, owner: o, from: 10.77.0.2}}
  web: {{port: 80/tcp, for: site, owner: o, from: any}}
"""
# Heard of, not found by the next look, on a machine that is busy; how soon it is, is printed, and tests/bench measures it.
AT_ONCE = 5
ENFORCED, OBSERVED = POLICY.format(defaults=""), POLICY.format(defaults="defaults: {mode: observe}\n")


@pytest.fixture
def world():
    made = World()
    yield made
    for pid in waiters(made):
        os.kill(pid, signal.SIGKILL)
    made.remove()


@pytest.fixture
def daemon(world):
    """Started when the test says so: most want rules before."""
    made = world.daemon()
    yield made
    made.remove()


def settled(daemon, **wanted):
    """Waits until the keeper has told that the rules are so. @return what it told."""
    def so():
        rules = daemon.status()["rules"]
        return rules if all(rules[key] == value for key, value in wanted.items()) else None

    return until(so, f"the daemon tells of {wanted}")


def begin(world, daemon, policy=ENFORCED):
    world.hold(policy)
    daemon.start()
    settled(daemon, watched=True, confirmed=1)


def findings(daemon):
    """Those about other tools."""
    return [f for f in daemon.ask("/v1/findings")["findings"] if f["finding"].endswith("-by-another-tool")]


def raised(daemon, kind="finding_raised"):
    return [e for e in daemon.ask(f"/v1/events?kind={kind}")["events"] if e["finding"].endswith("-by-another-tool")]


def told(world, daemon, commands, finding, seconds=AT_ONCE):
    """Does what another tool would do; @return the one event about it, which comes in time."""
    world.nft(commands)
    began = time.monotonic()
    events = until(lambda: raised(daemon), finding, seconds=10)
    took = time.monotonic() - began
    print(f"told after {1000 * took:.0f} ms")
    assert took < seconds
    assert [e["finding"] for e in events] == [finding], events
    assert [f["finding"] for f in findings(daemon)] == [finding]
    return events[0]
