"""Why a stage would run again: what has changed since it last finished, as `W/STAGE/made_with.json` has it.

The file is for people. Whether a stage is finished is told by its marker and its items' keys alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from data_contracts import FoleyGenExError, to_json
from tasks.choices import CHOOSABLE, with_choices
from tasks.config import PipelineConfig
from tasks.engine.marker import QUARANTINE, whole_marker
from tasks.engine.workspace import Workspace, hash_text, read_json, write_json
from tasks.inputs import known_inputs
from tasks.pipeline import Step, steps_before

FILE: Final = "made_with.json"
_MOST: Final = 4  # changes that are named; more are counted


class MadeWith(BaseModel):
    """What a stage was made with: its version, its settings, the hash of each earlier stage's table, files outside."""

    model_config = ConfigDict(extra="forbid", strict=True)
    version: int
    settings: dict[str, str]
    inputs: dict[str, str]
    outside: str
    code: str


def remember(step: Step, config: PipelineConfig, workspace: Workspace, version: int) -> None:
    """Writes what a stage that has just finished was made with."""
    made = _made_with(step, config, workspace, version).model_dump()
    path = workspace.path(step.name, FILE)
    if not path.exists() or _read(step, workspace) != MadeWith(**made):
        write_json(path, made)


def reason(step: Step, config: PipelineConfig, workspace: Workspace) -> str:
    """Returns what has changed since a stage last finished, e.g. `mine.parser spacy -> rules`; empty when nothing has,
    or when it has not finished before."""
    before = _read(step, workspace)
    if before is None:
        return ""
    try:
        stage = step.make(with_choices(config, workspace))
        now = _made_with(step, config, workspace, stage.version)
    except FoleyGenExError:  # of settings that cannot be used: the state says so
        return ""
    found = list(_changes(before, now))
    more = [f"{len(found) - _MOST} more"] if len(found) > _MOST else []
    return ", ".join([*found[:_MOST], *more])


def _changes(before: MadeWith, now: MadeWith) -> Iterator[str]:
    if before.version != now.version:
        yield f"version {before.version} -> {now.version} of the stage"
    for name in sorted(before.settings.keys() | now.settings.keys()):
        old, new = (made.settings.get(name, "not set") for made in (before, now))
        if old != new:
            yield f"{name} {old} -> {new}"
    for table in sorted(before.inputs.keys() | now.inputs.keys()):
        if before.inputs.get(table) != now.inputs.get(table):
            yield f"{table} is {'another' if table in now.inputs and table in before.inputs else 'new or gone'}"
    if before.outside != now.outside and before.settings == now.settings:  # else it may follow from a setting
        yield "files outside of the workspace have changed"
    if before.code != now.code and before.settings == now.settings and before.inputs == now.inputs:
        yield "another release of the code"


def _made_with(step: Step, config: PipelineConfig, workspace: Workspace, version: int) -> MadeWith:
    chosen = with_choices(config, workspace)
    known = known_inputs(step.group, step.outside, chosen, workspace) or {"settings": {}, "outside": "", "code": ""}
    settings = dict(_flat(_shown(chosen, step), ""))
    return MadeWith(
        version=version,
        settings=settings,
        inputs=_tables(step, workspace),
        outside=hash_text(to_json(known["outside"])),
        code=known["code"],
    )


def _shown(config: PipelineConfig, step: Step) -> dict[str, Any]:
    """Returns the settings that a stage's result may depend on; one that is open as what it would be chosen here."""
    if step.group is None:
        return {}
    group = getattr(config, step.group)
    values = group.model_dump(mode="json", exclude=set(getattr(type(group), "NOT_IN_RESULTS", ())))
    for one in CHOOSABLE:
        if one.group == step.group and step.name in one.stages and one.is_open(config):
            values[one.name] = f"auto ({one.choose(config).value} here)"
    return {"dataset_version": config.dataset_version, step.group: values}


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) and value else to_json(value)


def _tables(step: Step, workspace: Workspace) -> dict[str, str]:
    """Returns the hashes of the earlier stages' files, without their quarantines."""
    found: dict[str, str] = {}
    for earlier in steps_before(step.name):
        marker = whole_marker(workspace, earlier.name)
        for name, identity in (marker["files"] if marker else {}).items():
            if name.endswith(".parquet") and name != f"{QUARANTINE}.parquet":
                found[f"{earlier.name}/{name}"] = identity["sha256"]
    return found


def _read(step: Step, workspace: Workspace) -> MadeWith | None:
    try:
        return MadeWith.model_validate(read_json(workspace.path(step.name, FILE)))
    except (FoleyGenExError, ValidationError, OSError):
        return None
