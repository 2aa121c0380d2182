"""tools/make-measures takes data/measures.yaml as it is, and finds what is wrong with another."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RIGHT = """- name: one
  title: {en: "a thing", ja: "あること"}
  severity: low
  asks: false
  services: [ssh]
  mend:
    - {en: "Do it.", ja: "してください。"}
"""


def make(tmp_path, text):
    path = tmp_path / "measures.yaml"
    path.write_text(text, encoding="utf-8")
    return subprocess.run([ROOT / "tools/make-measures", tmp_path / "out.c", path, ROOT / "data/ports.yaml"], capture_output=True,
                          text=True, check=False)


def test_the_data_of_the_project_is_taken(tmp_path):
    done = make(tmp_path, (ROOT / "data/measures.yaml").read_text(encoding="utf-8"))
    assert done.returncode == 0 and done.stderr == ""


def test_a_right_row_is_taken(tmp_path):
    assert make(tmp_path, RIGHT).returncode == 0
    assert "[MEASURE_ONE] = {" in (tmp_path / "out.c").read_text(encoding="utf-8")


@pytest.mark.parametrize("before, after, fault", [
    ("[ssh]", "[no-such-service]", "has no no-such-service"),
    ("[ssh]", "[ssh, ssh]", "named twice"),
    ("severity: low", "severity: mild", "severity is"),
    ("asks: false", "asks: maybe", "asks is"),
    ("してください。", "do it", "mend needs"),
    ("Do it.", "Do it", "must be a sentence"),
    ("a thing", "a thing.", "needs no full stop"),
    ('{en: "Do it."', '{programs: [x], en: "Do it."', "the last mend"),
    ("  asks: false\n", "", "needs exactly"),
    ("", RIGHT, "is not unique"),
])
def test_faults_are_found(tmp_path, before, after, fault):
    text = RIGHT.replace(before, after) if before else RIGHT + after
    done = make(tmp_path, text)
    assert done.returncode == 1 and fault in done.stderr
    assert not (tmp_path / "out.c").exists()
