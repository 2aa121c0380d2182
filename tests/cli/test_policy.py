"""minato policy and minato init: exit codes, faults, JSON, both languages."""
import json
import re
import resource
import socket
import subprocess

import pytest
import yaml

from places import BUILD, ROOT

GOOD = yaml.safe_load((ROOT / "data/schema.yaml").read_text())["example"]
BAD = GOOD.replace("from: [office, vpn]", "from: [ofice, vpn]").replace("owner: web@example.jp, ", "")


@pytest.fixture
def files(tmp_path):
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def test_a_valid_policy_is_in_order(minato, files):
    done = minato("policy", "validate", str(files / "good.yaml"))
    assert done.returncode == 0
    assert "valid: 3 declarations" in done.stdout
    assert done.stderr == ""


def test_all_faults_come_in_one_run(minato, files):
    path = files / "bad.yaml"
    done = minato("policy", "validate", str(path))
    assert done.returncode == 1
    assert f'{path}:13:12: error: nobody is called "ofice"' in done.stdout
    assert "[policy-who-unknown]" in done.stdout
    assert 'did you mean "office"?' in done.stdout
    assert "[policy-key-missing]" in done.stdout
    assert re.search(r"^ +\| +\^~+$", done.stdout, re.M)


def test_faults_speak_japanese(minato, files):
    done = minato("policy", "validate", str(files / "bad.yaml"), language="ja")
    assert done.returncode == 1
    assert "「ofice」という相手は定義されていません" in done.stdout


def test_the_policy_option_names_the_file(minato, files):
    assert minato("--policy", str(files / "good.yaml"), "policy", "validate").returncode == 0
    assert minato("--policy", str(files / "bad.yaml"), "policy", "validate").returncode == 1


def test_a_missing_file_names_the_next_step(minato, files):
    done = minato("policy", "validate", str(files / "none.yaml"))
    assert done.returncode == 1
    assert "minato init" in done.stderr
    assert "ポリシーがありません" in minato("policy", "print", str(files / "none.yaml"), language="ja").stderr


def test_json_has_every_part_of_a_fault(minato, files):
    done = minato("policy", "validate", "--json", str(files / "bad.yaml"))
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["schema"] == 1 and document["valid"] is False
    assert document["errors"] == len(document["diagnostics"]) == 2
    fault = document["diagnostics"][0]
    assert fault["id"] == "policy-who-unknown" and fault["level"] == "error"
    assert fault["suggestion"] == "office" and fault["line"] > 1 and fault["column"] > 1


def test_printing_twice_prints_the_same(minato, files):
    first = minato("policy", "print", str(files / "good.yaml"))
    assert first.returncode == 0
    (files / "printed.yaml").write_text(first.stdout)
    assert minato("policy", "print", str(files / "printed.yaml")).stdout == first.stdout
    assert minato("policy", "diff", str(files / "good.yaml"), str(files / "printed.yaml")).returncode == 0


def test_a_faulty_policy_is_not_printed(minato, files):
    done = minato("policy", "print", str(files / "bad.yaml"))
    assert done.returncode == 1
    assert done.stdout == "" and "[policy-who-unknown]" in done.stderr


def test_a_difference_exits_with_two(minato, files):
    (files / "other.yaml").write_text(GOOD.replace("from: host", "from: office"))
    done = minato("policy", "diff", str(files / "good.yaml"), str(files / "other.yaml"))
    assert done.returncode == 2
    assert done.stdout == "~ ports.db.from: host -> office\n"
    done = minato("policy", "diff", "--json", str(files / "good.yaml"), str(files / "other.yaml"))
    assert done.returncode == 2
    assert json.loads(done.stdout)["changes"] == [
        {"change": "changed", "path": "ports.db.from", "before": "host", "after": "office"}]


def test_included_files_are_found_beside_the_file(minato, files):
    (files / "parts").mkdir()
    (files / "main.yaml").write_text("minato: 1\ninclude: parts/a.yaml\n")
    (files / "parts/a.yaml").write_text("minato: 1\ninclude: b.yaml\nports:\n"
                                        "  a: {port: 1/tcp, for: x, owner: y, from: w}\n")
    (files / "parts/b.yaml").write_text("minato: 1\nwho: {w: 192.0.2.1}\n")
    done = minato("policy", "validate", str(files / "main.yaml"))
    assert done.returncode == 0, done.stdout
    assert "1 declaration," in done.stdout
    (files / "parts/b.yaml").write_text("minato: 1\ninclude: ../main.yaml\n")
    done = minato("policy", "validate", str(files / "main.yaml"))
    assert done.returncode == 1
    assert "[policy-include-cycle]" in done.stdout


def test_large_files_and_devices_are_refused_quickly(minato, files):
    (files / "big.yaml").write_bytes(b"a" * (100 << 20))
    done = minato("policy", "validate", str(files / "big.yaml"), timeout=5)
    assert done.returncode == 1
    assert "[policy-file-too-big]" in done.stdout
    assert minato("policy", "validate", "/dev/zero", timeout=5).returncode == 1
    assert minato("policy", "validate", str(files), timeout=5).returncode == 1


def test_the_schema_knows_every_key_of_the_example(minato):
    for language in ("en", "ja"):
        schema = json.loads(minato("policy", "schema", language=language).stdout)
        example = yaml.safe_load(GOOD)
        assert set(example) <= set(schema["properties"])
        assert set(example["ports"]["ssh"]) <= set(schema["$defs"]["declaration"]["properties"])
        assert schema["properties"]["fleet"] is False


def test_words_that_are_no_verbs_are_refused(minato):
    done = minato("policy", "validat")
    assert done.returncode == 3
    assert "minato policy validate" in done.stderr
    assert minato("policy", "diff", "one").returncode == 3


def test_init_writes_what_listens_and_never_overwrites(minato, files):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        path = files / "first.yaml"
        done = minato("init", "--output", str(path))
        assert done.returncode == 0, done.stderr
        declared = yaml.safe_load(path.read_text())["ports"]
        mine = [d for d in declared.values() if d["port"] == f"{port}/tcp"]
        assert len(mine) == 1 and mine[0]["from"] == "host" and mine[0]["owner"] == "CONFIRM"
        done = minato("policy", "validate", str(path))
        assert done.returncode == 0
        assert "[policy-unconfirmed]" in done.stdout
        before = path.read_bytes()
        assert minato("init", "--output", str(path)).returncode == 1
        assert path.read_bytes() == before


def test_init_makes_the_folder_of_the_policy_alone(minato, files):
    assert minato("--policy", str(files / "etc/policy.yaml"), "init").returncode == 0
    assert (files / "etc/policy.yaml").exists()
    done = minato("init", "--output", str(files / "typo/policy.yaml"))
    assert done.returncode == 1
    assert not (files / "typo").exists()


def test_init_speaks_japanese(minato):
    done = minato("init", "--output", "-", language="ja")
    assert done.returncode == 0
    assert "責任者" in done.stdout


def test_manual_pages_explain_every_key():
    keys = yaml.safe_load((ROOT / "data/schema.yaml").read_text())["mappings"]
    for language in ("en", "ja"):
        page = (BUILD / f"docs/manual/{language}/minato-policy.5").read_text()
        for key in (name for m in keys for name in m.get("keys", {})):
            assert f".B {key}:" in page.replace("\\-", "-")
        rendered = subprocess.run(["groff", "-Kutf8", "-Tutf8", "-man", "-ww"], input=page, text=True,
                                  capture_output=True, check=True)
        # Japanese has few spaces to break a line at: those warnings are about its looks alone.
        assert [w for w in rendered.stderr.splitlines() if not w.endswith(("break line", "adjust line"))] == []


def test_more_listeners_than_a_policy_can_name_is_said(minato, tmp_path):
    wanted = 9000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted + 500:
        pytest.skip(f"needs {wanted} open files, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 500), hard))
    listeners = []
    try:
        for port in range(10000, 32000):
            s = socket.socket()
            try:
                s.bind(("127.0.0.1", port))
                s.listen(1)
                listeners.append(s)
            except OSError:
                s.close()
            if len(listeners) == wanted:
                break
        done = minato("init", "--output", str(tmp_path / "policy.yaml"))
        assert done.returncode == 1
        assert "1 MiB" in done.stderr
        assert not (tmp_path / "policy.yaml").exists()
    finally:
        for s in listeners:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
