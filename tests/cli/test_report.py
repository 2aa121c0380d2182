"""minato report: one page that says what the other commands say, harmless whatever a host is made of."""
import html.parser
import json
import os
import re
import resource
import socket
import stat
import subprocess
import sys

import pytest

from places import BUILD, ROOT

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
VOID = {"meta", "link", "br", "hr", "img", "input"}
BYTES_MAX = 300_000


class Page(html.parser.HTMLParser):
    """Elements with their attributes and text; a tag that closes none or stays open is an error."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.ids = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", **dict(attributes)}
        self.elements.append(element)
        if "id" in element:
            self.ids.append(element["id"])
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.elements.append({"tag": tag, "text": "", **dict(attributes)})

    def handle_endtag(self, tag):
        assert self.open and self.open[-1]["tag"] == tag, f"</{tag}> in {[e['tag'] for e in self.open]}"
        self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag, **wanted):
        return [e for e in self.elements if e["tag"] == tag and all(e.get(k) == v for k, v in wanted.items())]

    def row(self, port):
        """The row of a port, or None."""
        found = [r for r in self.all("tr", role="row") if re.match(rf"\s*(?:[A-Z]{{1,2}} )?{port}/tcp", r["text"])]
        return found[0]["text"] if found else None


def page_of(done):
    assert done.returncode == 0, done.stderr
    return Page(done.stdout)


@pytest.fixture
def listener():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(7)
        yield s.getsockname()[1]


@pytest.fixture
def policy(tmp_path):
    def write(*declarations):
        path = tmp_path / "policy.yaml"
        lines = [f"  p{i}: {{port: {port}/tcp, for: {json.dumps(purpose, ensure_ascii=False)}, owner: anna, from: host}}\n"
                 for i, (port, purpose) in enumerate(declarations)]
        path.write_text("minato: 1\nports:\n" + "".join(lines))
        return path

    return write


def test_it_is_written_here_for_its_owner_alone_and_told(tmp_path):
    done = subprocess.run([BUILD / "minato", "report"], cwd=tmp_path, capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "MINATO_RULES_DIRECTORY": "/nonexistent"})
    path = tmp_path / "ports.html"
    assert (done.returncode, done.stdout) == (0, f"written: {path}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["ports.html"]
    assert Page(path.read_text()).all("main")


@pytest.mark.parametrize("language, title", [("en", "The open ports"), ("ja", "開いているポート")])
def test_it_is_in_the_readers_language(minato, listener, language, title):
    page = page_of(minato("report", "-o", "-", language=language))
    assert [e["lang"] for e in page.all("html")] == [language]
    assert title in [h["text"] for h in page.all("h2")]
    english = "Reached from" in page.all("body")[0]["text"]
    assert english == (language == "en")


def test_ids_are_unique_and_links_lead_somewhere(minato, listener):
    page = page_of(minato("report", "-o", "-"))
    assert len(page.ids) == len(set(page.ids))
    assert [a["href"] for a in page.all("a") if a["href"][1:] not in page.ids] == []
    labels = [i for e in page.elements for i in e.get("aria-labelledby", "").split()]
    assert labels and set(labels) <= set(page.ids)


def test_nothing_comes_from_elsewhere_and_nothing_runs(minato, listener):
    text = minato("report", "-o", "-").stdout
    page = Page(text)
    assert {e["tag"] for e in page.elements} & {"script", "iframe", "object", "embed", "link", "img", "base", "form"} == set()
    assert [k for e in page.elements for k in e if k.startswith("on") or k in ("src", "srcset", "action")] == []
    assert set(re.findall(r"https?://[^\"' <)]*", text)) <= {"http://www.w3.org/2000/svg"}
    assert re.findall(r"@import|url\((?!#)", text) == []
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "script-src" not in policy


def test_a_row_says_who_holds_the_port_and_what_for(minato, listener, policy):
    page = page_of(minato("report", "-o", "-", "--policy", policy((listener, "the shop, until spring"))))
    row = page.row(listener)
    for words in (f"pid {os.getpid()}", "127.0.0.1", "this machine", "the shop, until spring", "owner anna"):
        assert words in row
    undeclared = page_of(minato("report", "-o", "-", "--policy", policy((64999, "elsewhere")))).row(listener)
    assert "not in the policy" in undeclared
    assert "none on record" in page_of(minato("report", "-o", "-")).row(listener)


def steady(minato):
    """A page, and what status says both before and after it: others may open ports meanwhile."""
    def status():
        document = json.loads(minato("status", "--json", "--fail-on", "none").stdout)
        return {k: document[k] for k in ("classes", "services_exposed", "findings", "high_ports")}

    for _ in range(20):
        before, page, after = status(), page_of(minato("report", "-o", "-")), status()
        counts = [(s["classes"], s["services_exposed"], len(s["findings"])) for s in (before, after)]
        if counts[0] == counts[1]:
            return page, after
    pytest.skip("this machine's ports do not keep still")


def test_its_numbers_are_those_of_status(minato, listener):
    page, status = steady(minato)
    tiles = [e["text"] for e in page.all("dd")]
    assert tiles[0] == str(sum(c["service_count"] for c in status["classes"]))
    assert tiles[1] == str(status["services_exposed"])
    severities = [e["class"].split()[1] for e in page.elements if e.get("class", "").startswith("badge ")]
    assert all(f["severity"] in severities for f in status["findings"])
    first, last = status["high_ports"]["ephemeral_first"], status["high_ports"]["ephemeral_last"]
    assert f"{first}-{last}" in page.all("main")[0]["text"]


def test_findings_stand_there_with_what_mends_them(minato, listener, policy):
    path = policy((64999, "nobody listens"))
    page = page_of(minato("report", "-o", "-", "--policy", path))
    found = json.loads(minato("findings", "--json", "--policy", path, "--fail-on", "none").stdout)["findings"]
    mine = next(f for f in found if str(listener) in f["text"])
    items = [e["text"] for e in page.all("li") if e.get("class") == mine["severity"]]
    assert any(mine["text"] in item and mine["advice"] in item for item in items)


HOSTILE = ["<script>x()//", "</td></table>", "\"onload=x()", "&lt;b&#62;", "\x1b[2J\x07", "a\u202eb", "'><img src=x"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_process_name_is_inert(minato, name):
    code = ("import socket,sys\nopen('/proc/self/comm','wb').write(sys.argv[1].encode())\n"
            "s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(); print(s.getsockname()[1],flush=True); sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", code, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = int(process.stdout.readline())
            text = minato("report", "-o", "-").stdout
        finally:
            process.stdin.close()
    page = Page(text)
    shown = "".join(c if c >= " " and c != "\u202e" else {"\u202e": "\\u{202e}"}.get(c, f"\\x{ord(c):02x}") for c in name[:15])
    assert f"{shown} pid {process.pid}" in page.row(port)
    assert page.all("script") == [] and page.all("img") == [] and page.all("b") == []
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text


def test_a_hostile_purpose_is_inert_and_cut(minato, listener, policy):
    path = policy((listener, "</td><script>alert(1)</script>" + "長" * 150))
    text = minato("report", "-o", "-", "--policy", path).stdout
    page = Page(text)
    assert page.all("script") == []
    assert "</td><script>alert(1)</script>長長" in page.row(listener)
    assert "…" in page.row(listener)
    assert page.row(listener).count("長") == 85


@pytest.fixture
def two_thousand():
    """As many listeners on loopback, each a number of its own."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= before[1] < 2200:
        pytest.skip("this user may not open 2,000 sockets")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2200 if before[1] < 0 else min(before[1], 4096), before[1]))
    sockets = [socket.socket() for _ in range(2000)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
            s.listen(1)
        yield [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_two_thousand_listeners_make_a_small_page_that_says_what_it_left_out(minato, policy, two_thousand):
    path = policy(*((port, f"用途その{port}は、" + "とても長い説明です。" * 12) for port in two_thousand[::2]))
    done = minato("report", "-o", "-", "--policy", path, language="ja")
    page = page_of(done)
    assert len(done.stdout.encode()) < BYTES_MAX
    left_out = int(re.search(r"ほか (\d+) 行を省きました", done.stdout)[1])
    shown = [r for r in page.all("tr", role="row") if re.match(r"\s*(?:[A-Z]{1,2} )?\d+(?:-\d+)?/", r["text"])]
    ports = json.loads(minato("ports", "--json").stdout)
    assert len(shown) > 80
    assert len(shown) + left_out >= 2000
    assert len(shown) + left_out <= len(ports["ports"]) + len(ports["published"])
    assert re.search(r"ほか \d+ 件は省きました", done.stdout)  # findings
    assert re.search(r"ほか \d+ 個のポートは英字なし", done.stdout)


def test_a_faulty_policy_leaves_the_old_page_alone(minato, tmp_path):
    page, policy = tmp_path / "ports.html", tmp_path / "policy.yaml"
    page.write_text("before")
    policy.write_text("minato: 1\nports: [\n")
    done = minato("report", "-o", page, "--policy", policy)
    assert done.returncode == 1 and "policy" in done.stderr
    assert page.read_text() == "before"
    assert sorted(os.listdir(tmp_path)) == ["policy.yaml", "ports.html"]


@pytest.mark.parametrize("place, words", [("missing/ports.html", "No such file"), (".", "Is a directory"), ("/dev/null", "no ordinary file")])
def test_a_place_that_takes_no_file_is_told(minato, place, words):
    done = minato("report", "-o", place)
    assert done.returncode == 1
    assert words in done.stderr and done.stdout == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="already without root")
def test_without_root_there_is_a_page_that_says_what_it_cannot_see(minato, listener):
    done = subprocess.run([*NOBODY, BUILD / "minato", "report", "-o", "-"], capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "MINATO_RULES_DIRECTORY": "/nonexistent"})
    page = page_of(done)
    assert "(not visible)" in page.row(listener)
    assert "out of sight without more rights" in page.all("main")[0]["text"]


def test_without_root_a_folder_of_others_is_told(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to become nobody")
    done = subprocess.run([*NOBODY, BUILD / "minato", "report", "-o", "/etc/ports.html"], capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "MINATO_RULES_DIRECTORY": "/nonexistent"})
    assert done.returncode == 4
    assert "cannot write /etc/ports.html" in done.stderr


def test_both_languages_have_the_same_slots(tmp_path):
    pages = [ROOT / "data/page" / f"report.{language}.html" for language in ("en", "ja")]
    slots = [re.findall(r"\{\{(\w+)\}\}", page.read_text()) for page in pages]
    assert slots[0] == slots[1] and len(slots[0]) > 10
    planted = tmp_path / "report.ja.html"
    planted.write_text(pages[1].read_text().replace("{{ports}}", ""))
    done = subprocess.run([sys.executable, ROOT / "tools/make-page", tmp_path / "out.c", ROOT / "data/page/report.css", pages[0], planted],
                          capture_output=True, text=True)
    assert done.returncode != 0 and "different slots" in done.stderr
