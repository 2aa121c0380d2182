"""One JSON vocabulary: the same key has the same kind of value in every document."""
import json
import re
import socket

import pytest

POLICY = """minato: 1
ports:
  web: {port: 443/tcp, for: company site, owner: web@example.jp, from: any}
"""

READING = [
    ["status"], ["ports"], ["ports", "--all"], ["ports", "--brief"], ["ports", "--use", "all"], ["findings"],
    ["explain", "443"], ["explain", "ssh"], ["explain", "8000-8010"], ["explain", "database"],
    ["explain", "--list", "common"], ["explain", "--search", "database"], ["log"], ["version"], ["map"],
]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture
def documents(minato, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        found = {}
        for words in READING:
            done = minato("--policy", str(policy), *words, "--json")
            assert done.returncode in (0, 2), (words, done.stderr)
            found[" ".join(words)] = json.loads(done.stdout)
        found["policy validate"] = json.loads(minato("policy", "validate", str(policy), "--json").stdout)
        found["policy diff"] = json.loads(minato("policy", "diff", str(policy), str(policy), "--json").stdout)
        yield found


def pairs(value):
    """Every key with its value, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from pairs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from pairs(inner)


def kind(value):
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def test_every_document_has_its_schema_and_time(documents):
    for name, document in documents.items():
        assert document["schema"] == 1, name
        assert TIME.fullmatch(document["time"]), name


def test_a_key_is_of_one_kind_everywhere(documents):
    seen = {}
    for name, document in documents.items():
        for key, value in pairs(document):
            assert re.fullmatch(r"[a-z0-9_]+", key), (name, key)
            if value is not None:
                seen.setdefault(key, {}).setdefault(kind(value), name)
    mixed = {key: kinds for key, kinds in seen.items() if len(kinds) > 1}
    assert mixed == {}


def test_times_and_words_are_of_the_vocabulary(documents):
    words = {
        "class": {"system", "user", "dynamic"},
        "risk": {"low", "medium", "high", "critical"},
        "severity": {"none", "low", "medium", "high", "critical"},
        "exposure": {"loopback", "private", "public", "any"},
        "protocol": {"tcp", "udp", "sctp", "dccp", "udplite", "mptcp"},
    }
    for name, document in documents.items():
        for key, value in pairs(document):
            if key == "started" and value is not None:
                assert TIME.fullmatch(value), name
            if key in words and value is not None:
                assert value in words[key], (name, key, value)
