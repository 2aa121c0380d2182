"""The frame of the command line: help, options, unknown words, both languages."""
import re
import shutil
import subprocess


def test_help_shows_the_first_screen(minato):
    done = minato("help")
    assert done.returncode == 0
    assert "minato help all" in done.stdout
    assert "\033" not in done.stdout
    assert len(done.stdout.splitlines()) <= 24


def test_help_speaks_japanese(minato):
    assert re.search("[ぁ-ん]", minato("help", language="ja").stdout)


def test_a_mistyped_command_names_the_nearest(minato):
    done = minato("hlep")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "minato help" in done.stderr


def test_hostile_words_are_shown_harmless(minato):
    done = minato("\033[2Jx")
    assert done.returncode == 3
    assert "\033" not in done.stderr


def test_every_command_explains_itself(minato):
    listing = minato("help", "all").stdout
    names = [n for n in re.findall(r"^  ([a-z]+)  ", listing, re.M) if n != "minato"]
    assert "version" in names
    for name in names:
        done = minato("help", name)
        assert done.returncode == 0
        assert done.stdout.startswith(f"minato {name}")


def test_help_fits_eighty_columns(minato):
    for line in minato("help", "all").stdout.splitlines():
        assert len(line) <= 80


def test_completions_are_valid_scripts(minato, tmp_path):
    for shell in ("bash", "zsh", "fish"):
        done = minato("completion", shell)
        assert done.returncode == 0
        assert "minato" in done.stdout
        if shutil.which(shell):
            script = tmp_path / shell
            script.write_text(done.stdout)
            assert subprocess.run([shell, "-n", script], capture_output=True).stderr == b""
    assert minato("completion", "csh").returncode == 3


def test_the_manual_is_a_manual_page(minato):
    for language in ("en", "ja"):
        page = minato("manual", language=language).stdout
        assert page.startswith(".TH MINATO 1")
        assert not [line for line in page.splitlines() if line.startswith("'")]
