"""What the READMEs tell people to type exists, and is what the continuous integration runs."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MINATO_BUILD", ROOT / "build"))
DOCUMENTS = ["README.md", "README.ja.md"]
LINKED = [*DOCUMENTS, "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGES.md", "docs/README.md"]


def read(path):
    return (ROOT / path).read_text()


def make_targets():
    return set(re.findall(r"^(\w+):", read("Makefile"), re.M))


def typed(text):
    """Words after each `minato` that a reader is told to type: lines that begin with a prompt, and `minato ...`."""
    prompts = re.findall(r"^ *\$ (?:sudo )?(?:build/)?minato\b([^\n#>]*)", text, re.M)
    return [words.split() for words in prompts + re.findall(r"`minato( [^`]*)`", text)]


def known_words():
    """Commands and their aliases."""
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LANGUAGE": "en"}
    overview = subprocess.run([BUILD / "minato", "help", "all"], capture_output=True, text=True, env=environment, check=True)
    return set(re.findall(r"^  (\w+) ", overview.stdout, re.M))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_two_commands_are_there(document):
    assert set(re.findall(r"^    make (\w+)", read(document), re.M)) == {"run", "check"}


def test_ci_runs_what_the_readme_says():
    assert re.findall(r"^exec (.*)$", read(".ci/run"), re.M) == ["make check"]


@pytest.mark.parametrize("document", [*DOCUMENTS, "CONTRIBUTING.md"])
def test_every_make_target_exists(document):
    told = set(re.findall(r"(?:^    |`)make ([a-z]+)", read(document), re.M))
    assert told and told <= make_targets()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_exists(document):
    commands = {words[0] for words in typed(read(document)) if words and not words[0][0].isdigit()}
    assert len(commands) >= 5
    assert commands - known_words() == set()


def test_both_languages_show_the_same_commands():
    english, japanese = (re.findall(r"^ *\$ (.*)$", read(d), re.M) for d in DOCUMENTS)
    assert english == japanese


@pytest.mark.parametrize("document", LINKED)
def test_links_lead_somewhere(document):
    folder = (ROOT / document).parent
    targets = [t.split("#")[0] for t in re.findall(r"\]\(([^)]+)\)", read(document)) if "://" not in t]
    assert [t for t in targets if t and not (folder / t).exists()] == []
