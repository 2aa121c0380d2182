"""The layering check, and planted faults that it must find."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def layers(root):
    return subprocess.run([sys.executable, ROOT / "tools/layers", root], capture_output=True, text=True)


def test_the_house_keeps_its_layers():
    done = layers(ROOT)
    assert done.stdout == ""
    assert done.returncode == 0


def test_planted_faults_are_found(tmp_path):
    for path, line in {
        "lib/base/a.c": '#include "model/listener.h"',
        "lib/review/b.c": '#include "policy/parser.h"',
        "lib/model/c.c": '#include "base/io/clock.h"',
        "lib/fog/d.c": "",
        "src/minato/e.c": '#include "text/utf8.h"',
    }.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(line + "\n")
    done = layers(tmp_path)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 5
