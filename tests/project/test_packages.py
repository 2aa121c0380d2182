"""The lists of Debian packages: sorted, and complete for what the build asks for."""
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LISTS = ["packaging/debian-packages.txt", "packaging/lint-packages.txt", "packaging/bench-packages.txt",
         "packaging/bench-unpacked.txt", "packaging/web-packages.txt"]
DEPENDENCY = re.compile(r"\bdependency\('([^']+)'")
PROGRAM = re.compile(r"\bfind_program\('([^']+)'")


def packages(path):
    return [line for line in (ROOT / path).read_text().splitlines() if not line.startswith("#")]


def asked_for(pattern):
    """What the build files name, e.g. every dependency('...'); threads are part of the C library."""
    files = subprocess.run(["git", "ls-files", "meson.build", "*/meson.build"], cwd=ROOT, capture_output=True,
                           text=True, check=True).stdout.split()
    return sorted({name for file in files for name in pattern.findall((ROOT / file).read_text())} - {"threads"})


def owners(path):
    """Packages that a file belongs to; /bin and /usr/bin are one place on a merged system."""
    done = subprocess.run(["dpkg-query", "-S", path, path.removeprefix("/usr")], capture_output=True, text=True)
    return {line.split(":")[0].removesuffix("-minimal") for line in done.stdout.splitlines()}


@pytest.mark.parametrize("path", LISTS)
def test_the_list_is_sorted_and_names_nothing_twice(path):
    assert packages(path) == sorted(set(packages(path)))


def test_no_package_is_in_both_lists():
    assert set(packages(LISTS[0])) & set(packages(LISTS[1])) == set()


def test_the_build_names_libraries_and_programs():
    assert "jansson" in asked_for(DEPENDENCY)
    assert "msgfmt" in asked_for(PROGRAM)


@pytest.mark.parametrize("library", asked_for(DEPENDENCY))
def test_the_package_of_each_library_is_listed(library):
    done = subprocess.run(["pkg-config", "--path", library], capture_output=True, text=True, check=True)
    assert owners(done.stdout.strip()) & set(packages(LISTS[0])) != set()


@pytest.mark.parametrize("program", asked_for(PROGRAM))
def test_the_package_of_each_program_is_listed(program):
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    assert owners(found) & set(packages(LISTS[0])) != set()
