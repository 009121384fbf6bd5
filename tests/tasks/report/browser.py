"""A small DevTools client: opens a page in headless Chromium, runs scripts in it, takes screenshots."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--mute-audio", "--hide-scrollbars",
    "--remote-debugging-port=0",
)  # fmt: skip


class Page:
    """One tab. `problems` gathers console errors, exceptions, log errors and every request not of file: or data:."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.own = ("file:", "data:", "blob:")  # addresses that are not a problem
        self.count = 0
        self.problems: list[str] = []
        self.events: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if message.get("id") == self.count:
                assert "error" not in message, message
                return message["result"]
            self._event(message)

    def _event(self, message: dict[str, Any]) -> None:
        method, params = message["method"], message.get("params", {})
        self.events.append(method)
        if method == "Runtime.exceptionThrown" or (
            method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning")
        ):
            self.problems.append(json.dumps(params)[:500])
        if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"][:500])
        if method == "Network.requestWillBeSent" and not params["request"]["url"].startswith(self.own):
            self.problems.append(f"request: {params['request']['url'][:200]}")

    def open(self, path: Path, *, width: int, height: int = 2400, dark: bool = False) -> None:
        self.open_url(path.resolve().as_uri(), width=width, height=height, dark=dark)

    def open_url(self, url: str, *, width: int, height: int = 2400, dark: bool = False) -> None:
        """Opens a page; a page of a local server asks that server alone."""
        if url.startswith("http"):
            self.own = (*self.own, "/".join(url.split("/")[:3]) + "/")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url=url)
        deadline = time.monotonic() + 60
        while "Page.loadEventFired" not in self.events and time.monotonic() < deadline:
            self.evaluate("1")
            time.sleep(0.05)
        assert "Page.loadEventFired" in self.events, "the page did not load"

    def evaluate(self, script: str) -> Any:
        result = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )  # fmt: skip
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, key: str, code: str = "", text: str = "") -> None:
        """Presses and lets go of one key."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=code, **({"text": text} if kind == "keyDown" else {})
            )

    def wait_for(self, script: str, seconds: float = 20) -> None:
        """Waits until a script is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(script):
            assert time.monotonic() < deadline, f"not true after {seconds} s: {script}; {self.problems}"
            time.sleep(0.05)

    def screenshot(self, out: Path, *, y: float = 0, height: float | None = None) -> None:
        width = self.evaluate("innerWidth")
        full = self.evaluate("document.documentElement.scrollHeight")
        clip = {"x": 0, "y": y, "width": width, "height": min(height or full, full - y), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        out.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """Starts Chromium with a fresh profile and yields a Page; ends the process it started."""
    process = subprocess.Popen(
        ["chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with connect(_page_socket(profile), max_size=None, open_timeout=30) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _page_socket(profile: Path) -> str:
    marker = profile / "DevToolsActivePort"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if marker.exists() and len(lines := marker.read_text().split()) == 2:
            with connect(f"ws://127.0.0.1:{lines[0]}{lines[1]}", max_size=None) as browser:
                browser.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
                targets = json.loads(browser.recv(timeout=30))["result"]["targetInfos"]
            pages = [target for target in targets if target["type"] == "page"]
            if pages:
                return f"ws://127.0.0.1:{lines[0]}/devtools/page/{pages[0]['targetId']}"
        time.sleep(0.1)
    raise AssertionError("chromium did not start")
