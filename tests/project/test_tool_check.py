"""tools/check finds what fails: of several files at a time, alone, and when the runner dies."""
import importlib.machinery
import importlib.util
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def check(tmp_path):
    """tools/check for a folder with tests of its own."""
    loader = importlib.machinery.SourceFileLoader("check", str(ROOT / "tools/check"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check", loader))
    loader.exec_module(module)
    module.ROOT = str(tmp_path)
    (tmp_path / "tests/net").mkdir(parents=True)
    (tmp_path / "build").mkdir()
    return module


def write(check, **files):
    for name, text in files.items():
        (pathlib.Path(check.ROOT) / f"tests/net/test_{name}.py").write_text(text)


def result(check):
    tally = check.Tally()
    check.kernel_tests(tally, "build")
    return tally.passed, tally.failed, len(tally.skipped)


def test_each_file_is_counted_once(check):
    write(check, a="def test_a(): pass\n", b="def test_b(): pass\ndef test_c(): pass\n", c='ALONE = "why"\ndef test_d(): pass\n',
          d="import pytest\ndef test_e(): pytest.skip('why')\n")
    assert result(check) == (4, 0, 1)


def test_what_fails_is_found_beside_others_and_alone(check):
    write(check, a="def test_a(): assert False\ndef test_b(): pass\n", b='ALONE = "why"\ndef test_c(): assert False\n')
    assert result(check) == (1, 2, 0)


def test_what_fails_only_beside_others_is_told_and_asked_again(check, capsys):
    seen = pathlib.Path(check.ROOT) / "seen"
    write(check, a=f"import pathlib\nSEEN = pathlib.Path({str(seen)!r})\n"
                   "def test_a():\n    first = not SEEN.exists()\n    SEEN.touch()\n    assert not first\n")
    assert result(check) == (1, 0, 0)
    assert "tests/net/test_a.py failed beside others" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["import nonexistent\n", "import os\ndef test_a(): os._exit(3)\n"])
def test_a_runner_that_dies_is_a_failure(check, text):
    write(check, a=text)
    passed, failed, _ = result(check)
    assert passed == 0 and failed >= 1


def test_files_that_stand_alone_have_nothing_beside_them(check):
    """Each leaves its mark while it runs, and looks for others."""
    folder = pathlib.Path(check.ROOT)
    body = (f"import pathlib, time\nFOLDER = pathlib.Path({str(folder)!r})\n"
            "def test_it():\n    mark = FOLDER / f'mark-{__name__}'\n    mark.touch()\n    time.sleep(0.3)\n"
            "    others = [m for m in FOLDER.glob('mark-*') if m != mark]\n    mark.unlink()\n")
    write(check, a=body, b=body, c=body + "    assert others == []\n" + 'ALONE = "why"\n')
    assert result(check) == (3, 0, 0)
