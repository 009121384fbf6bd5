"""Mining to manifest with faults: `python -m benchmarks.chaos [--items N] [--fail 0.2] [--broken 0.05] [--kills 3]`.

One workspace runs undisturbed. A copy of it has broken audio files, an endpoint that fails (HTTP 500, 429, cut
connections, half a reply), and a process that is killed with SIGKILL several times. At the end the copy's manifest must
be the undisturbed one without the quarantined items, byte for byte, each quarantined item must say why, and the model
must have written the captions.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos_clips import break_files, make_clips
from benchmarks.chaos_endpoint import Endpoint
from data_contracts import Caption, ManifestRow, Quarantine, read_table
from data_contracts.files import hash_file
from data_contracts.stages import stages_through
from tasks.config import PipelineConfig
from tasks.engine import read_quarantine
from tasks.engine.workspace import Workspace
from tasks.pipeline import find_step
from tasks.steps import run_step

STAGES = stages_through("manifest")[1:]  # ingest's clips are made by this script


def config_of(workspace: Path) -> PipelineConfig:
    """Returns the settings of both workspaces."""
    llm = {"backend": "endpoint", "model": "chaos", "concurrency": 16, "max_retries": 12, "timeout_s": 120}
    return PipelineConfig.model_validate({"workspace": str(workspace), "llm": llm})


def run_stages(folder: Path) -> None:
    """Continues the stages, two shards at a time."""
    config, workspace = config_of(folder), Workspace(folder)
    with ThreadPoolExecutor(2) as pool:
        for name in STAGES:
            result = run_step(find_step(name), config, workspace, mapper=pool.map)
            print(result.line(), flush=True)


def run_with_kills(folder: Path, environment: dict[str, str], kills: list[tuple[str, int]]) -> int:
    """Runs the stages in a process that is killed whenever a journal has so many lines. Returns the kills made."""
    made = 0
    while True:
        command = [sys.executable, "-m", "benchmarks.chaos", "--stages", str(folder)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            if made < len(kills) and _journal_lines(folder / kills[made][0]) >= kills[made][1]:
                process.send_signal(signal.SIGKILL)
                process.wait()
                made += 1
            time.sleep(0.02)
        if process.returncode == 0:
            return made
        if process.returncode != -signal.SIGKILL:
            raise SystemExit(f"the stages failed with exit code {process.returncode}")


def _journal_lines(stage: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in stage.glob("journal/*.jsonl"))


@dataclass(frozen=True)
class Comparison:
    """The comparison of the two workspaces; `wrong` has every violation. `written` counts new captions by source."""

    rows: int
    expected: int
    quarantined: int
    reasons: dict[str, int]
    written: dict[str, int]
    wrong: list[str]


def compare(clean: Workspace, chaos: Workspace, broken: set[str]) -> Comparison:
    """Returns where the disturbed manifest is not the undisturbed one without the quarantined items.

    Only broken audio may be quarantined, and what the undisturbed run quarantines too.
    """
    rows, others = (
        {row.item_id: row for row in read_table(one.table("manifest", "manifest"), ManifestRow)}
        for one in (chaos, clean)
    )
    quarantine = read_quarantine(chaos)
    lost = {row.item_id for row in quarantine}
    refused = {(row.stage, row.item_id): row.message for row in read_quarantine(clean)}
    expected = {name: row for name, row in others.items() if name not in lost}
    wrong = [f"missing {name}" for name in expected.keys() - rows.keys()]
    wrong += [f"extra {name}" for name in rows.keys() - expected.keys()]
    wrong += [f"differs {name}" for name in rows.keys() & expected.keys() if rows[name] != expected[name]]
    wrong += [
        f"quarantined though whole: {row.item_id}: {row.message}"
        for row in quarantine
        if row.item_id.split("~")[0] not in broken and refused.get((row.stage, row.item_id)) != row.message
    ]
    wrong += [f"no reason: {row.item_id}" for row in quarantine if not (row.reason and row.message)]
    for row in rows.values():
        if row.subset == "aa" and hash_file(chaos.path(row.audio_path)) != row.audio_sha256:
            wrong.append(f"the audio of {row.item_id} is not the manifest's")
    written = Counter(row.source for row in read_table(chaos.table("recaption", "captions"), Caption))
    if written["rule"]:
        wrong.append(f"{written['rule']} captions are by rule, though the endpoint's answers are good")
    return Comparison(len(rows), len(expected), len(quarantine), _reasons(quarantine), dict(written), wrong)


def _reasons(quarantine: list[Quarantine]) -> dict[str, int]:
    return dict(sorted(Counter(f"{row.stage}: {row.reason}" for row in quarantine).items()))


def chaos(items: int, *, fail: float, broken: float, kills: int, folder: Path) -> Comparison:
    """Runs both workspaces in `folder` and compares them."""
    clean, copy = Workspace(folder / "clean"), Workspace(folder / "chaos")
    make_clips(clean, items)
    shutil.copytree(clean.root, copy.root, copy_function=os.link)
    broken_clips = break_files(copy, broken)
    plan = [("augment", items // 8), ("recaption", items // 5), ("paraphrase", items // 6)]
    plan = sorted(plan * -(-kills // 3), key=lambda kill: STAGES.index(kill[0]))[:kills] if kills > 3 else plan[:kills]
    with Endpoint(fail).serving() as endpoint:
        base = {**os.environ, "OPENAI_API_KEY": "x", "PYTHONWARNINGS": "ignore"}
        started = time.monotonic()
        run_with_kills(clean.root, {**base, "OPENAI_BASE_URL": f"{endpoint.url}/clean/v1"}, [])
        undisturbed_s = time.monotonic() - started
        made = run_with_kills(copy.root, {**base, "OPENAI_BASE_URL": f"{endpoint.url}/chaos/v1"}, plan)
        disturbed_s = time.monotonic() - started - undisturbed_s
        if made != kills:
            raise SystemExit(f"only {made} of {kills} kills found the process running")
        print(f"undisturbed {undisturbed_s:.0f} s, disturbed {disturbed_s:.0f} s; requests {dict(endpoint.asked)}")
    return compare(clean, copy, broken_clips)


def main() -> None:
    """Runs and prints the comparison; exit code 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--fail", type=float, default=0.2, help="share of requests that fail")
    parser.add_argument("--broken", type=float, default=0.05, help="share of audio files that are broken")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--stages", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stages:
        run_stages(arguments.stages)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = chaos(
            arguments.items,
            fail=arguments.fail,
            broken=arguments.broken,
            kills=arguments.kills,
            folder=Path(folder),
        )
    print(f"{arguments.items} items, {arguments.kills} kills: {found.rows} manifest rows, expected {found.expected}")
    print(f"captions by source: {found.written}")
    print(f"{found.quarantined} quarantined: {found.reasons}")
    for line in found.wrong[:20]:
        print(f"WRONG {line}")
    sys.exit(1 if found.wrong else 0)


if __name__ == "__main__":
    main()
