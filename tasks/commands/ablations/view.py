"""The workspace of one variant: it trains and generates in its own folder and reads the data of the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import UsageError
from tasks.engine.workspace import Workspace

FOLDER: Final = "ablations"
_OWN: Final = ("train", "generate", "judge", "score")


@dataclass(frozen=True, slots=True)
class VariantWorkspace(Workspace):
    """`root` is the variant's folder; `base` the run's; `weights` the folder of the training it uses."""

    base: Workspace
    weights: Workspace

    def path(self, *parts: str) -> Path:
        """Returns a path of the variant's own stages in its folder, any other in the run's workspace."""
        first = Path(*parts).parts[0] if parts and parts[0] else ""
        if first == "train":
            return self.weights.path(*parts)
        owner = Workspace(self.root) if first in _OWN else self.base
        return owner.path(*parts)

    def relative(self, path: Path) -> str:
        """Returns a path relative to the folder it belongs to."""
        for owner in (Workspace(self.root), self.weights, self.base):
            if path.resolve().is_relative_to(owner.root.resolve()):
                return owner.relative(path)
        raise UsageError(f"{path} is neither in {self.root} nor in {self.base.root}")


def variant_workspace(
    base: Workspace, name: str, weights: str, *, folder: str = FOLDER, shares_run: bool = True
) -> VariantWorkspace:
    """Returns the workspace of a variant, in `folder` of the run's.

    `shares_run`: the weights `full` are those of the run's own training.
    """
    shared = weights == "full" and shares_run
    trained = base if shared else Workspace(base.path(folder, "weights", weights))
    return VariantWorkspace(base.path(folder, name), base, trained)
