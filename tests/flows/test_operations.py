"""docs/operations.md to the letter, in a fresh clone: up, a pipeline by its deployment, an update, a kill, down.

The page's own lines are run by bash; only its port and its folder /data are this test's, and the virtual environment is
the one of the tests.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
import yaml

from flows.up.processes import Records, Started, _alive_after
from tests.conftest import REPOSITORY
from tests.flows.server import Server
from tests.flows.test_postgresql import free_port
from tests.tasks.test_pipeline import TINY

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="not a git checkout"),
]
WAIT_S: Final = 300


@dataclass
class Site:
    """A clone, the folder of its data and the environment that its terminal has got so far."""

    clone: Path
    data: Path
    port: int
    environment: dict[str, str]
    exports: list[str] = field(default_factory=list)

    @property
    def server(self) -> Server:
        return Server(f"http://127.0.0.1:{self.port}/api", self.data)

    def lines(self, heading: str, number: int = 0) -> list[str]:
        """Returns the lines of a section's block of commands, this site's port and folder in them."""
        page = (self.clone / "docs" / "operations.md").read_text("utf-8")
        section = page.split(f"\n{heading}\n")[1]
        block = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[number]
        text = block.replace("/data/", f"{self.data}/").replace(":4200", f":{self.port}")
        return text.replace("foleygenex up ", f"foleygenex up --port {self.port} ").splitlines()

    def run(self, line: str) -> str:
        """Runs a line as a terminal does that has run the lines before; returns what it printed."""
        if line.startswith("export "):
            self.exports.append(line)
            return ""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join([*self.exports, line])],
            cwd=self.clone,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{self.logs()}"
        return done.stdout

    def logs(self) -> str:
        return "\n".join(path.read_text("utf-8", "replace")[-3000:] for path in self.state.glob("*.log"))

    @property
    def state(self) -> Path:
        return self.data / "state" / "foleygenex" / "up"

    @property
    def processes(self) -> dict[str, Started]:
        return {one.name: one for one in Records(self.state / "processes.json").read()[1]}

    def run_of(self, name: str) -> dict[str, Any]:
        """Returns the newest run of that name."""
        filtered = {"flow_runs": {"name": {"any_": [name]}}, "sort": "START_TIME_DESC"}
        runs = self.server.api("/flow_runs/filter", filtered)
        return runs[0] if runs else {}

    def trigger(self, **parameters: Any) -> str:
        """Returns the page's line that runs the pipeline again, with further parameters, waited for."""
        line = self.lines("## Trigger")[1].split("  ")[0]
        given = [f"--param {shlex.quote(f'{name}={json.dumps(value)}')}" for name, value in parameters.items()]
        return " ".join([line, *given, "--watch"])


def wait_for(ready: Callable[[], Any], site: Site) -> None:
    deadline = time.monotonic() + WAIT_S
    while not ready():
        assert time.monotonic() < deadline, site.logs()
        time.sleep(0.5)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A clone in which the page's first block has been run."""
    data = tmp_path_factory.mktemp("data")
    clone = data / "clone"
    subprocess.run(["git", "clone", "--quiet", "--shared", REPOSITORY, clone], check=True, timeout=120)
    known = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "FOLEYGENEX_"))}
    environment = {
        **known,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{known['PATH']}",
        "PYTHONPATH": str(clone),
        "PREFECT_HOME": str(data / "prefect"),
        "XDG_STATE_HOME": str(data / "state"),
    }
    (data / "my.yaml").write_text(yaml.safe_dump({**TINY, "gpu_pool": ""}))  # one process runs all of it
    found = Site(clone, data, free_port(), environment)
    try:
        for line in found.lines("## From zero: server, pools, workers, deployments"):
            found.run(line)
        yield found
    finally:
        before = found.processes
        found.run("foleygenex down")
        assert not any(one.process() for one in before.values())


def test_all_is_up_and_the_tiny_pipeline_runs_from_its_deployment(site: Site) -> None:
    assert site.processes.keys() == {"server", "worker-cpu", "worker-gpu"}
    first = site.lines("## Trigger")[0]
    assert "finished successfully" in site.run(f"{first} --watch"), site.logs()
    assert site.run_of("pipeline of run1")["state"]["type"] == "COMPLETED"
    assert (site.data / "run1" / "report" / "report.html").is_file()


def test_an_update_keeps_the_operators_schedule_and_parameters(site: Site) -> None:
    (schedule,) = site.lines("## Schedule")
    site.run(schedule.replace("0 3 * * *", "30 4 * * 1"))
    api = site.server.api
    found = api("/deployments/name/pipeline/pipeline")
    parameters = {**found["parameters"], "workspace": str(site.data / "run1")}
    api(f"/deployments/{found['id']}", {"parameters": parameters}, method="PATCH")
    out = site.run("foleygenex deploy")
    assert "pipeline: kept schedules cron 30 4 * * 1 UTC on (shipped: cron 0 3 * * * UTC off); parameter work" in out
    assert out.count(": kept ") == 1
    kept = api("/deployments/name/pipeline/pipeline")
    assert kept["schedules"][0]["schedule"]["cron"] == "30 4 * * 1" and kept["schedules"][0]["active"]
    assert kept["parameters"] == parameters


def test_killed_in_training_after_a_changed_prompt_up_closes_the_runs_and_the_next_one_finishes(site: Site) -> None:
    prompt = site.clone / "tasks" / "recaption" / "prompts" / "system.md"
    prompt.write_text(f"{prompt.read_text('utf-8').rstrip()} Be brief.\n")
    earlier = {run["id"] for run in site.server.api("/flow_runs/filter", {})}
    never = ["gpu_pool=gpu", "train.steps=100000", "train.checkpoint_every=1", "train.continue_from=none"]
    never += ["train.device=cpu", "train.processes=2", "train.batch_size=4"]
    site.run(site.trigger(changes=never, until="train").replace("--watch", ""))
    folder = site.data / "run1" / "train" / "last"
    before = set(folder.glob("*/state-*"))
    wait_for(lambda: set(folder.glob("*/state-*")) - before, site)
    ran = {run["name"].split()[0] for run in site.server.api("/flow_runs/filter", {}) if run["id"] not in earlier}
    assert {"pipeline", "recaption", "train"} <= ran  # and what followed from other captions, but nothing before
    assert not ran & {"ingest", "mine", "augment"}

    ranks: list[psutil.Process] = []
    for name in ("worker-cpu", "worker-gpu"):
        worker = site.processes[name].process()
        assert worker is not None
        started = [worker, *worker.children(recursive=True)]
        ranks += [process for process in started if "tasks.train.rank" in process.cmdline()]
        for process in started:  # a worker that lives reports what it started
            if process not in ranks:
                process.send_signal(9)
        wait_for(lambda name=name: site.processes[name].process() is None, site)
    assert len(ranks) == 3  # torchrun and what it starts, which end when they find their run's process gone
    assert not _alive_after(ranks, 60)
    out = site.run("foleygenex up")
    assert "server: runs already" in out and "worker-gpu: started" in out
    assert "pipeline of run1: was killed, marked Crashed" in out and "train of run1: was killed, marked Cra" in out
    assert [site.run_of(f"{name} of run1")["state"]["type"] for name in ("pipeline", "train")] == ["CRASHED"] * 2

    # The next run gets the pipeline's one slot, and goes on.
    step = max(int(path.stem.split("-")[1]) for path in set(folder.glob("*/state-*")) - before)
    changes = ["gpu_pool=''", f"train.steps={step + 2}", "train.continue_from=last", "train.processes=1"]
    assert "finished successfully" in site.run(site.trigger(changes=changes, until="train")), site.logs()
    assert f"training continues at step {step}" in site.logs()
    assert json.loads((site.data / "run1" / "train" / "train.json").read_text())["steps"] == step + 2
