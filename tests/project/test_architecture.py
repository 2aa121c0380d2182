"""ARCHITECTURE.md says what is there: the layers that tools/layers holds, and every folder."""
import ast
import fnmatch
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def layers():
    """MAY of tools/layers, for the libraries that exist."""
    tree = ast.parse((ROOT / "tools/layers").read_text())
    may = next(ast.literal_eval(node.value) for node in tree.body
               if isinstance(node, ast.Assign) and node.targets[0].id == "MAY")
    return {library: allowed for library, allowed in may.items() if (ROOT / "lib" / library / "meson.build").exists()}


def table(text):
    """The table under "## Layers": library -> what it may include."""
    section = text.split("## Layers\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| ([\w -]+) \|", section, re.M)
    return {library: allowed.replace("-", "").split() for library, allowed in rows if library != "library"}


def mentioned(text):
    """The folders named in the first column of "## Every folder", as patterns."""
    section = text.split("## Every folder\n")[1]
    first = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return re.findall(r"`([^`]+)/`", " ".join(first))


def folders():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {str(parent) for path in done.stdout.splitlines() for parent in pathlib.PurePath(path).parents} - {"."}


def covers(pattern, folder):
    """`tests/golden/**` means the folder and everything below, `lib/*/io` one folder in each library."""
    if pattern.endswith("/**"):
        top = pattern.removesuffix("/**")
        return folder == top or folder.startswith(top + "/")
    return folder.count("/") == pattern.count("/") and fnmatch.fnmatch(folder, pattern)


def text():
    return (ROOT / "ARCHITECTURE.md").read_text()


def test_the_table_of_layers_is_what_the_check_holds():
    assert table(text()) == layers()


def test_every_folder_is_mentioned():
    assert [f for f in sorted(folders()) if not any(covers(p, f) for p in mentioned(text()))] == []


def test_every_mentioned_folder_exists():
    assert [p for p in mentioned(text()) if not any(covers(p, f) for f in folders())] == []


def test_a_missing_folder_and_a_wrong_layer_are_found():
    planted = "## Layers\n| library | may include | what |\n|---|---|---|\n| base | - | x |\n| text | base model | x |\n" \
              "## Every folder\n| `lib/` | x |\n| `lib/*/io/` | x |\n| `tests/golden/**/` | x |\n"
    assert table(planted) == {"base": [], "text": ["base", "model"]}
    patterns = mentioned(planted)
    assert any(covers(p, "lib/base/io") for p in patterns)
    assert any(covers(p, "tests/golden/policy/include") for p in patterns)
    assert not any(covers(p, "lib/base") for p in patterns)
    assert not any(covers(p, "lib/base/io/deep") for p in patterns)
