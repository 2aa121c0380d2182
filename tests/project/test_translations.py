"""Every word that a person reads in English has its Japanese, and the other way round."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def entries(text):
    """msgid -> msgstr of a po file, without the header."""
    joined = re.sub(r'"\n"', "", text)
    found = dict(re.findall(r'^msgid "(.*)"\nmsgstr(?:\[0\])? "(.*)"$', joined, re.M))
    found.pop("", None)
    return found


def marked():
    sources = sorted(str(p) for top in ("src", "lib") for p in ROOT.glob(f"{top}/**/*.[ch]"))
    done = subprocess.run(["xgettext", "--from-code=UTF-8", "-L", "C", "-k_", "-kN_", "--no-wrap", "-o", "-", *sources],
                          capture_output=True, text=True, check=True)
    return set(entries(done.stdout))


def translated():
    files = sorted(str(p) for p in ROOT.glob("po/ja/*.po"))
    done = subprocess.run(["msgcat", "--use-first", "--no-wrap", "-o", "-", *files], capture_output=True, text=True,
                          check=True)
    return entries(done.stdout)


def test_every_marked_word_is_translated():
    missing = marked() - set(k for k, v in translated().items() if v)
    assert sorted(missing) == []


def test_no_translation_is_left_over():
    assert sorted(set(translated()) - marked()) == []


def test_every_po_file_is_built():
    listed = (ROOT / "po/meson.build").read_text()
    for path in ROOT.glob("po/ja/*.po"):
        assert f"'ja/{path.name}'" in listed


def conversions(text):
    """printf's conversions, without positions, in any order."""
    found = re.findall(r"%(?:\d+\$)?([-+ 0#]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|j)?[diouxXeEfgcs%])", text)
    return sorted(c for c in found if c != "%")


def test_translations_take_the_same_arguments():
    wrong = [k for k, v in translated().items() if conversions(k) != conversions(v)]
    assert wrong == []
