"""The judges that a workspace asks, and what their items depend on, also where their weights are not.

`W/judge/judges.json` has what the judge stage was last made with. A machine without the weights of one of these judges
so finds finished stages finished, and cannot run them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from data_contracts import UsageError, WeightsError
from model.devices import choose_device
from model.judges import Kind
from tasks.engine.workspace import Workspace, read_json, write_json
from tasks.evaluate.columns import plain_name
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.judge_cache import JudgeCache
from tasks.evaluate.judging import CachedJudge, judges_here

FILE: Final = ("judge", "judges.json")


class AskedJudge(BaseModel):
    """What the items of a judge depend on."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    weights_sha256: str
    kinds: frozenset[Kind]


class _Kept(RootModel[dict[str, AskedJudge]]):
    """The judges by the names that the settings give them, NAME or NAME:PATH."""


def load_judges(config: EvaluateConfig) -> dict[str, CachedJudge]:
    """Returns the judges of a run by name, without a cache of their own.

    Raises WeightsError where the weights of one are not here: no judge is left out.
    """
    device = str(choose_device(config.device))
    return {plain_name(name): loaded(name, device) for name in judges_here(config.judges).asked}


def asked_judges(config: EvaluateConfig, workspace: Workspace) -> list[AskedJudge]:
    """Returns what the items depend on: of the weights that are here, else as the stage was last made with.

    Raises WeightsError for a judge that is not here and was not asked before.
    """
    return list(_asked(config, workspace).values())


def keep_judges(config: EvaluateConfig, workspace: Workspace) -> None:
    """Writes what the judge stage has been made with."""
    values = {name: one.model_dump(mode="json") for name, one in _asked(config, workspace).items()}
    write_json(workspace.path(*FILE), values)


def kept_judges(workspace: Workspace) -> Mapping[str, AskedJudge]:
    """Returns what the judge stage was last made with, by the settings' names; nothing when that cannot be read."""
    try:
        return _Kept.model_validate(read_json(workspace.path(*FILE))).root
    except (UsageError, ValidationError):
        return {}


@lru_cache(maxsize=4)
def loaded(name: str, device: str) -> CachedJudge:
    """Returns a judge, of this process's last four."""
    return CachedJudge.load(name, JudgeCache(Path()), device)


def _asked(config: EvaluateConfig, workspace: Workspace) -> dict[str, AskedJudge]:
    kept = kept_judges(workspace)
    return {name: _one(name, config, kept) for name in judges_here(config.judges).asked}


def _one(name: str, config: EvaluateConfig, kept: Mapping[str, AskedJudge]) -> AskedJudge:
    try:
        spec = loaded(name, _device(config)).judge.spec
    except (WeightsError, UsageError):  # its files or its package are not here
        if name in kept:
            return kept[name]
        raise
    return AskedJudge(name=spec.name, weights_sha256=spec.weights_sha256, kinds=spec.kinds)


def _device(config: EvaluateConfig) -> str:
    """Returns where a judge is loaded to see what it is: the CPU where the asked device is another machine's."""
    try:
        return str(choose_device(config.device))
    except UsageError:
        return "cpu"
