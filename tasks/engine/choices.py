"""What a setting `auto` was at a workspace's first run, `W/choices.json`: later runs keep it, whoever starts them.

Another environment or machine would choose otherwise, and finished stages would not be finished any more. A setting
that is given (`--set`) is no choice: it counts as it is given.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from data_contracts import UsageError
from tasks.engine.settings import ConfigT
from tasks.engine.workspace import Workspace, read_json, write_json

log = logging.getLogger(__name__)

FILE: Final = "choices.json"
_MEND: Final = (
    'correct it (each entry is "SETTING": {"value": "...", "reason": "..."}), or remove it: then the next run chooses '
    "anew, and what was made with other choices is made again"
)


class Choice(BaseModel):
    """A setting's value and why it was chosen."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    value: Annotated[str, Field(min_length=1)]
    reason: str


class _Choices(RootModel[dict[str, Choice]]):
    model_config = ConfigDict(strict=True)


def read_choices(workspace: Workspace) -> dict[str, Choice]:
    """Returns setting -> choice, empty before the first run. Raises UsageError for a file that cannot be used."""
    path = workspace.path(FILE)
    if not path.exists():
        return {}
    try:
        return _Choices.model_validate(read_json(path, _MEND)).root
    except ValidationError as error:
        first = error.errors()[0]
        where = f" at {'.'.join(map(str, first['loc']))}" if first["loc"] else ""
        raise UsageError(f"{path} is damaged{where} ({first['msg']}); {_MEND}") from error


def with_choice(settings: ConfigT, group: str, name: str, value: str) -> ConfigT:
    """Returns the settings of a group with a chosen value. Raises UsageError for a value that the setting cannot have,
    as somebody may have written into the file."""
    try:
        return type(settings).model_validate({**settings.model_dump(), name: value})
    except ValidationError as error:
        raise UsageError(
            f"{FILE} of the workspace: {group}.{name} cannot be {value!r}; correct it there, or remove its entry"
        ) from error


def choices_text(workspace: Workspace) -> str:
    """Returns e.g. `chosen: llm.backend=endpoint, mine.parser=rules (choices.json)`; empty before the first choice."""
    known = read_choices(workspace)
    values = ", ".join(f"{setting}={choice.value}" for setting, choice in sorted(known.items()))
    return f"chosen: {values} ({FILE})" if values else ""


def keep(workspace: Workspace, setting: str, choose: Callable[[], Choice]) -> str:
    """Returns the value that the workspace has for a setting; at its first run chooses, stores and logs it.

    Call it while no other run can change the workspace.
    """
    known = read_choices(workspace)
    if setting in known:
        return known[setting].value
    choice = choose()
    values = {name: one.model_dump() for name, one in {**known, setting: choice}.items()}
    write_json(workspace.path(FILE), values)
    log.info("%s is %s from now on in this workspace (%s)", setting, choice.value, choice.reason)
    return choice.value
