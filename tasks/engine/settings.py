"""Settings: the base class of every config, and how they are read from YAML with `a.b=c` overrides on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_contracts import UsageError
from data_contracts.quantities import counted

Device = Annotated[
    str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto (a GPU where there is one), cpu, cuda or cuda:1")
]
"""The setting of every stage and command that computes with torch; `model.devices.choose_device` resolves it."""


_MOST_SAID: Final = 8
"""Mistakes in one line; more are counted."""
_LENGTHS: Final = {"too_short": "needs at least {}", "too_long": "takes at most {}"}
"""Pydantic's type of a problem -> what is said of a list; pydantic's own text names Python's types."""


class StageConfig(BaseModel):
    """Settings of a stage. Fields have a range and a description; a wrong or unknown one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def resolve_paths(cls, values: dict[str, Any], folder: Path) -> None:
        """Makes paths in unvalidated values absolute, relative ones from `folder` on. Does nothing by default."""


ConfigT = TypeVar("ConfigT", bound=StageConfig)


def load_settings(kind: type[ConfigT], path: Path | None, overrides: Sequence[str] = ()) -> ConfigT:
    """Returns settings from a YAML file, or the defaults, with `a.b=c` overrides on top.

    Paths in the file are relative to it, paths in overrides to the current folder. Raises UsageError with the field and
    what was expected.
    """
    values = read_yaml(path) if path else {}
    if path:
        kind.resolve_paths(values, path.resolve().parent)
    return settings_from(kind, values, overrides, str(path or "overrides"))


def settings_from(kind: type[ConfigT], values: dict[str, Any], overrides: Sequence[str], where: str) -> ConfigT:
    """Returns settings from values with overrides on top. Raises UsageError naming each wrong field, and the override
    or `where`."""
    for override in overrides:
        _apply(values, override)
    kind.resolve_paths(values, Path.cwd())
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        found = [_problem(kind, problem, overrides, where) for problem in error.errors()]
        more = [counted(len(found) - _MOST_SAID, "more mistake")] if len(found) > _MOST_SAID else []
        raise UsageError("; also ".join([*found[:_MOST_SAID], *more])) from error


def read_yaml(path: Path) -> dict[str, Any]:
    """Returns the values of a YAML file. Raises UsageError when it cannot be read or is no mapping."""
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"config {path} does not exist") from error
    except OSError as error:
        raise UsageError(f"config {path} cannot be read: {error.strerror}; a YAML file is expected") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"config {path} is not valid YAML: {error}".replace("\n", " ")) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"config {path} must be a mapping of stage names to settings")
    return values


def _problem(kind: type[BaseModel], problem: Mapping[str, Any], overrides: Sequence[str], where: str) -> str:
    """Returns where a wrong setting was given, its name, and what was expected."""
    place = problem["loc"]
    field = ".".join(str(part) for part in place) or "config"
    message = _unknown(kind, place) if problem["type"] == "extra_forbidden" else _plain(problem)
    return f"{_where(place, overrides) or f'config {where}'}: {field}: {message}"


def _where(location: Sequence[int | str], overrides: Sequence[str]) -> str:
    """Returns the last override that has set a field, as `--set '...'`; empty where none has."""
    for override in reversed(overrides):
        name = override.partition("=")[0].split(".")
        if location and all(part == str(place) for part, place in zip(name, location, strict=False)):
            return f"--set {override!r}"
    return ""


def _plain(problem: Mapping[str, Any]) -> str:
    """Returns what was expected, and what was given where that is one short value."""
    if problem["type"] in _LENGTHS:
        limits = problem["ctx"]
        return _LENGTHS[problem["type"]].format(counted(limits.get("min_length", limits.get("max_length")), "value"))
    given = problem.get("input")
    shown = isinstance(given, str | int | float) and len(str(given)) <= 40
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{message}, not {given!r}" if shown and str(given) not in message else message


def _unknown(kind: type[BaseModel], location: Sequence[int | str]) -> str:
    """Returns which setting a misspelt one may have been, or which there are."""
    model: Any = kind
    for part in location[:-1]:
        field = model.model_fields.get(part) if isinstance(part, str) and _is_model(model) else None
        model = field.annotation if field is not None else None
    if not _is_model(model):
        return "unknown setting"
    near = get_close_matches(str(location[-1]), model.model_fields, n=1)
    return (
        f"unknown setting; did you mean {near[0]}?"
        if near
        else f"unknown setting; known: {', '.join(model.model_fields)}"
    )


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _apply(values: dict[str, Any], override: str) -> None:
    name, separator, text = override.partition("=")
    if not separator or not name:
        raise UsageError(f"--set {override!r}: expected name=value, e.g. train.steps=100")
    *parents, leaf = name.split(".")
    node = values
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise UsageError(f"--set {override!r}: {parent!r} is a value, not a group")
    try:
        node[leaf] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"--set {override!r}: the value is not valid YAML") from error
