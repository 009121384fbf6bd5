"""What the commands cost before they do anything: CPU seconds, and which heavy libraries each one imports.

`python -m benchmarks.cold_start WORKSPACE [CHECKPOINT]` runs twelve commands, each in a process of its own; the
workspace is a finished run's. Commands that find nothing to do leave it as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HEAVY: Final = (
    "torch", "prefect", "librosa", "pyroomacoustics", "pandas", "scipy", "sklearn", "av", "openai", "transformers",
    "spacy",
)  # fmt: skip
_MARK: Final = "FOLEYGENEX-MODULES "
_CHILD: Final = f"""
import json, sys
from flows import cli
code = cli.exit_code(sys.argv[1:])
print("{_MARK}" + json.dumps(sorted(name for name in sys.modules if "." not in name)), flush=True)
sys.exit(code)
"""


@dataclass(frozen=True, kw_only=True)
class Start:
    """What one command took: CPU seconds of its process and its children, its exit code, what it imported."""

    command: str
    cpu_s: float
    code: int
    heavy: tuple[str, ...]


def measure(arguments: list[str]) -> Start:
    """Runs a command in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *arguments], capture_output=True, text=True, check=False, env=environment
    )
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    listed = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    modules = set(json.loads(listed[-1].removeprefix(_MARK))) if listed else set()
    heavy = tuple(name for name in HEAVY if name in modules)
    words = [Path(word).name for word in arguments if not word.startswith("--") or word == arguments[0]]
    return Start(command=" ".join(words[:3]), cpu_s=used, code=done.returncode, heavy=heavy)


def commands(workspace: Path, checkpoint: Path, scratch: Path) -> list[list[str]]:
    """Returns the twelve commands' arguments."""
    config = str(workspace / "config.yaml")
    here = ["--workspace", str(workspace)]
    return [
        ["--help"],
        ["--version"],
        ["weights"],
        ["status", str(workspace)],
        ["run", "mine", config, *here],
        ["run", "train", config, *here],
        ["run", "all", config, *here],
        ["quarantine", str(workspace)],
        ["doctor", config, "--set", f"workspace={workspace}"],
        ["plan", config, "--set", f"workspace={workspace}"],
        ["verify", str(workspace)],
        ["generate", "tta", "--checkpoint", str(checkpoint), "--text", "a bell", "--out", str(scratch / "a.wav")],
    ]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("checkpoint", type=Path, nargs="?")
    given = parser.parse_args()
    checkpoint = given.checkpoint or given.workspace / "train" / "checkpoint.safetensors"
    print(f"{'command':<34}{'CPU s':>7}{'exit':>6}  heavy libraries imported")
    with tempfile.TemporaryDirectory() as scratch:
        for arguments in commands(given.workspace, checkpoint, Path(scratch)):
            start = measure(arguments)
            print(f"{start.command[:34]:<34}{start.cpu_s:>7.2f}{start.code:>6}  {', '.join(start.heavy) or '-'}")


if __name__ == "__main__":
    main()
