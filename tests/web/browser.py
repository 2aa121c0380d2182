"""Debian's chromium without a window, spoken to over its pipe: one JSON message each way, ended by a zero byte."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PROGRAM = shutil.which("chromium")
SECONDS = 60
# No sandbox of its own: it takes rights that root in a container, and users of some hosts, do not have. The pages are ours.
WORDS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe")


class Browser:
    """Ended by close(), also in the middle of something."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="minato-web-")
        theirs_in, self.out = os.pipe()
        self.into, theirs_out = os.pipe()

        def arrange():  # chromium reads at 3 and writes at 4
            sides = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(sides[0], 3)
            os.dup2(sides[1], 4)

        self.process = subprocess.Popen([PROGRAM, *WORDS, f"--user-data-dir={self.profile}", "about:blank"], close_fds=False,
                                        preexec_fn=arrange, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.number, self.bytes, self.events = 0, b"", []

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.out)
        os.close(self.into)
        shutil.rmtree(self.profile, ignore_errors=True)

    def message(self):
        deadline = time.monotonic() + SECONDS
        while b"\0" not in self.bytes:
            if not select.select([self.into], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"the browser says nothing for {SECONDS} s")
            piece = os.read(self.into, 1 << 20)
            if not piece:
                raise ConnectionError("the browser is gone")
            self.bytes += piece
        one, self.bytes = self.bytes.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, session=None, **parameters):
        self.number += 1
        order = {"id": self.number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        data = json.dumps(order).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        while True:
            said = self.message()
            if said.get("id") == self.number:
                assert "error" not in said, f"{method}: {said['error']}"
                return said["result"]
            self.events.append(said)

    def page(self, url, width, theme):
        return Page(self, url, width, theme)


class Page:
    """One page, as wide as asked, for a reader who likes it light or dark."""

    def __init__(self, browser, url, width, theme):
        self.browser, self.width = browser, width
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self.call("Page.navigate", url=url)
        deadline = time.monotonic() + SECONDS
        while "Page.loadEventFired" not in self.heard():
            assert time.monotonic() < deadline, f"{url} does not load"
            self.browser.events.append(self.browser.message())

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def mine(self):
        return [e for e in self.browser.events if e.get("sessionId") == self.session]

    def heard(self):
        return [e["method"] for e in self.mine()]

    def requests(self):
        """Addresses that were asked for."""
        return [e["params"]["request"]["url"] for e in self.mine() if e["method"] == "Network.requestWillBeSent"]

    def complaints(self):
        """What the browser's console holds."""
        return [e["params"] for e in self.mine() if e["method"] in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled",
                                                                    "Log.entryAdded", "Page.javascriptDialogOpening")]

    def ask(self, expression):
        """The value of an expression, awaited."""
        said = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def picture(self, path):
        """All of the page as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": self.width, "height": min(size["height"], 16000), "scale": 1}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]))

    def paper(self):
        """As PDF, on the paper that the page asks for, without backgrounds as most people print."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"])

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
