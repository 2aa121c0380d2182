"""Every entry of the glossary as a reader meets it, in both languages."""
import json
import pathlib
import re
import unicodedata
import xml.etree.ElementTree as tree

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = yaml.safe_load((ROOT / "data/glossary.yaml").read_text(encoding="utf-8"))
TERMS = {term["term"]: term for term in DATA["terms"]}
LANGUAGES = ("en", "ja")
USAGE = 3
SVG = "{http://www.w3.org/2000/svg}"


def columns(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in line)


def joined(text):
    """Without the breaks of lines."""
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TERMS)
def test_a_term_is_explained(minato, name, language):
    term = TERMS[name]
    done = minato("explain", name, language=language)
    assert done.returncode == 0 and done.stderr == ""
    assert joined(term["text"][language]) in joined(done.stdout)
    assert joined(term["title"][language]) in joined(done.stdout)
    assert joined(term["try"]) in joined(done.stdout)
    assert all(other in done.stdout for other in term["see"])
    assert max(columns(line) for line in done.stdout.splitlines()) <= 80


@pytest.mark.parametrize("name", TERMS)
def test_every_word_for_it_leads_to_it(minato, name):
    term = TERMS[name]
    words = [term["title"]["en"], term["title"]["ja"], *term["also"]]
    done = minato("explain", "--terms", "--json", *words)
    assert done.returncode == 0, done.stderr
    assert [found["term"]["term"] for found in json.loads(done.stdout)["explanations"]] == [name] * len(words)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [name for name, term in TERMS.items() if "figure" in term])
def test_its_figure_is_written_as_svg(minato, tmp_path, name, language):
    path = tmp_path / "figure.svg"
    done = minato("explain", "--terms", name, "--svg", str(path), language=language)
    assert done.returncode == 0 and done.stderr == ""
    root = tree.parse(path).getroot()
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == language
    assert root.get("role") == "img"
    assert {root.find(SVG + "title").get("id"), root.find(SVG + "desc").get("id")} == set(
        root.get("aria-labelledby").split())
    assert len(root.find(SVG + "title").text) > 5 and len(root.find(SVG + "desc").text) > 20


@pytest.mark.parametrize("command", sorted({term["try"] for term in TERMS.values()}))
def test_what_is_to_be_tried_is_understood(minato, tmp_path, command):
    words = command.removeprefix("sudo ").split()[1:]
    done = minato(*words, MINATO_RUNTIME_DIRECTORY="/nonexistent", MINATO_GUARD_DIRECTORY="/nonexistent",
                  XDG_STATE_HOME=str(tmp_path))
    assert done.returncode != USAGE, done.stderr
    assert done.stdout + done.stderr != ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_terms_are_listed(minato, language):
    done = minato("explain", "--terms", language=language)
    assert done.returncode == 0
    for group in DATA["groups"]:
        assert group["title"][language] in done.stdout
    words = set(re.findall(r"[a-z][a-z0-9-]*", done.stdout))
    assert set(TERMS) - words == set()


def test_all_terms_are_listed_for_machines(minato):
    listed = json.loads(minato("explain", "--terms", "--json", language="ja").stdout)["terms"]
    assert [term["term"] for term in listed] == list(TERMS)
    for term in listed:
        own = TERMS[term["term"]]
        assert term["text"] == own["text"]["ja"] and term["see"] == own["see"] and term["try"] == own["try"]
        assert term["figure"] == own.get("figure") and term["group"] == own["group"]


@pytest.mark.parametrize("word,found", [
    ("待ち受け", "listener"), ("ファイアウォール", "firewall"), ("ふぁいあうぉーる", "firewall"), ("Time Wait", "time-wait"),
    ("connection refused", "rst"), ("ＮＡＴ", "nat"), ("タイムアウト", "filtered"),
])
def test_words_as_people_type_them(minato, word, found):
    document = json.loads(minato("explain", "--json", word).stdout)["explanations"][0]
    assert document["kind"] == "term" and document["term"]["term"] == found


def test_a_service_keeps_its_meaning(minato):
    """A word that is a service and a term: the service as before, and what the word means."""
    document = json.loads(minato("explain", "--json", "dns").stdout)["explanations"][0]
    assert document["kind"] == "port" and document["port"] == 53
    assert json.loads(minato("explain", "--json", "443").stdout)["explanations"][0]["term"] is None


def test_a_typo_is_told_the_nearest_term(minato):
    for wrong, right in (("listner", "listener"), ("handshaek", "handshake"), ("ファイアウオール", "ファイアウォール")):
        done = minato("explain", wrong)
        assert done.returncode == 1 and f"minato explain {right}" in done.stderr
    done = minato("explain", "--terms", "listner")
    assert done.returncode == 1 and 'minato explain --terms "listener"' in done.stderr
    hostile = minato("explain", "--terms", "x\x1b[2J\u202e")
    assert hostile.returncode == 1 and "\x1b" not in hostile.stderr and "\u202e" not in hostile.stderr


def test_a_term_without_a_figure_says_so(minato, tmp_path):
    name = next(name for name, term in TERMS.items() if "figure" not in term)
    done = minato("explain", "--terms", name, "--svg", str(tmp_path / "x.svg"))
    assert done.returncode == USAGE and "no figure" in done.stderr


def test_shells_complete_terms(minato):
    for shell in ("bash", "zsh", "fish"):
        script = minato("completion", shell).stdout
        assert all(re.search(rf"(?<![a-z-]){name}(?![a-z-])", script) for name in TERMS)
