"""The checks that `make lint` runs on lines of code, each with planted faults that it must find."""
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tracked(*patterns):
    done = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def check(tool, *files, cwd=ROOT):
    return subprocess.run([sys.executable, ROOT / "tools" / tool, *files], cwd=cwd, capture_output=True, text=True)


def test_nothing_forbidden_is_called():
    done = check("forbidden", *tracked("*.c", "*.h"))
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize("line", [
    "int n = atoi(text);",
    "long n = strtol (text, NULL, 10);",
    "sprintf(buffer, \"%d\", n);",
    "return system(\"id\");",
    "char c = '\"'; strcpy(to, from); c = '\"';",
    "/* harmless */ (void)popen(command, \"r\");",
])
def test_a_forbidden_call_is_found(tmp_path, line):
    (tmp_path / "planted.c").write_text("/* A file. */\n\n" + line + "\n")
    done = check("forbidden", "planted.c", cwd=tmp_path)
    assert done.stdout.startswith("planted.c:3: ")
    assert done.returncode == 1


@pytest.mark.parametrize("line", [
    "/* unlike strcpy(to, from) it stops */",
    "say(\"use system(3) sparingly\");",
    "snprintf(buffer, sizeof(buffer), \"%d\", n);",
    "my_system(name);",
    "table->gets(row);",
    "int strtol_like;",
])
def test_what_only_looks_forbidden_is_not(tmp_path, line):
    (tmp_path / "innocent.c").write_text(line + "\n")
    done = check("forbidden", "innocent.c", cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("", 0)


def function(name, lines):
    return f"int {name}(void)\n{{\n" + "\tstep();\n" * lines + "}\n"


@pytest.mark.parametrize("text, words, code", [
    (function("short", 50), "", 0),
    (function("long", 51), "f.c:2: long: function of 51 lines\n", 0),
    (function("endless", 101), "f.c:2: endless: function of 101 lines, too long\n", 1),
    ("int a;\n" * 300, "", 0),
    ("int a;\n" * 301, "f.c: file of 301 lines\n", 0),
    ("int a;\n" * 801, "f.c: file of 801 lines, too long\n", 1),
    ("static const struct a b[] = {\n" + "\t{ 1 },\n" * 200 + "};\n", "", 0),
])
def test_lengths_are_reported(tmp_path, text, words, code):
    (tmp_path / "f.c").write_text(text)
    done = check("lengths", "f.c", cwd=tmp_path)
    assert (done.stdout, done.returncode) == (words, code)
