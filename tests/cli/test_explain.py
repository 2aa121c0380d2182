"""minato explain on the real host: numbers, words, programs, tables, searches, figures, JSON."""
import json
import re
import socket
import xml.etree.ElementTree as ElementTree

import pytest

JAPANESE = re.compile("[ぁ-んァ-ヶ一-龠]")


@pytest.fixture
def listener():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        yield s.getsockname()[1]


def one(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["explanations"][0]


def test_a_number_alone_is_explained(minato):
    assert minato("6379").stdout == minato("explain", "6379").stdout
    assert "Redis" in minato("6379").stdout
    assert minato("25565/tcp").returncode == 0
    assert minato("8000-8010").returncode == 0


def test_the_holder_is_named(minato, listener):
    explanation = one(minato("explain", str(listener), "--json"))
    assert [l["port"] for l in explanation["listeners"]] == [listener]
    assert explanation["listeners"][0]["exposure"] == "loopback"
    assert explanation["listeners"][0]["owners"][0]["process"].startswith("python")
    text = minato("explain", str(listener)).stdout
    assert "python" in text
    assert "this machine" in text


def test_a_running_program_is_explained(minato, listener):
    process = one(minato("explain", str(listener), "--json"))["listeners"][0]["owners"][0]["process"]
    explanation = one(minato("explain", process, "--json"))
    assert explanation["kind"] == "program"
    assert listener in [l["port"] for l in explanation["listeners"]]
    assert str(listener) in minato("explain", process).stdout


def test_connections_as_a_client_are_counted(minato, listener):
    with socket.create_connection(("127.0.0.1", listener)) as s:
        own = s.getsockname()[1]
        connections = one(minato("explain", str(listener), "--json"))["connections"]
        assert own in [c["port"] for c in connections]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("words", [["443"], ["ssh", "smb"], ["file sharing"], ["ファイル共有"], ["8000-8100"]])
def test_words_answer_in_both_languages(minato, language, words):
    done = minato("explain", *words, language=language)
    assert done.returncode == 0
    assert bool(JAPANESE.search(re.sub("ファイル共有", "", done.stdout))) == (language == "ja")
    assert "\033" not in done.stdout


@pytest.mark.parametrize("name", ["common", "risky", "well-known", "registered"])
def test_whole_tables_are_printed(minato, name):
    entries = json.loads(minato("explain", "--list", name, "--json").stdout)["services"]
    text = minato("explain", "--list", name).stdout
    assert len(entries) >= 9
    for entry in entries:
        first = entry["ports"][0]
        assert re.search(rf"^{first['port']}\b", text, re.M)
        assert entry["measure"]
    if name == "risky":
        assert {e["risk"] for e in entries} == {"high", "critical"}
    if name == "common":
        assert {80, 443, 25, 110, 143, 22, 21, 53, 3389} <= {e["ports"][0]["port"] for e in entries}


def test_searches_find_in_both_languages(minato):
    english = json.loads(minato("explain", "--search", "database", "--json").stdout)["found"]
    japanese = json.loads(minato("explain", "--search", "データベース", "--json").stdout)["found"]
    assert "postgresql" in [s["service"] for s in english["services"]]
    assert "postgresql" in [s["service"] for s in japanese["services"]]
    assert minato("explain", "--search", "xyzzyplugh").returncode == 1


def test_reality_comes_before_the_registry(minato):
    explanation = one(minato("explain", "9200/tcp", "--json"))
    assert explanation["services"][0]["service"] == "elasticsearch"
    assert explanation["registry"][0]["registered"] == "wap-wsp"
    assert "wap-wsp" in minato("explain", "9200").stdout


def test_figures_are_drawn(minato, tmp_path):
    plain = minato("explain", "443", "--figure", "--ascii").stdout
    assert "0 0 0 0 0 0 0 1 1 0 1 1 1 0 1 1" in plain
    assert plain.isascii()
    for language in ("en", "ja"):
        path = tmp_path / f"{language}.svg"
        assert minato("explain", "443", "--svg", path, language=language).returncode == 0
        root = ElementTree.parse(path).getroot()
        texts = "".join(root.itertext())
        assert bool(JAPANESE.search(texts)) == (language == "ja")
        assert root.find("{http://www.w3.org/2000/svg}title").text.startswith("443/tcp")


def test_a_file_that_cannot_be_written_is_told(minato, tmp_path):
    done = minato("explain", "443", "--svg", tmp_path / "missing" / "x.svg")
    assert done.returncode == 1
    assert "x.svg" in done.stderr


def test_unknown_words_name_the_nearest(minato):
    done = minato("explain", "redsi")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "minato explain redis" in done.stderr
    assert minato("explain").returncode == 3
    assert "\033" not in minato("explain", "\033[2J").stderr


def test_the_purpose_comes_from_the_policy(minato, listener, tmp_path):
    assert "none on record" in minato("explain", str(listener)).stdout
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"minato: 1\nports:\n  probe:\n    port: {listener}/tcp\n    for: practice of explaining\n"
                      "    owner: ops@example.jp\n    from: host\n")
    done = minato("explain", str(listener), "--policy", policy)
    assert "practice of explaining" in done.stdout
    assert "ops@example.jp" in done.stdout
    (row,) = one(minato("explain", str(listener), "--json", "--policy", policy))["listeners"]
    assert row["purpose"] == "practice of explaining"
    other = minato("explain", "1", "--policy", policy)
    assert "practice of explaining" not in other.stdout


def test_a_faulty_policy_does_not_silence_the_catalogue(minato, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("minato: 1\nports: 3\n")
    done = minato("explain", "22", "--policy", policy)
    assert "SSH" in done.stdout
    assert "policy.yaml:2:" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("word, cause", [
    ("65536", "65536: port numbers end at 65535"),
    ("9-8", "9-8: the range runs backwards"),
    ("443/icmp", "443/icmp: the protocols are tcp"),
])
def test_a_mistyped_number_is_told_its_mistake(minato, word, cause):
    for words in (["explain", word], [word]):
        done = minato(*words)
        assert done.returncode == 3
        assert cause in done.stderr


def test_a_name_alone_is_explained(minato):
    assert minato("https").stdout.startswith("443/tcp, 443/udp  HTTPS")
    assert minato("explain", "dns/udp").stdout.startswith("53/udp  DNS")
    assert minato("データベース").returncode == 0


def test_commands_to_come_are_no_services(minato):
    for word in ("review",):
        assert minato(word).returncode in (0, 3), word
        assert "no command" in minato(word).stderr, word


def test_one_file_takes_one_figure(minato, tmp_path):
    path = tmp_path / "port.svg"
    assert minato("explain", "80", "443", "--svg", str(path)).returncode == 3
    assert not path.exists()
