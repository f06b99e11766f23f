"""A headless Chromium, driven by the DevTools protocol over a pair of pipes."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import pathlib
import select
import shutil
import signal
import time


#: Where scripts/get-chromium puts one.
OURS = pathlib.Path(__file__).parents[1] / ".chromium" / "run"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = (
    "no Chromium was found: run scripts/get-chromium, or name one in the environment variable "
    "CHROMIUM"
)

_FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    # It opens files of the tests alone, and a container may have no namespaces to spare.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pings",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--password-store=basic",
    "--use-mock-keychain",
    # Whatever it wanted to reach, it would not find.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_SECONDS = 20.0
_HEARD = (
    "Runtime.consoleAPICalled",
    "Runtime.exceptionThrown",
    "Log.entryAdded",
    "Audits.issueAdded",
    "Page.javascriptDialogOpening",
    "Network.loadingFailed",
)


def found():
    """Return the path of a Chromium; None if there is none."""
    named = os.environ.get("CHROMIUM")
    names = [named] if named else [OURS, *NAMES]
    return next(filter(None, map(shutil.which, names)), None)


class Browser:
    """A Chromium with one tab.

    Args:
        path: Its executable.
        folder: An empty folder, for what it writes.
    """

    def __init__(self, path, folder):
        to_browser, self._out = _pipe()
        self._in, from_browser = _pipe()
        log = os.O_CREAT | os.O_WRONLY
        self._pid = os.posix_spawn(
            path,
            [path, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
            {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
            setpgroup=0,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, to_browser, 3),
                (os.POSIX_SPAWN_DUP2, from_browser, 4),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, f"{folder}/stderr", log, 0o600),
            ],
        )
        os.close(to_browser)
        os.close(from_browser)
        self._buffer = b""
        self._number = 0
        self._session = None
        self._heard = []
        self._requested = []
        self._loaded = False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits", "DOM"):
            self.call(f"{domain}.enable")

    def open(self, path, *, width=1280, height=900, theme="light", media="screen"):
        """Open a file, and return what the browser had to say about it."""
        self.show(width=width, height=height, theme=theme, media=media)
        self._heard, self._requested, self._loaded = [], [], False
        self.call("Page.navigate", url=path.as_uri())
        while not self._loaded:
            self._take()
        # Two frames later, what was to happen on its own has happened.
        self.ask("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return self._heard

    def show(self, *, width=1280, height=900, theme="light", media="screen"):
        """Choose the size, the theme and the medium."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    @property
    def requested(self):
        """The addresses that were asked for since a page was opened."""
        return self._requested

    def ask(self, expression):
        """Evaluate an expression of JavaScript from outside, and return its value."""
        told = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def screenshot(self):
        """Return a picture of the whole page, as PNG."""
        told = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(told["data"])

    def pdf(self):
        """Return the page as it is printed."""
        told = self.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
        return base64.b64decode(told["data"])

    def press(self, key, code):
        """Press a key."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)

    def call(self, method, **params):
        """Call a method of the protocol, and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            told = self._take()
            if told.get("id") == self._number:
                assert "error" not in told, (method, told["error"])
                return told["result"]

    def close(self):
        """End it, and all processes that it started."""
        with contextlib.suppress(AssertionError, OSError):
            self._session = None
            self.call("Browser.close")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._in)
        os.close(self._out)

    def _take(self):
        until = time.monotonic() + _SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, until - time.monotonic()))
            assert ready, "Chromium did not answer"
            content = os.read(self._in, 1 << 20)
            assert content, "Chromium ended"
            self._buffer += content
        line, _, self._buffer = self._buffer.partition(b"\0")
        told = json.loads(line)
        event = told.get("method")
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Network.requestWillBeSent":
            self._requested.append(told["params"]["request"]["url"])
        elif event in _HEARD:
            self._heard.append((event, told["params"]))
        return told


def _pipe():
    # Above those that the browser gets: 3 and 4.
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved
