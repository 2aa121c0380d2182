"""Runs the built minato as a person would."""
import os
import subprocess

import pytest

from places import BUILD


@pytest.fixture
def minato():
    """minato("ports", "--json", language="ja") -> CompletedProcess with text; no terminal, no colour."""

    def run(*words, language="en", timeout=60, **environment):
        keep = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
        keep.update({"LANG": "C.UTF-8", "LANGUAGE": language, "MINATO_RULES_DIRECTORY": "/nonexistent", **environment})
        return subprocess.run([BUILD / "minato", *words], capture_output=True, text=True, env=keep,
                              stdin=subprocess.DEVNULL, timeout=timeout)

    return run
