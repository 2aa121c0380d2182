"""tools/make-catalog on the real data, and planted faults that it must find."""
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PORTS = (ROOT / "data/ports.yaml").read_text(encoding="utf-8")
PROFILES = (ROOT / "data/profiles.yaml").read_text(encoding="utf-8")
SSH = PORTS[PORTS.index("- port: 22/tcp"):]
SSH = SSH[:SSH.index("\n- port:", 1) + 1]


def make(tmp_path, ports=PORTS, profiles=PROFILES):
    (tmp_path / "ports.yaml").write_text(ports, encoding="utf-8")
    (tmp_path / "profiles.yaml").write_text(profiles, encoding="utf-8")
    done = subprocess.run([sys.executable, ROOT / "tools/make-catalog", tmp_path / "out.c", ROOT / "data/iana/ports.tsv",
                           ROOT / "data/uses.yaml", tmp_path / "profiles.yaml", tmp_path / "ports.yaml"],
                          capture_output=True, text=True)
    assert (done.returncode == 0) == (tmp_path / "out.c").exists()
    return done


def test_the_data_is_in_order(tmp_path):
    done = make(tmp_path)
    assert done.stderr == ""


def test_the_same_data_makes_the_same_tables(tmp_path):
    make(tmp_path)
    first = (tmp_path / "out.c").read_bytes()
    make(tmp_path)
    assert (tmp_path / "out.c").read_bytes() == first


@pytest.mark.parametrize("before,after,sentence", [
    ("  risk: high\n", "  risk: grave\n", "risk: 'grave' is not one of"),
    ("  risk: high\n", "  risk: low\n", "port 22: must be of high risk"),
    ("  everyday: true\n", "  everyday: false\n", "port 22: must be an everyday port"),
    ("  name: ssh\n", "  name: ftp\n", "the name exists twice"),
    ("  name: ssh\n", "  name: SSH\n", "name must be a-z"),
    ("- port: 22/tcp", "- port: 22/icmp", "is no port such as"),
    ("- port: 22/tcp", "- port: [22/tcp, 22/tcp]", "is listed twice"),
    ("- port: 22/tcp", "- port: 65536/tcp", "is no port such as"),
    ("- port: 22/tcp", "- port: 2/tcp", "is not sorted"),
    ("  group: remote-access\n", "  group: remote\n", "group: 'remote' is not one of"),
    ("  uses: [client-server", "  uses: [server", "uses must be some of"),
    ("  login: yes\n", "", "keys missing ['login']"),
    ("  plaintext: no\n", "  plaintext: maybe\n", "plaintext: 'maybe' is not one of"),
])
def test_planted_faults_are_found(tmp_path, before, after, sentence):
    assert before in SSH
    done = make(tmp_path, PORTS.replace(SSH, SSH.replace(before, after, 1)))
    assert done.returncode == 1
    assert sentence in done.stderr


def test_japanese_must_be_japanese(tmp_path):
    start = SSH.index("  reason:")
    japanese = SSH.index("    ja: ", start)
    end = SSH.index("\n", japanese)
    done = make(tmp_path, PORTS.replace(SSH, SSH[:japanese] + '    ja: "Bots guess passwords."' + SSH[end:]))
    assert done.returncode == 1
    assert "reason.ja is not Japanese" in done.stderr


def test_a_missing_everyday_port_is_found(tmp_path):
    done = make(tmp_path, PORTS.replace(SSH, ""))
    assert done.returncode == 1
    assert "port 22: is missing" in done.stderr


def test_profiles_are_checked(tmp_path):
    done = make(tmp_path, profiles=PROFILES.replace("\n  encryption: own\n", "\n  encryption: mine\n", 1))
    assert done.returncode == 1
    assert "encryption: 'mine' is not one of" in done.stderr
    assert "exactly" in make(tmp_path, profiles=PROFILES + PROFILES[PROFILES.index("- name:"):]).stderr


def test_the_registry_is_what_the_converter_makes(tmp_path):
    index = tmp_path / "index.json"
    index.write_text('{"1/tcp": ["a", "A  b"], "1/udp": ["a", "A b"], "2/tcp": ["", "Reserved"], "1/sctp": ["c", ""]}')
    out = tmp_path / "out.tsv"
    subprocess.run([sys.executable, ROOT / "tools/convert-iana", index, out], check=True)
    assert out.read_text() == "1\ttcp,udp\ta\tA b\n1\tsctp\tc\t\n"
    index.write_text('{"70000/tcp": ["a", "A"]}')
    assert subprocess.run([sys.executable, ROOT / "tools/convert-iana", index, out], capture_output=True).returncode == 1
