"""Post-hoc EMA (Karras et al. 2024, as MMAudio trains): running averages of two widths, snapshots of them at intervals,
and from these the average of any width afterwards. Source: SPEC T1.

The averages, their decay and the least-squares synthesis are `nitrous-ema`'s. This module adds what that library leaves
open: snapshots are written to a temporary name and renamed (a killed run leaves no partial file), at most `keep` of
them stay, evenly spaced, and frozen weights and latent statistics are left out of the averages, because the weights
of the synthesis sum to one only approximately. The library reads snapshots with `weights_only=True`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from nitrous_ema import PostHocEMA
from torch import Tensor, nn

from data_contracts import TrainingError, UsageError
from model.network import Network
from model.training.state import write_atomically

_BYTES: Final = 4


def kept_snapshots(step: int, every: int, keep: int) -> set[int]:
    """Returns the steps whose snapshots stay after one at `step`: multiples of a spacing that doubles, and `step`."""
    spacing = every
    while step // spacing > keep:
        spacing *= 2
    return {*range(spacing, step + 1, spacing), step}


def snapshot_bytes(parameters: int, widths: int, steps: int, every: int, keep: int) -> int:
    """Returns what the snapshots of a whole run take on disk: fp32 weights per kept snapshot and width."""
    return len(kept_snapshots(steps, every, keep)) * widths * parameters * _BYTES


class Averages(PostHocEMA):
    """Running averages of a network in training, one per width, with snapshots in `folder`."""

    def __init__(
        self, network: Network, sigmas: tuple[float, ...], folder: Path, *, every: int = 0, keep: int = 64
    ) -> None:
        frozen = {name for name, value in network.named_parameters() if not value.requires_grad}
        frozen |= {name for name, _ in network.named_buffers()}
        super().__init__(
            network,
            sigma_rels=sigmas,
            checkpoint_every_num_steps=every or 2**62,
            checkpoint_folder=str(folder),
            update_every=1,
            step_size_correction=True,
            ignore_names=frozen,
        )
        self.sigmas, self.every, self.keep = sigmas, every, keep
        self.requires_grad_(False)

    def network(self, sigma: float) -> Network:
        """Returns the running average whose width is nearest to `sigma`; it changes as training goes on."""
        index = min(range(len(self.sigmas)), key=lambda i: abs(self.sigmas[i] - sigma))
        averaged: Network = self.ema_models[index].ema_model  # type: ignore[assignment]
        return averaged

    def checkpoint(self) -> None:
        """Writes this step's snapshot of every width, atomically, and removes those that are not kept."""
        for index, average in enumerate(self.ema_models):
            write_atomically(self._path(index, self.step), _on_cpu(average.state_dict()))
        kept = kept_snapshots(self.step, max(1, self.every), self.keep)
        self._remove(lambda step: step not in kept)

    def finish(self) -> None:
        """Writes a snapshot of the last step if there is none: the synthesis starts from it."""
        if not self._path(0, self.step).exists():
            self.checkpoint()

    def forget_after(self, step: int) -> None:
        """Removes snapshots of steps that a resumed run has still to do."""
        self._remove(lambda found: found > step)

    def weights(self, sigma: float) -> dict[str, Tensor]:
        """Returns the network's state averaged with width `sigma`: a running average, or made from the snapshots.

        Raises TrainingError when a width other than the running ones is asked for and there are no snapshots.
        """
        if sigma in self.sigmas:
            return _state(self.network(sigma))
        return synthesise(self, sigma)

    def _path(self, index: int, step: int) -> Path:
        return self.checkpoint_folder / f"{index}.{step}.pt"

    def _remove(self, unwanted: Callable[[int], bool]) -> None:
        for step, path in snapshots(self.checkpoint_folder):
            if unwanted(step):
                path.unlink()


def snapshots(folder: Path) -> list[tuple[int, Path]]:
    """Returns (step, path) of every snapshot file, oldest first."""
    return sorted((int(path.stem.split(".")[1]), path) for path in folder.glob("[0-9]*.*.pt"))


def synthesise(averages: Averages, sigma: float, step: int | None = None) -> dict[str, Tensor]:
    """Returns the network's state averaged with any width, from the snapshots, as of `step` (default: the last).

    Raises UsageError for a width outside (0, 0.29) and TrainingError when the snapshots do not suffice.
    """
    if not 0 < sigma < 0.29:  # a flat average from the first step on has 1/sqrt(12) = 0.2887
        raise UsageError(f"sigma {sigma:g} is outside 0..0.29; MMAudio uses 0.05")
    found = snapshots(averages.checkpoint_folder)
    steps = sorted({at for at, _ in found})
    if not steps or (step is not None and step > steps[-1]):
        asked = "any step" if step is None else f"step {step}"
        raise TrainingError(
            f"no EMA snapshot for {asked} in {averages.checkpoint_folder}; the snapshots are {steps or 'none'}"
        )
    made = averages.synthesize_ema_model(sigma_rel=sigma, step=step, device="cpu")
    return _state(made.ema_model)


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def _on_cpu(state: dict[str, Any]) -> dict[str, Any]:
    """Snapshots made on a GPU can be read where there is none."""
    return {name: value.cpu() if isinstance(value, Tensor) else value for name, value in state.items()}
