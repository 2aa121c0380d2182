"""minato alone, status and findings: one screen, findings, exit codes, with and without a policy."""
import json
import socket

import pytest


@pytest.fixture
def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        yield s.getsockname()[1]


def policy(tmp_path, text):
    path = tmp_path / "policy.yaml"
    path.write_text("minato: 1\n" + text)
    return str(path)


def declared(port, owner="ops@example.jp"):
    return f"ports:\n  test:\n    port: {port}/tcp\n    for: a test\n    owner: {owner}\n    from: host\n"


def test_minato_alone_is_one_screen(minato, port):
    done = minato()
    assert done.returncode in (0, 2)
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("minato ")
    assert "1024-49151" in done.stdout
    assert "High ports:" in done.stdout
    assert "Rules: none of minato" in done.stdout
    assert "Findings:" in done.stdout


def test_it_reads_in_japanese(minato, port):
    text = minato(language="ja").stdout
    assert "ハイポート:" in text
    assert "指摘:" in text


def test_json_has_stable_keys(minato, port):
    done = minato("--json")
    document = json.loads(done.stdout)
    assert {"schema", "time", "hostname", "daemon", "rules", "move", "sentry", "devices", "policy_declared", "classes", "high_ports",
            "services_exposed", "ports", "published", "reach", "findings", "measures", "coverage"} == set(document)
    assert [c["class"] for c in document["classes"]] == ["system", "user", "dynamic"]
    assert any(p["port"] == port for p in document["ports"])


def test_a_declared_port_has_its_purpose(minato, port, tmp_path):
    done = minato("ports", str(port), "--json", "--policy", policy(tmp_path, declared(port)))
    (row,) = json.loads(done.stdout)["ports"]
    assert (row["declaration"], row["purpose"], row["owner"]) == ("test", "a test", "ops@example.jp")


def undeclared(minato, port, file):
    done = minato("findings", "--json", "--fail-on", "none", "--policy", file)
    assert done.returncode == 0, done.stderr
    return [f for f in json.loads(done.stdout)["findings"]
            if f["finding"] == "undeclared-listener" and f["facts"]["port"] == port]


def test_undeclared_is_found_until_it_is_declared(minato, port, tmp_path):
    assert undeclared(minato, port, policy(tmp_path, declared(1)))
    assert not undeclared(minato, port, policy(tmp_path, declared(port)))


def test_exit_code_two_at_the_limit(minato, port, tmp_path):
    file = policy(tmp_path, declared(1))
    severity = undeclared(minato, port, file)[0]["severity"]
    assert minato("findings", "--policy", file, "--fail-on", severity).returncode == 2
    assert minato("status", "--policy", file, "--fail-on", "none").returncode == 0


def test_a_broken_policy_is_an_error_with_its_place(minato, tmp_path):
    file = policy(tmp_path, "ports:\n  x:\n    prot: 1/tcp\n")
    done = minato("status", "--policy", file)
    assert done.returncode == 1
    assert f"{file}:4:5: error:" in done.stderr
    assert f"minato policy validate {file}" in done.stderr


def test_a_missing_policy_that_was_named_is_an_error(minato, tmp_path):
    done = minato("status", "--policy", str(tmp_path / "none.yaml"))
    assert done.returncode == 1
    assert "none.yaml" in done.stderr
