"""minato policy import: files, standard input, the report, exit codes; nothing is ever overwritten."""
import json
import os
import subprocess

import pytest
import yaml

from places import BUILD, ROOT

CASES = ROOT / "tests/golden/import"
RULES = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n"
DOUBTFUL = RULES.replace("COMMIT", "-A INPUT -p tcp --dport 80 -m mark --mark 0x1 -j ACCEPT\nCOMMIT")


@pytest.fixture
def rules(tmp_path):
    (tmp_path / "rules").write_text(RULES)
    (tmp_path / "doubtful").write_text(DOUBTFUL)
    return tmp_path


def test_the_policy_goes_to_standard_output_and_is_valid(minato, rules):
    done = minato("policy", "import", str(rules / "rules"))
    assert done.returncode == 0
    assert yaml.safe_load(done.stdout)["ports"]["ssh"]["from"] == ["0.0.0.0/0"]
    (rules / "policy.yaml").write_text(done.stdout)
    assert minato("policy", "validate", str(rules / "policy.yaml")).returncode == 0
    assert "iptables: 1 declaration; rules carried 1, changed 1, not carried 0" in done.stderr


def test_what_could_not_be_carried_is_told_and_exits_2(minato, rules):
    done = minato("policy", "import", str(rules / "doubtful"))
    assert done.returncode == 2
    assert f"{rules}/doubtful:4: not carried: accepts under a condition that a policy cannot say (--mark 0x1)" in done.stderr
    assert "80/tcp" not in done.stdout
    japanese = minato("policy", "import", str(rules / "doubtful"), language="ja")
    assert "移行不可: ポリシーで書けない条件 (--mark 0x1) での許可です" in japanese.stderr
    assert "移行不可 1 件" in japanese.stderr


def test_json_has_the_policy_and_a_note_for_each_rule(minato, rules):
    done = minato("policy", "import", "--json", str(rules / "doubtful"))
    assert done.returncode == 2 and done.stderr == ""
    found = json.loads(done.stdout)
    assert (found["kind"], found["declarations"], found["carried"], found["not_carried"]) == ("iptables", 1, 1, 1)
    assert yaml.safe_load(found["policy"])["ports"].keys() == {"ssh"}
    left = [n for n in found["notes"] if n["outcome"] == "not-carried"]
    assert [(n["reason"], n["line"]) for n in left] == [("import-condition-accept", 4)]
    assert left[0]["rule"].endswith("--mark 0x1 -j ACCEPT")


def test_a_new_file_is_written_and_an_old_one_never(minato, rules):
    path = rules / "policy.yaml"
    done = minato("policy", "import", str(rules / "rules"), "--output", str(path))
    assert done.returncode == 0
    assert f"minato policy validate {path}" in done.stdout
    before = path.read_text()
    again = minato("policy", "import", str(rules / "doubtful"), "-o", str(path))
    assert again.returncode == 1
    assert "never overwritten" in again.stderr
    assert path.read_text() == before


def test_standard_input_is_a_file(rules):
    done = subprocess.run([BUILD / "minato", "policy", "import", "-"], input=RULES, capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}, timeout=60, check=False)
    assert done.returncode == 0
    assert "22/tcp" in done.stdout


@pytest.mark.parametrize("folder, files, kind", [
    ("ufw", ["user.rules", "user6.rules", "default", "ufw.conf"], "ufw"),
    ("nft", ["ruleset.json"], "nft"),
    ("iptables", ["saved.txt"], "iptables"),
    ("firewalld", sorted(p.name for p in (CASES / "firewalld").iterdir()), "firewalld"),
])
def test_the_kind_is_seen_in_the_content(minato, folder, files, kind):
    done = minato("policy", "import", "--json", *(str(CASES / folder / name) for name in files))
    assert done.returncode in (0, 2)
    assert json.loads(done.stdout)["kind"] == kind


@pytest.mark.parametrize("content", ["", "nothing of the kind\n", '{"nftables": 1}', "<zone>", RULES + "\0" * 5])
def test_other_files_are_refused_or_read_to_their_end(minato, rules, content):
    (rules / "other").write_text(content)
    done = minato("policy", "import", str(rules / "other"))
    assert done.returncode == (0 if content.startswith("*filter") else 1)
    assert done.stderr != ""


def test_kinds_are_not_mixed(minato, rules):
    done = minato("policy", "import", str(rules / "rules"), str(CASES / "nft/ruleset.json"))
    assert done.returncode == 1 and done.stdout == ""
    assert "iptables" in done.stderr and "nft" in done.stderr


def test_a_missing_file_is_an_error(minato, rules):
    done = minato("policy", "import", str(rules / "none"))
    assert done.returncode == 1
    assert str(rules / "none") in done.stderr


def test_output_is_for_import_alone(minato, rules):
    assert minato("policy", "validate", "--output", "x", str(rules / "rules")).returncode == 3
    assert minato("policy", "import").returncode == 3
