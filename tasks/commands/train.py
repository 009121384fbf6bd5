"""Training in many processes: `torchrun --nproc-per-node 8 -m tasks.commands.train CONFIG` (`accelerate launch` too).

Every process runs this; rank 0 writes the files and prints. In one process it does the same as `foleygenex run train`,
without Prefect.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from data_contracts import FoleyGenExError
from data_contracts.secrets import mask_log_records
from tasks.config import STORED, PipelineConfig, config_path, require_known, store
from tasks.engine import is_stage_finished, run_stage
from tasks.engine.progress import ProgressLines
from tasks.engine.settings import read_yaml
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import acquire
from tasks.train.rank import leave


def main(arguments: Sequence[str]) -> int:
    """Trains as the command line says. Returns the exit code: 0 done, 1 failed, 2 wrong usage."""
    mask_log_records()
    try:
        config = _config(_parser().parse_args(arguments))
        _train(config)
    except FoleyGenExError as error:
        if _is_main():
            sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return error.exit_code
    finally:
        leave()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tasks.commands.train", description=__doc__)
    parser.add_argument(
        "config", type=Path, help="YAML config, a shipped one's name, or a workspace: then its stored config"
    )
    parser.add_argument("--workspace", "-w", type=Path, help="folder of the run; default: the config's")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="e.g. train.micro_batch=16")
    return parser


def _config(options: argparse.Namespace) -> PipelineConfig:
    path, workspace = config_path(options.config), options.workspace
    if path.is_dir():
        require_known(read_yaml(path / STORED), Workspace(path))
        path, workspace = path / STORED, workspace or path
    return PipelineConfig.load(path, [*([f"workspace={workspace}"] if workspace else []), *options.settings])


def _train(config: PipelineConfig) -> None:
    from model.devices import choose_device
    from model.training import Ranks
    from tasks.train.job import run_training
    from tasks.train.stage import TrainStage

    logging.basicConfig(level=logging.INFO if _is_main() else logging.ERROR, format="%(message)s")
    workspace = Workspace(Path(config.workspace).resolve())
    stage = TrainStage(config=config.train, on_progress=ProgressLines(_print, "train", "steps"))
    with ExitStack() as stack:
        if _is_main():  # for all ranks: where it is refused, rank 0 ends and the launcher ends the others
            stack.enter_context(acquire(workspace.root, "training"))
            store(config, workspace)
        finished = is_stage_finished(stage, workspace)
        Ranks.start(choose_device(config.train.device)).wait()  # every rank has checked before rank 0 changes files
        if _is_main():
            print(run_stage(stage, workspace).line(), flush=True)
        elif not finished:
            run_training(config.train, workspace)


def _print(line: str) -> None:
    print(line, flush=True)


def _is_main() -> bool:
    return os.environ.get("RANK", "0") == "0"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
