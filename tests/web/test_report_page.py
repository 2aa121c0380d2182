"""minato report in a real browser: both languages, light and dark, phone and desktop, on paper, and for those who do not see it.

Pictures of every case are left in the build folder (web/) to be looked at.
"""
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MINATO_BUILD", ROOT / "build"))
AXE = ROOT / "tests/web/node_modules/axe-core/axe.min.js"
HOSTILE = "<img/onerror=x>"
PHONE, DESKTOP = 390, 1280
CASES = [(language, theme, width) for language in ("en", "ja") for theme in ("light", "dark") for width in (PHONE, DESKTOP)]

needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: tools/setup-web")


@contextlib.contextmanager
def host():
    """Listeners on loopback, neighbours among them, and one program with a name that means mischief. Yields their ports."""
    code = ("import socket,sys\nopen('/proc/self/comm','w').write(sys.argv[1])\n"
            "s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(); print(s.getsockname()[1],flush=True); sys.stdin.read()")
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen([sys.executable, "-c", code, HOSTILE], stdin=subprocess.PIPE,
                                                       stdout=subprocess.PIPE, text=True))
        stack.callback(process.stdin.close)
        ports = [int(process.stdout.readline())]
        wanted = [0] * 12 + list(range(61100, 61112)) + [6379, 3306, 5432, 8080]
        for number in wanted:
            s = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # somebody's already
                s.bind(("127.0.0.1", number))
                s.listen(1)
                ports.append(s.getsockname()[1])
        yield ports


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """language -> path of a report, with a policy that declares every other port, a silent one and a range."""
    folder = tmp_path_factory.mktemp("report")
    with host() as ports:
        lines = [f"  p{port}: {{port: {port}/tcp, for: 確認 {port}, owner: anna, from: host, review: 2027-01-01}}\n" for port in ports[::2]]
        lines += ["  media: {port: 20000-30000/udp, for: calls, owner: anna, from: host}\n",
                  "  game: {port: 31000/tcp, for: friends, owner: anna, from: host}\n"]
        (folder / "policy.yaml").write_text("minato: 1\nports:\n" + "".join(lines))
        made = {}
        for language in ("en", "ja"):
            made[language] = folder / f"{language}.html"
            environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LANGUAGE": language, "MINATO_RULES_DIRECTORY": "/nonexistent"}
            subprocess.run([BUILD / "minato", "report", "-o", made[language], "--policy", folder / "policy.yaml"], check=True,
                           env=environment, capture_output=True)
    return made


@pytest.fixture
def show(browser, reports):
    shown = []

    def one(language="en", theme="light", width=DESKTOP):
        shown.append(browser.page(reports[language].as_uri(), width, theme))
        return shown[-1]

    yield one
    for page in shown:
        page.close()


def axe(page):
    """What axe-core finds: rule and place of each violation."""
    page.ask(AXE.read_text() + "; 0")
    found = json.loads(page.ask("axe.run().then(r => JSON.stringify(r.violations.map(v => [v.id, v.nodes.map(n => n.target.join(' ')).slice(0, 3)])))"))
    return {rule: places for rule, places in found}


@pytest.mark.parametrize("language, theme, width", CASES)
def test_it_fits_and_is_of_the_readers_theme(show, language, theme, width):
    page = show(language, theme, width)
    pictures = BUILD / "web"
    pictures.mkdir(exist_ok=True)
    page.picture(pictures / f"report-{language}-{theme}-{width}.png")
    assert page.ask("document.documentElement.scrollWidth") <= width
    brightness = page.ask("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0)")
    assert (brightness > 3 * 200) == (theme == "light") and (brightness < 3 * 60) == (theme == "dark")
    beyond = page.ask("[...document.querySelectorAll('body *')].filter(e => !e.closest('.skip, thead') && e.getBoundingClientRect().right > "
                      "innerWidth + 1).map(e => e.outerHTML.slice(0, 80))")
    assert beyond == []
    smallest = page.ask("Math.min(...[...document.querySelectorAll('p, li, td, th, dd, dt, small, .mark')].filter(e => e.textContent && "
                        "e.getClientRects().length).map(e => parseFloat(getComputedStyle(e).fontSize)))")
    assert smallest >= 12


@needs_axe
@pytest.mark.parametrize("language, theme, width", CASES)
def test_axe_finds_nothing(show, language, theme, width):
    assert axe(show(language, theme, width)) == {}


@needs_axe
@pytest.mark.parametrize("planted, rule", [
    ("document.querySelector('svg.map title').remove(); document.querySelector('svg.map desc').remove()", "svg-img-alt"),
    ("document.querySelector('.soft, .when').style.color = '#ccc'", "color-contrast"),
    ("document.documentElement.removeAttribute('lang')", "html-has-lang"),
    ("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=data:,>')", "image-alt"),
])
def test_axe_finds_a_planted_fault(show, planted, rule):
    page = show()
    page.ask(planted + "; 0")
    assert rule in axe(page)


def test_it_asks_for_nothing_and_complains_of_nothing(show, reports):
    page = show()
    page.ask("new Promise(done => setTimeout(done, 200))")
    assert page.requests() == [reports["en"].as_uri()]
    assert page.complaints() == []
    assert page.ask("document.scripts.length") == 0


def test_a_script_would_not_run_and_nothing_would_load(show):
    """The page's own rules hold even where an escape were forgotten: here is one planted, as a parser would meet it."""
    page = show()
    page.ask("document.body.insertAdjacentHTML('beforeend', '<img src=\"https://192.0.2.1/x.png\" onerror=\"window.ran = 1\">'); 0")
    page.ask("(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 2'; document.body.append(s) })()")
    page.ask("new Promise(done => setTimeout(done, 300))")
    assert page.ask("window.ran === undefined")
    refused = [c for c in page.complaints() if "Content Security Policy" in json.dumps(c)]
    assert len(refused) >= 2


def test_a_hostile_name_is_text(show):
    page = show()
    assert page.ask(f"[...document.querySelectorAll('.ports td')].some(td => td.textContent.includes({json.dumps(HOSTILE)}))")
    assert page.ask("document.images.length") == 0


def test_markers_stand_beside_each_other_in_the_square(show):
    page = show()
    boxes = page.ask("[...document.querySelectorAll('svg.map rect.map-declared, svg.map rect.map-undeclared, svg.map rect.map-plain')]"
                     ".map(e => e.getBBox()).map(b => [b.x, b.y, b.x + b.width, b.y + b.height])")
    assert len(boxes) > 20
    covered = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]
    assert covered == []
    assert all(50 <= a[0] and a[2] <= 600 and 30 <= a[1] and a[3] <= 580 for a in boxes)


def test_a_letter_leads_to_its_row(show):
    page = show()
    page.ask("document.querySelector('.letters a').click()")
    page.ask("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
    assert page.ask("document.querySelector('tr:target .mark').textContent") == "A"
    assert page.ask("(r => r.top >= 0 && r.top < innerHeight)(document.querySelector('tr:target').getBoundingClientRect())")


@pytest.mark.parametrize("language, labels", [("en", ["Use", "Program", "Reached from", "Risk", "Measure", "Purpose"]),
                                              ("ja", ["用途", "プログラム", "届く範囲", "危険度", "対策", "目的"])])
def test_on_a_phone_each_row_is_a_card_with_labels(show, language, labels):
    row = "document.querySelector('.ports tbody tr')"
    page = show(language, "light", PHONE)
    told = page.ask(f"[...{row}.querySelectorAll('td')].map(td => getComputedStyle(td, '::before').content)")
    assert [t.strip('"') for t in told] == labels
    tops = page.ask(f"[...{row}.children].map(c => c.getBoundingClientRect().top)")
    assert tops == sorted(tops) and len(set(tops)) == len(tops)
    wide = show(language, "light", DESKTOP)
    assert wide.ask(f"getComputedStyle({row}.children[1], '::before').content") == "none"
    assert [h for h in wide.ask("[...document.querySelectorAll('.ports thead th')].map(h => h.textContent)")][1:] == labels


@pytest.mark.parametrize("language", ["en", "ja"])
def test_it_prints_on_a4(show, language):
    page = show(language, "dark")
    paper = page.paper()
    (BUILD / "web").mkdir(exist_ok=True)
    (BUILD / "web" / f"report-{language}.pdf").write_bytes(paper)
    sheets = [tuple(float(n) for n in box.split()) for box in re.findall(rb"/MediaBox\s*\[([^\]]+)\]", paper)]
    assert 2 <= len(sheets) <= 20
    assert all(abs(s[2] - 595.3) < 1 and abs(s[3] - 841.9) < 1 for s in sheets)
    # Paper is white, whatever the screen is.
    page.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert page.ask("getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
