"""Network namespaces of our own, and lib/observe as a program that prints JSON. Needs root."""
import itertools
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MINATO_BUILD", ROOT / "build"))
PROBE = BUILD / "tests" / "net" / "observe-probe"
OWNERS, DETAILS, PACKAGES, COUNTS, CONNECTIONS, PUBLISHED, ALL_NETNS = (1 << i for i in range(7))
numbers = itertools.count()


def pytest_collection_modifyitems(items):
    for item in items:
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="makes network namespaces, which needs root"))


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, **options)


def checked(*words, **options):
    done = run(*words, **options)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def inventory(flags, pins=None, without="", before=()):
    """before = words in front of the command, e.g. setpriv."""
    words = [*before, PROBE, "inventory", flags, *([pins] if pins else [])]
    return json.loads(checked(*words, env={**os.environ, "MINATO_WITHOUT": without}))


def listeners(seen, port, **wanted):
    return [row for row in seen["listeners"]
            if row["port"] == port and all(row[key] == value for key, value in wanted.items())]


@pytest.fixture
def netns():
    """Makes a namespace with a loopback that is up; all are removed afterwards."""
    made = []

    def make():
        name = f"mnt-{os.getpid()}-{next(numbers)}"
        checked("ip", "netns", "add", name)
        made.append(name)
        checked("ip", "-n", name, "link", "set", "lo", "up")
        return name

    yield make
    for name in made:
        run("ip", "netns", "del", name)


@pytest.fixture
def world(netns):
    """A host with a network beyond it, whose twin can be asked."""
    from twin_world import World  # which needs this file itself

    made = World(netns)
    yield made
    made.close()


@pytest.fixture
def pins(tmp_path):
    """The daemon's pins, readable by group 65533. The way to them is open, as in /run."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.owner() == "root" and parent != pathlib.Path("/tmp") and str(parent).startswith("/tmp"):
            parent.chmod(0o755)
    directory = tmp_path / "bpf"
    done = run(PROBE, "pin", directory, 65533)
    if done.returncode != 0:
        pytest.skip(f"this kernel takes no BPF iterators: {done.stderr}")
    yield directory
    run(PROBE, "unpin", directory)


@pytest.fixture
def netns_inode():
    return lambda name: os.stat(f"/run/netns/{name}").st_ino
