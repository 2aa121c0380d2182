"""What `meson install` puts where: names that man and the shells look for."""
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MINATO_BUILD", ROOT / "build"))


def installed():
    done = subprocess.run(["meson", "introspect", "--installed", BUILD], capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout).values())


@pytest.mark.parametrize("path", [
    "/bin/minato",
    "/sbin/minatod",
    "/libexec/minato/minato-engine",
    "/libexec/minato/minato-face",
    "/share/man/man1/minato.1",
    "/share/man/ja/man1/minato.1",
    "/share/man/man5/minato-policy.5",
    "/share/man/ja/man5/minato-policy.5",
    "/share/man/man5/minato-policy.5",
    "/share/man/ja/man5/minato-policy.5",
    "/share/bash-completion/completions/minato",
    "/share/zsh/site-functions/_minato",
    "/share/fish/vendor_completions.d/minato.fish",
    "/share/locale/ja/LC_MESSAGES/minato.mo",
])
def test_it_lies_where_it_is_looked_for(path):
    assert [p for p in installed() if p.endswith(path)] != []


def test_manual_pages_carry_nothing_but_name_and_section():
    pages = [pathlib.PurePath(p) for p in installed() if "/man/" in p]
    assert pages
    for page in pages:
        assert page.name.split(".")[1:] == [page.parent.name.removeprefix("man")]
