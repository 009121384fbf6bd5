"""Training in many processes: `torchrun --nproc-per-node 8 -m tasks.commands.train CONFIG` (`accelerate launch` too).

Every process runs this; rank 0 writes the files and prints. With one process it is `foleygenex run train` without
Prefect.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from data_contracts import FoleyGenExError, TrainMetric
from tasks.config import STORED, PipelineConfig, store
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import hold


def main(arguments: Sequence[str]) -> int:
    """Trains as the command line says. Returns the exit code: 0 done, 1 failed, 2 wrong usage."""
    try:
        config = _config(_parser().parse_args(arguments))
        _train(config)
    except FoleyGenExError as error:
        if _is_main():
            sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return error.exit_code
    finally:
        _leave()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tasks.train", description=__doc__)
    parser.add_argument("config", type=Path, help="YAML config, or a workspace: then its stored config")
    parser.add_argument("--workspace", "-w", type=Path, help="folder of the run; default: the config's")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="e.g. train.micro_batch=16")
    return parser


def _config(options: argparse.Namespace) -> PipelineConfig:
    path, workspace = options.config, options.workspace
    if path.is_dir():
        path, workspace = path / STORED, workspace or path
    return PipelineConfig.load(path, [*([f"workspace={workspace}"] if workspace else []), *options.settings])


def _train(config: PipelineConfig) -> None:
    from tasks.train.job import run_training

    logging.basicConfig(level=logging.INFO if _is_main() else logging.ERROR, format="%(message)s")
    workspace = Workspace(Path(config.workspace).resolve())

    def show(row: TrainMetric, total: int) -> None:
        val = "" if row.val_loss is None else f"  validation {row.val_loss:.4f}"
        mfu = "" if row.mfu is None else f"  MFU {100 * row.mfu:.1f} %"
        print(f"step {row.step}/{total}  loss {row.loss:.4f}{val}  {row.samples_per_s:.1f} samples/s{mfu}", flush=True)

    with ExitStack() as held:
        if _is_main():  # for all ranks: when it is refused it ends, and the launcher ends the others
            run = held.enter_context(hold(workspace.root, "training"))
            held.enter_context(hold(workspace.stage("train"), "training", run=run))
            store(config, workspace)
        summary = run_training(config.train, workspace, show)
        if _is_main():
            print(summary.line(), flush=True)


def _is_main() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _leave() -> None:
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
