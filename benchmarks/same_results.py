"""Does a change of the code leave the results alone? A small seeded demo, before and after.

    python -m benchmarks.same_results record before.json --checkout ../before --workspace BEFORE
    python -m benchmarks.same_results record after.json --workspace AFTER
    python -m benchmarks.same_results compare before.json after.json

`record` runs the demo of a checkout (this one by default) with one thread and the rules as caption writer, and writes a
digest per table column, per audio or feature file, and per tensor of the checkpoint. A finished workspace is only read.
`--renamed OLD=NEW` replaces a word in the recorded names and values, so that a rename is not counted as a difference.
`compare` exits with 1 when anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq
from safetensors import safe_open

SETTINGS = (
    "ingest.corpus.video_clips=60", "ingest.corpus.audio_clips=48", "train.steps=40", "train.checkpoint_every=20",
    "evaluate.clips=6", "evaluate.adverb_pairs=2", "llm.backend=rules", "train.device=cpu",
)  # fmt: skip
# Times and memory differ between two runs of the same code. The checkpoint's hash covers its header, which names
# settings; its tensors are compared one by one instead.
UNSTABLE = {
    "steps_per_s", "samples_per_s", "data_wait_share", "peak_memory_gib", "checkpoint_sha256", "tools_json",
}  # fmt: skip
SKIPPED = re.compile(
    r"(^|/)(journal|\.run|\.lock|tensorboard|last|report|samples)(/|$)|\.(json|yaml|html|md|csv|parquet)$"
)
CHECKPOINT = "train/checkpoint.safetensors"


def digest(data: bytes) -> str:
    """Returns a short SHA-256."""
    return hashlib.sha256(data).hexdigest()[:24]


def run_demo(checkout: Path, workspace: Path, settings: list[str]) -> None:
    """Runs the demo with the code of `checkout`; a finished workspace is left alone."""
    changes = [text for setting in (*SETTINGS, *settings) for text in ("--set", setting)]
    command = [sys.executable, "-m", "flows", "demo", "--workspace", str(workspace.absolute()), *changes]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(checkout)}
    subprocess.run(command, cwd=checkout, env=environment, check=True)


def record(workspace: Path, renamed: Mapping[str, str]) -> dict[str, str]:
    """Returns a digest per column, file and tensor of a finished workspace, by name."""

    def new_words(text: str) -> str:
        for old, new in renamed.items():
            text = re.sub(rf"(?<![a-z]){re.escape(old)}(?![a-z])", new, text)
        return text

    def cell(value: object) -> str:
        text = new_words(json.dumps(value, ensure_ascii=False, default=str))
        inner = json.loads(text)
        if isinstance(inner, str) and inner.startswith(("{", "[")):  # a cell of JSON: renamed keys sort elsewhere
            return json.dumps(json.loads(inner), sort_keys=True)
        return text

    found: dict[str, str] = {}
    for path in sorted(workspace.rglob("*")):
        name = path.relative_to(workspace).as_posix()
        if path.suffix == ".parquet" and "/journal/" not in name:
            for column, values in pq.read_table(path).to_pydict().items():
                if column not in UNSTABLE:
                    found[f"{name}:{new_words(column)}"] = digest("\n".join(map(cell, values)).encode())
        elif name == CHECKPOINT:
            with safe_open(path, framework="np") as tensors:
                found.update({f"{name}:{key}": digest(tensors.get_tensor(key).tobytes()) for key in tensors.keys()})  # noqa: SIM118
        elif path.is_file() and not SKIPPED.search(name):
            found[name] = digest(path.read_bytes())
    return found


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Returns one line per name that is gone, new or has other content."""
    gone = [f"gone      {name}" for name in before.keys() - after.keys()]
    new = [f"new       {name}" for name in after.keys() - before.keys()]
    other = [f"different {name}" for name in before.keys() & after.keys() if before[name] != after[name]]
    return sorted([*gone, *new, *other])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="run the small demo and write its digests")
    recording.add_argument("out", type=Path)
    recording.add_argument("--checkout", type=Path, default=Path.cwd())
    recording.add_argument("--workspace", type=Path, required=True)
    recording.add_argument("--set", action="append", default=[], help="one more setting, e.g. mine.parser=rules")
    recording.add_argument("--renamed", action="append", default=[], help="OLD=NEW")
    comparing = commands.add_parser("compare", help="compare two records; exit 1 when they differ")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "record":
        started = time.monotonic()
        run_demo(arguments.checkout, arguments.workspace, arguments.set)
        found = record(arguments.workspace, dict(pair.split("=", 1) for pair in arguments.renamed))
        arguments.out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
        print(f"{len(found)} digests in {arguments.out} ({time.monotonic() - started:.0f} s)")
        return
    before, after = (json.loads(path.read_text("utf-8")) for path in (arguments.before, arguments.after))
    lines = differences(before, after)
    print("\n".join([*lines, f"{len(before)} digests before, {len(after)} after, {len(lines)} differences"]))
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
