"""`minato demo --record`, and the recording that is shown where no sandbox can be made."""
import json
import os
import subprocess

import pytest
import yaml

from demo_world import LANGUAGES, SOMEBODY, environment, quay  # noqa: F401  (a fixture)
from test_demo_tour import SMALL, flat, scenario  # noqa: F401  (a fixture)
from world import MINATO, ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
STEPS = yaml.safe_load((ROOT / "data/harbour.yaml").read_text(encoding="utf-8"))["tour"]
FORBIDDEN = ("unshare", "--map-root-user", "sh", "-c",
             "echo 0 >/proc/sys/user/max_user_namespaces; echo 0 >/proc/sys/user/max_net_namespaces; "
             "echo 0 >/proc/sys/user/max_mnt_namespaces; exec \"$@\"", "sh")


def nowhere(*options, language="en"):
    """Where this kernel makes no namespaces any more."""
    return subprocess.run([*SOMEBODY, *FORBIDDEN, MINATO, "demo", *options], capture_output=True, text=True, timeout=60, check=False,
                          env=environment(language), stdin=subprocess.DEVNULL)


def events(path):
    head, *rest = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return head, rest


def test_a_recording_holds_what_was_shown(quay, scenario):  # noqa: F811
    kept = ROOT / f"build/test-record-{os.getpid()}.cast"
    kept.touch(mode=0o666)
    kept.chmod(0o666)
    try:
        done = quay.demo("--scenario", scenario(), "--tour", "--record", kept, language="ja")
        head, rest = events(kept)
        assert done.returncode == 0 and head["version"] == 2 and head["width"] == 80
        assert "".join(text for _, _, text in rest) == done.stdout
        assert [kind for _, kind, _ in rest] == ["o"] * len(rest) and [at for at, _, _ in rest] == sorted(at for at, _, _ in rest)
        done = subprocess.run(quay.words("--record", kept, "--", "printf", "a\\303\\251b\\377c"), capture_output=True, timeout=60, check=False,
                              env=environment())
        assert "".join(text for _, _, text in events(kept)[1]) == "aéb?c" and done.stdout == b"a\xc3\xa9b\xffc"
    finally:
        kept.unlink()


def test_what_cannot_be_kept_is_told(quay, scenario):  # noqa: F811
    done = quay.demo("--scenario", scenario(), "--tour", "--record", "/nonexistent/x.cast")
    assert done.returncode == 1 and "cannot write /nonexistent/x.cast" in done.stderr and done.stdout == ""
    done = quay.demo("--shell", "--record", "x.cast")
    assert done.returncode == 3 and "--record" in done.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_no_sandbox_can_be_made_the_tour_is_a_recording(language):
    for options in ((), ("--tour",), ("--shell",)):
        done = nowhere(*options, language=language)
        text = flat(done.stdout)
        assert done.returncode == 0 and done.stderr.count("minato: ") == 2, done.stderr
        for step in STEPS:
            assert flat(step["why"][language]) in text and flat("$ " + step["type"]) in text, "record the tour anew: see docs/design/demo.md"
            assert "see" not in step or flat(step["see"][language]) in text


def test_a_command_of_ones_own_is_not_replayed():
    done = nowhere("--", "minato", "ports")
    assert done.returncode in (1, 4) and done.stdout == "" and done.stderr.startswith("minato: ")
