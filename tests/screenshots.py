"""The pictures of the report and of Prefect's page in docs/: `python -m tests.screenshots report|prefect ...`.

`report REPORT.html` shows the top of a run's report. `prefect CONFIG` starts a server, runs CONFIG against it in a
temporary workspace, and shows the page of that run.
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

from PIL import Image

from tests.conftest import REPOSITORY
from tests.flows.server import PREFECT, Server, process
from tests.tasks.report.browser import Page, chromium

DOCS = REPOSITORY / "docs"
_WIDTH, _HEIGHT = 1280, 900


def shoot_report(report: Path, out: Path = DOCS / "report.png") -> None:
    """Writes the top of a report."""
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as page:
        page.open(report, width=_WIDTH, height=_HEIGHT)
        _save(page, out, height=2 * _HEIGHT)


def shoot_prefect(config: Path, out: Path = DOCS / "prefect.png") -> None:
    """Runs the pipeline against a server of its own and writes the page of that run."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        server = Server(f"http://127.0.0.1:{port}/api", Path(folder) / "prefect")
        server.environment["PREFECT_SERVER_UI_API_URL"] = server.url
        command = [PREFECT, "server", "start", "--port", str(port)]
        with process(command, Path(folder) / "server.log", server.environment):
            _wait_for(server)
            run = [sys.executable, "-m", "flows", "run", "all", str(config), "-w", f"{folder}/first"]
            subprocess.run(run, cwd=REPOSITORY, env=server.environment, check=True)
            wanted = {"flow_runs": {"name": {"any_": ["pipeline of first"]}}}
            (found,) = server.api("/flow_runs/filter", wanted)
            with chromium(Path(folder) / "profile") as page:
                address = f"{server.url.removesuffix('/api')}/runs/flow-run/{found['id']}"
                page.open_url(address, width=_WIDTH, height=_HEIGHT)
                page.wait_for("document.body.innerText.includes('Completed')", 120)
                time.sleep(5)  # the graph is drawn by a worker of the page
                _save(page, out)


def _wait_for(server: Server) -> None:
    for _ in range(600):
        try:
            server.api("/health")
        except OSError:
            time.sleep(1)
        else:
            return
    raise TimeoutError("the Prefect server does not answer")


def _save(page: Page, out: Path, height: int = _HEIGHT) -> None:
    page.screenshot(out, height=height)
    picture = Image.open(out).convert("RGB").resize((960, 960 * height // _WIDTH), Image.Resampling.LANCZOS)
    picture.quantize(64).save(out, optimize=True)


def main() -> None:
    """Takes the picture that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["report", "prefect"])
    parser.add_argument("source", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    shoot = {"report": shoot_report, "prefect": shoot_prefect}[given.kind]
    shoot(given.source, given.out or DOCS / f"{given.kind}.png")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
