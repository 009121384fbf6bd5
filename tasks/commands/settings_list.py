"""All settings as a page, read from their models: `python -m tasks.commands.settings_list > docs/settings.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tasks.commands.train_codec.config import CodecTrainConfig
from tasks.commands.train_judge.config import JudgeTrainConfig
from tasks.config import PipelineConfig, shipped_config
from tasks.engine.settings import read_yaml

COMMAND: Final = "python -m tasks.commands.settings_list > docs/settings.md"
_HEAD: Final = f"""# All settings

Made by `{COMMAND}` from the settings' own models.

`--set NAME=VALUE` changes one for a command, a YAML file several (a group is a mapping: `train: {{steps: 1000}}`). A
wrong name or value is refused before anything runs. *Paper* is the value in `tasks/configs/paper.yaml`,
where that differs.
"""
_PIPELINE: Final = "\n## The pipeline: `run`, `plan`, `doctor`, `demo`\n"
_CODEC: Final = "\n## Training a codec: `foleygenex run train-codec`\n"
_JUDGE: Final = "\n## Training the embedded judge: `foleygenex run train-judge`\n"
_SAMPLING: Final = """
## Sampling: `generate --set`
The settings of `evaluate.sampling`, without that prefix: `foleygenex generate edit ... --set edit_noise=0.8`.
"""
_TYPES: Final[Mapping[Any, str]] = {int: "whole number", float: "number", str: "text", bool: "true or false"}
_LIMITS: Final = ((Gt, "gt", "> "), (Ge, "ge", ">= "), (Lt, "lt", "< "), (Le, "le", "<= "))
Row = tuple[str, FieldInfo]


def page() -> str:
    """Returns the page."""
    paper = read_yaml(shipped_config("paper.yaml"))
    parts = [_HEAD, _PIPELINE]
    for title, rows in _groups(PipelineConfig):
        parts += [f"\n### `{title}`\n" if title else "", *_table(rows, paper)]
    parts += [_CODEC, *_table(_rows(CodecTrainConfig), None)]
    parts += [_JUDGE, *_table(_rows(JudgeTrainConfig), None), _SAMPLING]
    return "".join(parts)


def _groups(model: type[BaseModel]) -> Iterator[tuple[str, list[Row]]]:
    """Yields the settings that are in no group, then those of each group."""
    fields = model.model_fields
    yield "", [(name, field) for name, field in fields.items() if _model_of(field.annotation) is None]
    for name, field in fields.items():
        if (group := _model_of(field.annotation)) is not None:
            yield name, list(_rows(group, f"{name}."))


def _rows(model: type[BaseModel], before: str = "") -> list[Row]:
    """Returns all settings of a model by their full names, those of nested groups in their place."""
    rows: list[Row] = []
    for name, field in model.model_fields.items():
        inner = _model_of(field.annotation)
        rows += [(f"{before}{name}", field)] if inner is None else _rows(inner, f"{before}{name}.")
    return rows


def _model_of(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _table(rows: list[Row], paper: Mapping[str, Any] | None) -> Iterator[str]:
    head = ["setting", "default", *(() if paper is None else ("paper",)), "values", "meaning"]
    yield _line(head)
    yield _line(["---"] * len(head))
    for name, field in rows:
        default = _value(field.default)
        papers = [] if paper is None else [_paper_value(paper, name, default)]
        yield _line([f"`{name}`", _code(default), *map(_code, papers), _values(field), field.description or ""])


def _paper_value(paper: Mapping[str, Any], name: str, default: str) -> str:
    """Returns the paper's value; empty where the config does not set it, or to the default."""
    node: Any = paper
    for part in name.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return ""
        node = node[part]
    value = _value(node)
    return "" if value == default else value


def _value(value: Any) -> str:
    """Returns a value as it is written after `--set NAME=`; empty for no value."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        return value if yaml.safe_load(value) == value else f"'{value}'"
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


def _values(field: FieldInfo) -> str:
    """Returns which values a setting takes, e.g. `whole number >= 1`."""
    limits = [
        f"{sign}{getattr(one, name):g}"
        for one in field.metadata
        for kind, name, sign in _LIMITS
        if isinstance(one, kind)
    ]
    extra = field.json_schema_extra
    choices = extra.get("enum") if isinstance(extra, dict) else None
    kind = ", ".join(map(str, choices)) if isinstance(choices, list) else _type(field.annotation)
    return " ".join([kind, " and ".join(limits)]).strip()


def _type(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " or ".join("nothing" if one is NoneType else _type(one) for one in inner)
    if origin is Annotated:
        return _type(inner[0])
    if origin in (tuple, list):
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return "mapping"
    if _model_of(annotation) is not None:
        return "group"
    return _TYPES.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _line(cells: Iterable[str]) -> str:
    escaped = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
