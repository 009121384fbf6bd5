"""Weights of a finished training averaged with another width (post-hoc EMA), from its snapshots. Source: SPEC T1."""

from __future__ import annotations

from pathlib import Path

from data_contracts import UsageError
from model.checkpoint import read_info, read_weights, save_checkpoint
from model.network import Network
from model.training.ema import Averages, snapshots, synthesise
from tasks.engine.workspace import Workspace
from tasks.train.places import checkpoint_path, finished_key, states_folder


def write_average(workspace: Workspace, sigma: float, out: Path, *, step: int | None = None) -> str:
    """Writes a checkpoint of the weights averaged with relative width `sigma` as of `step` (default: the last).

    Returns the line a person reads. Raises UsageError (no training, no such width or step) or TrainingError (no
    snapshots).
    """
    if out.suffix != ".safetensors":
        raise UsageError(f"--out {out} must end in .safetensors")
    path = checkpoint_path(workspace)
    if out.exists() and path.exists() and out.samefile(path):
        raise UsageError(f"--out {out} is the run's own checkpoint; it would be lost, give another name")
    folder = states_folder(workspace, finished_key(workspace)) / "ema"
    found = sorted({at for at, _ in snapshots(folder)})
    if not found:
        raise UsageError(f"{folder} has no EMA snapshots; they were removed, so only train/checkpoint is left")
    info = read_info(path)
    network = Network(info.network, info.specs)
    network.load_state_dict(read_weights(path))
    averages = Averages(network, tuple(info.training["ema_sigmas"]), folder)
    sha256 = save_checkpoint(
        out,
        synthesise(averages, sigma, step),
        network=info.network,
        specs=info.specs,
        clip_s=info.clip_s,
        step=step or found[-1],
        training={**info.training, "ema_sigma_rel": sigma},
    )
    return f"{out}: sigma {sigma:g} as of step {step or found[-1]:,}, from {len(found)} snapshots, sha256 {sha256[:12]}"
