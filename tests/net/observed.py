"""lib/observe as a program that prints JSON (observe-probe), asked by the tests."""
import json
import os

from world import BUILD, checked

PROBE = BUILD / "tests" / "net" / "observe-probe"
OWNERS, DETAILS, PACKAGES, COUNTS, CONNECTIONS, PUBLISHED, ALL_NETNS = (1 << i for i in range(7))


def inventory(flags, pins=None, without="", before=()):
    """before = words in front of the command, e.g. setpriv."""
    words = [*before, PROBE, "inventory", flags, *([pins] if pins else [])]
    return json.loads(checked(*words, env={**os.environ, "MINATO_WITHOUT": without}))


def listeners(seen, port, **wanted):
    return [row for row in seen["listeners"]
            if row["port"] == port and all(row[key] == value for key, value in wanted.items())]
