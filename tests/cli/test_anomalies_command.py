"""minato anomalies and minato fine without a daemon, in both languages."""
import pytest


@pytest.mark.parametrize("words", [["anomalies"], ["anomalies", "1f3a9c20"], ["fine", "1f3a9c20"]])
def test_without_a_daemon_they_say_how_to_start_one(minato, words):
    done = minato(*words, MINATO_RUNTIME_DIRECTORY="/nonexistent")
    assert done.returncode == 1 and done.stdout == ""
    assert "the daemon is not running" in done.stderr and "minatod" in done.stderr


def test_fine_wants_one_id(minato):
    for words in (["fine"], ["fine", "a", "b"]):
        assert minato(*words, MINATO_RUNTIME_DIRECTORY="/nonexistent").returncode == 3


def test_help_is_in_both_languages(minato):
    assert "as it should be" in minato("help", "fine").stdout
    assert "問題なし" in minato("help", "fine", language="ja").stdout
    assert "ポートの異常" in minato("help", "anomalies", language="ja").stdout
