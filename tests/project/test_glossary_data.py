"""tools/make-glossary on the real data, what its commands name, and planted faults that it must find."""
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
GLOSSARY = (ROOT / "data/glossary.yaml").read_text(encoding="utf-8")
DATA = yaml.safe_load(GLOSSARY)
NAT = GLOSSARY[GLOSSARY.index("  - term: nat\n"):]
NAT = NAT[:NAT.index("\n  - term:", 1) + 1]
NAT_TEXT = next(term for term in DATA["terms"] if term["term"] == "nat")["text"]
LEAST = 36  # terms that the glossary promises


def make(tmp_path, text=GLOSSARY):
    (tmp_path / "glossary.yaml").write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, ROOT / "tools/make-glossary", tmp_path / "out.c", tmp_path / "glossary.yaml"],
                          capture_output=True, text=True)
    assert (done.returncode == 0) == (tmp_path / "out.c").exists()
    return done


def commands():
    """Name or alias of every command -> the names of its options."""
    found = {}
    for path in (ROOT / "src/minato").glob("command_*.c"):
        text = path.read_text(encoding="utf-8")
        options = set(re.findall(r'\{ "([a-z-]+)", (?:0|\'.\'), OPTION_', text)) | {"help", "policy"}
        for table in re.findall(r"const struct command command_\w+ = \{(.*?)\n\};", text, re.S):
            for name in re.findall(r'\.name = "([a-z-]+)"', table):
                found[name] = options
    return found


def test_the_data_is_in_order(tmp_path):
    assert make(tmp_path).stderr == ""


def test_there_are_enough_terms_and_every_group_has_some():
    assert len(DATA["terms"]) >= LEAST
    assert {term["group"] for term in DATA["terms"]} == {group["name"] for group in DATA["groups"]}


@pytest.mark.parametrize("term", DATA["terms"], ids=lambda term: term["term"])
def test_what_is_to_be_tried_exists(term):
    words = term["try"].removeprefix("sudo ").split()
    known = commands()
    assert len(known) > 20
    assert words[0] == "minato" and words[1] in known, term["try"]
    if words[1] == "help":
        assert words[2] in known, term["try"]
    for option in re.findall(r"--([a-z-]+)", term["try"]):
        assert option in known[words[1]], term["try"]
    if words[1] == "explain":
        names = {t["term"] for t in DATA["terms"]}
        assert any(word in names or word[0] in "-0123456789" for word in words[2:]), term["try"]


def test_every_term_is_led_to():
    """A reader who follows `see also` can come to every word from some other one."""
    led_to = {name for term in DATA["terms"] for name in term["see"]}
    assert {term["term"] for term in DATA["terms"]} - led_to == set()


def one_sentence(text):
    return re.sub(r"^(.*?[.。]).*$", r"\1", text)


@pytest.mark.parametrize("before,after,sentence", [
    ("  - term: nat\n", "  - term: NAT\n", "term must be a-z"),
    ("  - term: nat\n", "  - term: port\n", "the term exists twice"),
    ("    group: networks\n", "    group: network\n", "there is no group network"),
    ("see: [napt,", "see: [natp,", "there is no other term natp"),
    ("see: [napt,", "see: [nat,", "there is no other term nat"),
    ("figure: nat", "figure: net", "there is no figure net"),
    ("try: minato", "try: nmap", "try must be a command of minato"),
    (NAT_TEXT["en"], one_sentence(NAT_TEXT["en"]), "text has 1 and"),
    (NAT_TEXT["ja"], one_sentence(NAT_TEXT["ja"]), "and 1 sentences"),
    (NAT_TEXT["ja"], NAT_TEXT["en"], "text.ja is not Japanese"),
    ("also: [", "also: [ぽーと番号, ", "is already a word for"),
    ("also: [", "also: [nat, ", "is its name or title"),
    ('ja: "NAT"', 'ja: ""', "title needs en and ja"),
    ("    try:", "    tries:", "keys missing ['try']"),
])
def test_planted_faults_are_found(tmp_path, before, after, sentence):
    assert before in NAT
    done = make(tmp_path, GLOSSARY.replace(NAT, NAT.replace(before, after, 1)))
    assert done.returncode == 1
    assert sentence in done.stderr


def test_a_ladder_that_nobody_shows_is_found(tmp_path):
    done = make(tmp_path, GLOSSARY.replace("    figure: udp\n", ""))
    assert done.returncode == 1
    assert "ladder udp: no term shows it" in done.stderr
