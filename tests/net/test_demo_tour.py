"""`minato demo --tour`: every step shows what it says, in both languages, as root and as somebody; and worlds of one's own."""
import os
import re

import pytest
import yaml

from demo_world import LANGUAGES, quay, terminals  # noqa: F401  (fixtures)
from world import ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
STEPS = yaml.safe_load((ROOT / "data/harbour.yaml").read_text(encoding="utf-8"))["tour"]
SMALL = """
harbour: 1
title: {en: Two, ja: 二台}
networks: {net: 192.168.77.0/24}
desk: other
machines:
  shop:
    minato: yes
    at: {net: 192.168.77.1}
    runs: [{name: sshd, does: login, port: 22}, {name: shopd, does: web, port: 8080}]
  other:
    at: {net: 192.168.77.2}
tour:
  - title: {en: One door, ja: 一つの扉}
    why: {en: Look., ja: 見ます。}
    type: minato ports --brief
    shows: ["8080"]
"""


def world(text=SMALL):
    """A file that the machine's own folders hold, which the world sees as well. Removed with the test."""
    path = ROOT / f"build/test-harbour-{os.getpid()}.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return path


@pytest.fixture
def scenario():
    made = []
    yield lambda text=SMALL: made.append(world(text)) or made[-1]
    for path in made:
        path.unlink(missing_ok=True)


def flat(text):
    return re.sub(r"\s", "", text)


def test_every_step_shows_what_it_says(quay):  # noqa: F811
    """Two worlds at a time: they do not know of each other."""
    running = {language: quay.start("--tour", language=language) for language in LANGUAGES}
    for language, process in running.items():
        shown = process.communicate(timeout=170)[0]
        assert process.returncode == 0, shown[-3000:]
        text = flat(shown)
        for step in STEPS:
            assert flat(step["why"][language]) in text and flat(f"{step.get('at', 'harbour')}$ {step['type']}") in text
            assert "see" not in step or flat(step["see"][language]) in text


def test_a_step_that_does_not_show_it_fails(quay, scenario):  # noqa: F811
    done = quay.demo("--scenario", scenario(SMALL.replace('["8080"]', '["8081"]')), "--tour")
    assert done.returncode == 1 and 'did not show "8081": minato ports --brief' in done.stderr
    done = quay.demo("--scenario", scenario(SMALL.replace("--brief", "--brief; exit 7")), "--tour")
    assert done.returncode == 1 and "ended with exit code 7, not 0" in done.stderr


def test_a_world_of_ones_own(quay, scenario):  # noqa: F811
    path = scenario()
    done = quay.demo("--scenario", path, "--tour")
    assert done.returncode == 0 and "1/1  One door" in done.stdout and "8080" in done.stdout, done.stderr
    done = quay.demo("--scenario", path, "--", "minato", "ports", "--brief")
    assert re.search(r"\b8080\b.*shopd", done.stdout) and "6379" not in done.stdout


@pytest.mark.parametrize("text, told", [
    (SMALL.replace("does: web", "does: wbe"), ":10:69: error:"),
    (SMALL.replace("port: 8080", "port: 80800"), ":10:80: error:"),
    (SMALL.replace("desk: other", "desk: nobody"), "nobody"),
    (SMALL.replace('    shows: ["8080"]\n', ""), "shows"),
    ("harbour: 2\n", "1:"),
    ("- [", ""),
], ids=["word", "number", "machine", "step", "version", "no YAML"])
def test_faults_of_a_world_are_told_with_their_place(quay, scenario, text, told):  # noqa: F811
    path = scenario(text)
    done = quay.demo("--scenario", path, "--tour")
    assert done.returncode == 1 and f"{path}:" in done.stderr and told in done.stderr and "error" in done.stderr
    assert done.stdout == ""


def test_a_scan_does_not_keep_minato_from_asking_the_rules(quay):  # noqa: F811
    """Whom the rules refused stands in sets of ours, ten thousand after this: they are no part of the question."""
    text = quay.host("minato init; minato close 6379/tcp; at scanner scan harbour; minato")
    assert "10000/tcp asked" in text
    assert re.search(r"6379/tcp +0\.0\.0\.0 +nobody", text), text[-3000:]


def test_the_world_that_comes_along_is_a_file_to_begin_with(quay, scenario):  # noqa: F811
    text = quay.demo("--print", code=0).stdout
    assert text == (ROOT / "data/harbour.yaml").read_text(encoding="utf-8")
    done = quay.demo("--scenario", scenario(text.replace("port: 6379", "port: 6380")), "--", "minato", "ports", "--brief")
    assert "6380" in done.stdout and "6379" not in done.stdout


def test_what_does_not_go_together_is_told(quay, scenario):  # noqa: F811
    done = quay.demo("--tour", "--shell")
    assert done.returncode == 3 and "minato help demo" in done.stderr
    done = quay.demo("--scenario", "/nonexistent/world.yaml", "--tour")
    assert done.returncode == 1 and "/nonexistent/world.yaml" in done.stderr
    done = quay.demo("--scenario", scenario(SMALL[:SMALL.index("tour:")]), "--tour")
    assert done.returncode == 3 and "minato demo --shell" in done.stderr


@pytest.mark.parametrize("language, hint, end", [("en", "b goes back", "That was the tour"), ("ja", "b で戻る", "ツアーは以上です")])
def test_a_reader_types_it(quay, terminals, scenario, language, hint, end):  # noqa: F811
    two = SMALL + "  - why: {en: And from here., ja: こちらから。}\n    at: other\n    type: minato check shop:8080\n    shows: [HTTP]\n"
    terminal = terminals(quay.words("--scenario", scenario(two), "--tour"), language)
    terminal.until(hint)
    terminal.until("shop$")
    terminal.type("echo to\"\"day\r")
    terminal.until("today")  # whatever else is typed is done, and the step remains
    terminal.until("shop$")
    terminal.type("minato ports --brief\r")
    assert "shopd" in terminal.until("other$")
    terminal.type("b\r")
    assert "1/1  " in terminal.until("shop$")
    terminal.type("n\r")
    terminal.until("other$")
    terminal.type("sh -c 'echo be\"\"gan; exec sleep 60'\r")
    terminal.until("began")
    terminal.type("\x03")  # is for that program alone
    terminal.until("other$")
    terminal.type("\r")  # Enter types the line
    assert "HTTP/1.1 200" in terminal.until(end)
    assert terminal.end() == 0


def test_a_reader_goes_whenever_he_likes(quay, terminals, scenario):  # noqa: F811
    for typed, codes in (("q\r", (0,)), ("\x04", (0,)), ("\x03", (130, -2))):  # -2: nsenter in front of it hears Ctrl-C too
        terminal = terminals(quay.words("--scenario", scenario(), "--tour"))
        terminal.until("shop$")
        terminal.type(typed)
        assert terminal.end() in codes
