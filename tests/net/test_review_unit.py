"""The review that a timer starts: packaging/systemd/minato-review.service as systemd runs it."""
import re
import subprocess

import pytest

from world import BUILD, MINATO, World

POLICY = """minato: 1
ports:
  web: {port: 80/tcp, for: site, owner: o, from: any}
"""


@pytest.fixture
def world():
    made = World()
    yield made
    made.remove()


def settings():
    text = (BUILD / "packaging/systemd/minato-review.service").read_text()
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")


def review(world, **more):
    """With the rights that the unit leaves."""
    unit = settings()
    rights = ",".join("+" + word.removeprefix("CAP_").lower() for word in unit["CapabilityBoundingSet"].split())
    program, *words = unit["ExecStart"].split()
    assert re.fullmatch(r"/.*/minato", program)
    return subprocess.run(["nsenter", f"--net=/run/netns/{world.host}", "setpriv", f"--bounding-set=-all,{rights}", "--inh-caps=-all",
                           "--no-new-privs", MINATO, "--policy", world.policy, *words], capture_output=True, text=True,
                          env=world.environment(**more), timeout=60)


def test_it_is_content_where_nothing_contradicts(world):
    world.listen(80)
    world.hold(POLICY)
    done = review(world)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rules, code, said", [
    ("table ip other { chain in { type filter hook input priority 0; tcp dport 80 drop; }; }", 0, "80/tcp"),
    # What nobody reads out of one rule: by a mark, in two steps.
    ("table ip other { chain early { type filter hook prerouting priority -300; tcp dport 80 meta mark set 7; }; "
     "chain late { type filter hook input priority 50; meta mark 7 drop; }; }", 0, "80/tcp"),
    # What nobody may ask for is asked for as something else: that is worth a failure.
    ("table ip other { chain early { type filter hook prerouting priority -300; tcp dport 6379 tcp dport set 80; }; }", 2, "6379/tcp"),
])
def test_it_tells_what_the_kernel_proves(world, rules, code, said):
    world.listen(80)
    world.listen(6379)
    world.hold(POLICY)
    before = world.listing()
    world.nft(rules)
    done = review(world)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in " ".join(done.stdout.split()) and "other" in done.stdout
    world.nft("delete table ip other")
    assert world.listing() == before
