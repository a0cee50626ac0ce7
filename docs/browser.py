"""A headless Chromium, driven over its own debugging protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import connect
from websockets.sync.connection import Connection

NAMES = ("chromium", "chromium-browser", "google-chrome")
START_WITHIN = 120.0  # seconds
LOOKED = 0.25


class Page:
    """One tab."""

    def __init__(self, socket: Connection) -> None:
        self._socket, self._numbers = socket, itertools.count(1)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol; return its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv(timeout=START_WITHIN))
            if said.get("id") == number:
                return dict(said.get("result", {}))

    def evaluate(self, script: str) -> Any:
        """Return the value of a JavaScript expression."""
        return self.call("Runtime.evaluate", expression=script)["result"].get("value")

    def wait(self, script: str, *, within: float = START_WITHIN) -> bool:
        """Wait until an expression is true; say whether it ever was."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if self.evaluate(script):
                return True
            time.sleep(LOOKED)
        return False

    def open(self, url: str, *, size: tuple[int, int]) -> None:
        """Go to an address, in a window of a size."""
        width, height = size
        window = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **window)
        self.call("Page.navigate", url=url)
        self.wait("document.readyState == 'complete'")

    def settle(self, *, quiet: float = 2.0) -> None:
        """Wait until what is seen has not changed for a while; graphs are drawn, not written."""
        before, since = b"", time.monotonic()
        end = since + START_WITHIN
        while time.monotonic() - since < quiet and time.monotonic() < end:
            if (now := self.png()) != before:
                before, since = now, time.monotonic()
            time.sleep(LOOKED)

    def click(self, element: str) -> None:
        """Press the mouse on an element (a JavaScript expression), once it is there."""
        if not self.wait(f"Boolean({element})"):
            raise TimeoutError(f"there is no {element} on the page within {START_WITHIN} s")
        self.evaluate(f"({element}).scrollIntoView({{block: 'center', behavior: 'instant'}})")
        box = json.loads(self.evaluate(f"JSON.stringify(({element}).getBoundingClientRect())"))
        where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = {"button": "left", "clickCount": 1} if kind != "mouseMoved" else {}
            self.call("Input.dispatchMouseEvent", type=kind, **where, **button)

    def write(self, text: str) -> None:
        """Put text where the cursor is."""
        self.call("Input.insertText", text=text)

    def png(self) -> bytes:
        """Return a picture of what is seen."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


@contextmanager
def browser() -> Iterator[Page]:
    """Start Chromium; yield a tab; end it. Raises FileNotFoundError if there is none."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        raise FileNotFoundError(f"none of {', '.join(NAMES)} is on the PATH; install Chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        words = [program, *_flags(folder), "about:blank"]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with connect(_address(Path(folder)), max_size=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()
            process.wait()


def _flags(folder: str) -> list[str]:
    return [
        "--headless=new",
        "--no-sandbox",  # it opens pages of this machine only
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--force-color-profile=srgb",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
    ]


def _address(folder: Path) -> str:
    """Return where the tab listens: Chromium writes its port down when it does."""
    file, end = folder / "DevToolsActivePort", time.monotonic() + START_WITHIN
    while time.monotonic() < end:
        if file.exists() and (lines := file.read_text().splitlines()):
            tabs = httpx.get(f"http://127.0.0.1:{lines[0]}/json", timeout=START_WITHIN).json()
            return next(str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page")
        time.sleep(LOOKED)
    raise TimeoutError(f"Chromium did not start within {START_WITHIN} s")
