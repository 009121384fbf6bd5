"""The pictures of pages in docs/: `python -m tests.screenshots app|report|prefect ...`.

`app` starts `foleygenex app` and generates four variants of its first example with the built-in checkpoint.
`report REPORT.html` shows the top of a run's report. `prefect CONFIG` starts a server, runs CONFIG against it in a
temporary workspace, and shows the page of that run; beside it, as `prefect_summary.png` and `prefect_phone.png`, the
pipeline's artifact on a wide and on a narrow page.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from PIL import Image

from data_contracts.generation import TASKS
from tests.conftest import REPOSITORY
from tests.flows.server import PREFECT, Server, process
from tests.tasks.commands.app.test_page import fill, press
from tests.tasks.report.browser import Page, chromium

DOCS = REPOSITORY / "docs"
_WIDTH, _HEIGHT = 1280, 900


def shoot_report(report: Path, out: Path = DOCS / "report.png") -> None:
    """Writes the top of a report."""
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as page:
        page.open(report, width=_WIDTH, height=2 * _HEIGHT)  # only what is in the window is drawn of a video
        page.wait_for("document.querySelector('video').readyState === 4")
        time.sleep(1)
        _save(page, out, height=2 * _HEIGHT)


def shoot_prefect(config: Path, out: Path = DOCS / "prefect.png") -> None:
    """Runs the pipeline against a server of its own and writes the page of that run and those of its artifact."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(f"http://127.0.0.1:{port}/api", Path(folder) / "prefect")
        server.environment["PREFECT_SERVER_UI_API_URL"] = server.url
        command = [PREFECT, "server", "start", "--port", str(port)]
        with process(command, Path(folder) / "server.log", server.environment):
            _wait_until_answered(f"{server.url}/health")
            run = [sys.executable, "-m", "foleygenex", "run", "all", str(config), "-w", f"{folder}/first"]
            subprocess.run(run, cwd=REPOSITORY, env=server.environment, check=True)
            wanted = {"flow_runs": {"name": {"any_": ["pipeline of first"]}}}
            (found,) = server.api("/flow_runs/filter", wanted)
            with chromium(Path(folder) / "profile") as page:
                address = f"{server.url.removesuffix('/api')}/runs/flow-run/{found['id']}"
                page.open_url(address, width=_WIDTH, height=_HEIGHT)
                page.wait_for("document.body.innerText.includes('Completed')", 120)
                time.sleep(5)  # the graph is drawn by a worker of the page
                _save(page, out)
                (shown,) = server.api("/artifacts/filter", {"artifacts": {"key": {"any_": ["first-pipeline-summary"]}}})
                address = f"{server.url.removesuffix('/api')}/artifacts/artifact/{shown['id']}"
                for name, width, height in (("summary", _WIDTH, 3 * _HEIGHT), ("phone", 390, 2 * _HEIGHT)):
                    page.open_url(address, width=width, height=height)
                    page.wait_for("document.querySelectorAll('img').length > 2", 60)
                    time.sleep(2)
                    _save(page, out.with_stem(f"{out.stem}_{name}"), width, height)


def shoot_app(out: Path = DOCS / "app.png") -> None:
    """Generates four variants on the page, in 16 steps, and writes the page."""
    address = f"http://127.0.0.1:{(port := _free_port())}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "foleygenex", "app", "--port", str(port)]
        with process(command, Path(folder) / "app.log", {**os.environ}), chromium(Path(folder) / "profile") as page:
            _wait_until_answered(address)
            page.open_url(address, width=_WIDTH, height=_HEIGHT)
            press(page, TASKS["vta"].title)  # the first example
            page.wait_for("document.querySelector('#video video') !== null", 60)
            page.evaluate("document.querySelector('#settings button').click()")
            page.wait_for("document.querySelector('#steps input[type=number]') !== null", 20)
            fill(page, "steps", 16)
            fill(page, "variants", 4)
            press(page, "Generate")
            page.wait_for("document.querySelector('#message').innerText.includes('Done: 4 variants')", 1200)
            time.sleep(5)  # the players draw their waveforms
            page.evaluate("scrollTo(0, 0)")
            _save(page, out, height=1500)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_answered(address: str) -> None:
    for _ in range(600):
        try:
            urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(1)
        else:
            return
    raise TimeoutError(f"{address} does not answer")


def _save(page: Page, out: Path, width: int = _WIDTH, height: int = _HEIGHT) -> None:
    page.screenshot(out, height=height)
    shown = 3 * width // 4 if width > 600 else width
    picture = Image.open(out).convert("RGB").resize((shown, shown * height // width), Image.Resampling.LANCZOS)
    picture.quantize(64).save(out, optimize=True)


def main() -> None:
    """Takes the picture that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, source in (("app", None), ("report", "REPORT.html"), ("prefect", "CONFIG")):
        one = kinds.add_parser(kind)
        one.add_argument("--out", type=Path, default=DOCS / f"{kind}.png")
        if source:
            one.add_argument("source", type=Path, metavar=source)
    given = parser.parse_args()
    if given.kind == "app":
        shoot_app(given.out)
    else:
        {"report": shoot_report, "prefect": shoot_prefect}[given.kind](given.source, given.out)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
