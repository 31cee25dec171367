"""Headless Chromium over its debugging pipe: enough of the protocol to look at a page as a person would.

A pipe rather than a port, so that nothing listens; a profile of its own, so that nothing is remembered; and only
local files are opened, and pages of a server on loopback.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from base64 import b64decode
from pathlib import Path
from types import TracebackType
from typing import Any

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TIMEOUT_S = 30.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Chromium:
    """A browser process.

    One page is open at a time; `messages` collects what its console said, and what was refused.
    """

    def __init__(self) -> None:
        assert EXECUTABLE, "Chromium is not installed"
        self._profile = tempfile.TemporaryDirectory(prefix="splitbrain-chromium-", ignore_cleanup_errors=True)
        to_child, self._out = os.pipe()
        self._in, from_child = os.pipe()
        command = [EXECUTABLE, *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"]
        redirect = f'exec "$@" 3<&{to_child} 4>&{from_child}'
        self._process = subprocess.Popen(
            ["bash", "-c", redirect, "bash", *command],
            pass_fds=(to_child, from_child),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        self._buffer = b""
        self._count = 0
        self._session: str | None = None
        self._motion = True
        self._pressed = False
        self.messages: list[str] = []
        self.requests: list[str] = []

    def __enter__(self) -> Chromium:
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session = None
        try:
            self._call("Browser.close")
        finally:
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            os.close(self._in)
            os.close(self._out)
            self._profile.cleanup()

    def open(
        self,
        page: Path | str,
        fragment: str = "",
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        script: bool = True,
        motion: bool = True,
    ) -> None:
        """Loads a local file, or a page of a server, afresh and waits until it is there.

        Without `motion` the reader asked for less of it.
        """
        self._motion = motion
        self._loaded = False
        self._call("Page.navigate", url="about:blank")  # a page that differs by its fragment alone is not loaded again
        self.settle()
        self.messages.clear()
        self.requests.clear()
        self.resize(width, height)
        self._call("Emulation.setScriptExecutionDisabled", value=not script)
        self.media(dark=dark)
        self._loaded = False
        address = page if isinstance(page, str) else page.resolve().as_uri()
        self._call("Page.navigate", url=address + fragment)
        self.settle()

    def resize(self, width: int, height: int = 900) -> None:
        """Makes the window so large, in pixels."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def settle(self) -> None:
        """Waits until the page that was asked for is there."""
        deadline = time.monotonic() + TIMEOUT_S
        while not self._loaded:
            self._receive(deadline)

    def follow(self, act: str) -> None:
        """Does something that leads to another page, such as a click, and waits until that is there."""
        self._loaded = False
        self.evaluate(act)
        self.settle()

    def media(self, *, dark: bool = False, kind: str = "") -> None:
        """Emulates a colour scheme, and `print` where asked."""
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "no-preference" if self._motion else "reduce"},
        ]
        self._call("Emulation.setEmulatedMedia", media=kind, features=features)
        clip = {"x": 0, "y": 0, "width": 1, "height": 1, "scale": 1}
        self._call("Page.captureScreenshot", clip=clip)  # styles are settled only once a frame has been drawn

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, also where the page itself may run none."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """One key down and up."""
        for kind in ("rawKeyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)

    def type(self, text: str) -> None:
        """Text into what has the focus."""
        self._call("Input.insertText", text=text)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """The left button down, over to `end`, and up; a click where that is `start`. In pixels of what is in view."""
        self.mouse("mouseMoved", start)
        self.mouse("mousePressed", start)
        middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        for spot in (middle, end) if start != end else ():
            self.mouse("mouseMoved", spot)
        self.mouse("mouseReleased", end)

    def mouse(self, kind: str, spot: tuple[float, float], **more: Any) -> None:
        """One event of the mouse."""
        button = {} if kind == "mouseWheel" else {"button": "left", "buttons": 1, "clickCount": 1}
        if kind == "mouseMoved" and not self._pressed:
            button = {}
        self._pressed = kind == "mousePressed" or (self._pressed and kind != "mouseReleased")
        self._call("Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], **button, **more)

    def screenshot(
        self, path: Path, *, whole: bool = True, clip: tuple[float, float, float, float] | None = None
    ) -> None:
        """A PNG of the whole page, of what is in view, or of a part `(x, y, width, height)`."""
        size = self._call("Page.getLayoutMetrics")["cssContentSize"]
        x, y, width, height = clip or (0, 0, size["width"], size["height"])
        part = {"clip": {"x": x, "y": y, "width": width, "height": height, "scale": 1}} if whole or clip else {}
        data = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole or bool(clip), **part)[
            "data"
        ]
        path.write_bytes(b64decode(data))

    def pdf(self, path: Path) -> None:
        """The page as it prints."""
        data = self._call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"]
        path.write_bytes(b64decode(data))

    def _call(self, method: str, **params: Any) -> Any:
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(deadline - time.monotonic(), 0))
            chunk = os.read(self._in, 1 << 16) if ready else b""
            assert chunk, "Chromium does not answer" if not ready else "Chromium has ended"
            self._buffer += chunk
        raw, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(raw)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded = True
            case "Runtime.consoleAPICalled":
                self.messages.append(json.dumps(params["args"]))
            case "Runtime.exceptionThrown":
                self.messages.append(json.dumps(params["exceptionDetails"]))
            case "Log.entryAdded":
                self.messages.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
