"""Habits of the sources that a compiler does not hold."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTED_AT_LEAST = 0.97


def tracked(*patterns):
    done = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def begins_with_a_comment(text):
    return re.match(r"(/\* SPDX[^\n]*\*/\n)?/\*[\s*]*(?!SPDX)[\w\"]", text) is not None


def prototypes(text):
    """(name, documented) of each function that a header declares.

    A prototype is documented by the comment right above it, or above the lines without a gap that it stands in:
    pairs such as x_init and x_deinit share one.
    """
    text = re.sub(r"\\\n", " ", text)
    covered = False
    inside = False
    for line in text.splitlines():
        if line.startswith("/*"):
            inside = True
        if inside:
            inside = "*/" not in line
            covered = True
            continue
        if not line.strip() or line.startswith("}"):
            covered = False
            continue
        found = re.match(r"(?!static|typedef|extern|(?:struct|enum|union)(?: \w+)? \{)[a-z][\w\s*]*?\b(\w+)\(", line)
        if found:
            yield found.group(1), covered


def public_headers():
    """Headers that other libraries may include: lib/X/X.h, and every header of base and model."""
    for path in tracked("lib/*.h"):
        library, rest = pathlib.PurePath(path).parts[1], pathlib.PurePath(path).name
        if rest == f"{library}.h" or library in ("base", "model"):
            yield path


def test_every_file_begins_by_saying_what_is_in_it():
    assert [path for path in tracked("*.c", "*.h") if not begins_with_a_comment(read(path))] == []


def test_a_file_without_a_comment_is_found():
    assert begins_with_a_comment("/* Names. */\n#include <a.h>\n")
    assert begins_with_a_comment("/* SPDX-License-Identifier: MIT */\n/* Names. */\n")
    assert not begins_with_a_comment("#include <a.h>\n/* late */\n")
    assert not begins_with_a_comment("/* */\n#include <a.h>\n")
    assert not begins_with_a_comment("/* SPDX-License-Identifier: MIT */\n#include <a.h>\n")


def test_public_functions_are_documented():
    all_of_them = [(path, *found) for path in public_headers() for found in prototypes(read(path))]
    assert len(all_of_them) > 100
    bare = [f"{path}: {name}" for path, name, documented in all_of_them if not documented]
    share = 1 - len(bare) / len(all_of_them)
    print(f"{share:.1%} of {len(all_of_them)} public functions are documented; not: {bare}")
    assert share >= DOCUMENTED_AT_LEAST


def test_a_bare_prototype_is_found():
    header = "/* Pair. */\nvoid a_init(void);\nvoid a_deinit(void);\n\nint bare(int x,\n\t int y);\n"
    assert list(prototypes(header)) == [("a_init", True), ("a_deinit", True), ("bare", False)]


def test_no_path_of_one_machine_is_written_down():
    machine = re.compile("/(?:" + "|".join(["work/", "tmp/" + "wt", r"home/(?!alice|user)\w"]) + ")")
    found = [f"{path}:{number}" for path in tracked() if (ROOT / path).is_file() and path != "tests/project/test_sources.py"
             for number, line in enumerate(read(path).splitlines(), 1) if machine.search(line)]
    assert found == []


def test_modules_of_the_tests_can_be_imported_together():
    """One pytest collects all folders: two modules of one name, or an import from a conftest (each folder has one), is chance."""
    paths = [pathlib.PurePath(path) for path in tracked("tests/*.py")]
    names = [path.stem for path in paths if path.stem != "conftest"]
    assert len(names) > 90 and sorted({name for name in names if names.count(name) > 1}) == []
    assert [str(path) for path in paths if re.search(r"^(from|import) conftest\b", read(path), re.M)] == []
