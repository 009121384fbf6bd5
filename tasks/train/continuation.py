"""What a training goes on from when its settings or data have changed (`train.continue_from`).

The folder of each training's states has a description of it. A training whose folder has no states yet takes those of
another one as its own first states, by hard links: nothing of the other training is moved, changed or removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from data_contracts import TrainingError, UsageError, to_json
from data_contracts.files import atomic_path
from model.features import FeatureStore
from model.training.ema import snapshots
from model.training.history import Segment
from model.training.state import read_state, state_files
from tasks.engine.workspace import hash_text, read_json, write_json
from tasks.train.config import TrainConfig

DESCRIPTION: Final = "training.json"
LATEST: Final = "latest.json"
"""Beside the trainings' folders: their names in the order in which they were run last, finished or not."""
_MEND_LATEST: Final = (
    'write {"folders": [...]} with the names of the folders beside it, in the order in which they were run last'
)
_FIXED: Final = ("variant", "seed", "ema_sigmas", "latent_std", "latent_scale")
"""Settings that a training cannot change: they made its weights' start, or say which training it is."""
_FEATURES: Final = {"codec": "codec", "text": "text encoder", "clip": "image encoder", "sync": "sync encoder"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a training depends on. `start`: the hash of the weights in `init_from`; `origin`: the folder whose states
    it took over, empty for a training from step 0."""

    network: dict[str, Any]
    specs: dict[str, Any]
    clip_s: float
    start: str
    data: str
    settings: dict[str, Any]
    origin: str = ""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Returns the description in a training's folder. Raises UsageError when there is none of this release."""
        try:
            return cls(**read_json(folder / DESCRIPTION))
        except TypeError as error:
            raise UsageError(f"{folder / DESCRIPTION} is of another release ({error})") from error

    def write(self, folder: Path) -> None:
        """Writes the description into a training's folder."""
        write_json(folder / DESCRIPTION, asdict(self))

    @property
    def segment(self) -> Segment:
        """The settings and the data, for the training's history."""
        return Segment(data=self.data, settings=self.settings)


def describe(config: TrainConfig, store: FeatureStore, settings: dict[str, Any], start: str) -> Description:
    """Returns the description of a training. `settings` are those that the weights depend on, as JSON values."""
    rows = [row.to_dict() for row in store.rows]
    return Description(
        network=config.network().to_dict(),
        specs=store.specs.to_dict(),
        clip_s=store.clip_s,
        start=start,
        data=hash_text(to_json(store.header["fields"]), to_json(rows)),
        settings=settings,
    )


def prepare(continue_from: str, folder: Path, now: Description) -> str:
    """Describes a training in its folder, and makes it the latest one beside it.

    A folder without states gets those of the training to go on from: the one it went on from before, else the one that
    `continue_from` names. Returns that one's path; empty when there is none, or the folder has states. Raises
    UsageError when it cannot go on.
    """
    before = Description.read(folder).origin if (folder / DESCRIPTION).exists() else ""
    took_over = ""
    if not state_files(folder):
        took_over = before or _origin(continue_from, folder)
        if took_over:
            take_over(Path(took_over), folder, now)
    replace(now, origin=took_over or before).write(folder)
    others = [name for name in _names(folder.parent) if name != folder.name]
    write_json(folder.parent / LATEST, {"folders": [*others, folder.name]})
    return took_over


def _origin(continue_from: str, folder: Path) -> str:
    """Returns the folder or state to go on from; empty for a training from step 0.

    Raises UsageError where `last` finds only states of an earlier release, which describe no training.
    """
    if continue_from not in ("last", "none"):
        return continue_from
    if continue_from == "none":
        return ""
    latest = latest_training(folder.parent)
    if latest is None and (old := [other for other in sorted(folder.parent.glob("*")) if state_files(other)]):
        raise UsageError(
            f"the states in {old[-1]} are of an earlier release and cannot go on; train from step 0 with "
            "--set train.continue_from=none (they stay where they are)"
        )
    return str(latest) if latest is not None and latest != folder else ""


def latest_training(trainings: Path) -> Path | None:
    """Returns the folder of the training that was run last, of those with states; None where there is none."""
    return next((folder for folder in reversed(folders_in_order(trainings)) if state_files(folder)), None)


def folders_in_order(trainings: Path) -> list[Path]:
    """Returns the trainings' folders in the order in which they were run last, finished or not."""
    return [trainings / name for name in _names(trainings)]


def _names(trainings: Path) -> list[str]:
    path = trainings / LATEST
    if not path.exists():
        return []
    content = read_json(path, _MEND_LATEST)
    names = content.get("folders") if isinstance(content, dict) else None
    if not isinstance(names, list):
        raise UsageError(f"{path} is damaged; {_MEND_LATEST}")
    return [str(name) for name in names]


def require_start(folder: Path) -> None:
    """Raises when a training that went on from another one would start at step 0, because no state can be read."""
    if origin := Description.read(folder).origin:
        raise TrainingError(
            f"none of the states in {folder} can be read; they are kept as *.damaged, and the same command goes on "
            f"from {origin} again"
        )


def changes_text(history: Sequence[Segment], end: int) -> str:
    """Returns the line for a training that goes on from another one: from where, with what, and how to start anew."""
    last = history[-1]
    if len(history) == 1:
        return f"the training before goes on to step {end}: settings and data are the same"
    data = ["data"] if last.data != history[-2].data else []
    return (
        f"the training before goes on at step {last.from_step} to step {end} with other "
        f"{', '.join([*data, *last.settings])}; --set train.continue_from=none starts at step 0 instead"
    )


def take_over(origin: Path, folder: Path, now: Description) -> None:
    """Gives `folder` the states and EMA snapshots of a training: `origin` is its folder, or one state in that.

    Damaged states after the newest one that can be read are left out. Raises UsageError, and writes nothing, when none
    can be read or the training cannot go on as `now` describes it, naming why and what to do.
    """
    last = state_files(origin.parent if origin.is_file() else origin)
    states = [(step, path) for step, path in last if origin.is_dir() or path == origin]
    if not states:
        raise UsageError(
            f"train.continue_from: {origin} is neither the folder of a training with states (W/train/last/KEY) nor a "
            f"state in one; train from step 0 with --set train.continue_from=none"
        )
    while states and read_state(states[-1][1]) is None:
        states.pop()
    if not states:
        raise UsageError(
            f"none of the states in {origin} can be read; train from step 0 with --set train.continue_from=none"
        )
    step, newest = states[-1]
    _require_continuable(newest.parent, step, now)
    for at, path in snapshots(newest.parent / "ema"):
        if at <= step:
            _link(path, folder / "ema" / path.name)
    for _, path in reversed(states):  # the newest first: a run that is killed here goes on from that one
        _link(path, folder / path.name)


def _require_continuable(folder: Path, step: int, now: Description) -> None:
    reason = _obstacle(Description.read(folder), step, now)
    if reason:
        raise UsageError(
            f"the training in {folder} ({step:,} steps) cannot go on with {reason}; train from step 0 with "
            "--set train.continue_from=none (the earlier training stays where it is), or give another --workspace"
        )


def _obstacle(before: Description, step: int, now: Description) -> str:
    """Returns what makes `now` another training than the one before, empty when that can go on."""
    for name, title in _FEATURES.items():
        if (old := before.specs[name]) != (new := now.specs[name]):
            return f"another {title}: {new['name']} instead of {old['name']}, or other weights of it"
    if before.clip_s != now.clip_s:
        return f"clips of {now.clip_s:g} s instead of {before.clip_s:g} s"
    for name in now.network:
        if (old := before.network.get(name)) != (new := now.network[name]):
            return f"another network: {name} {new} instead of {old}"
    if before.start != now.start:
        return "other weights in train.init_from"
    for name in _FIXED:
        if (old := before.settings.get(name)) != (new := now.settings.get(name)):
            return f"train.{name}={_shown(new)} instead of {_shown(old)}"
    if now.settings["steps"] < min(step, before.settings["steps"]):
        return f"train.steps={now.settings['steps']}, fewer than it has made"
    return ""


def _shown(value: Any) -> str:
    return to_json(value) if isinstance(value, list) else str(value)


def _link(source: Path, target: Path) -> None:
    """Gives a file a second name; copies it to another file system."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
