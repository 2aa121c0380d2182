"""Fixtures for all tests of this folder: network namespaces and what stands in them. Needs root.

What tests import lies in modules with names of their own (world.py, observed.py): every folder has a conftest, and only one of
them can be a module of that name.
"""
import itertools
import os
import pathlib

import pytest

from observed import PROBE
from world import checked, run

numbers = itertools.count()


def pytest_collection_modifyitems(items):
    for item in items:
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="makes network namespaces, which needs root"))


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
    from twin_world import World

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
