"""Which settings `auto` stands for a choice that results depend on, and a config with the choices of its workspace.

`device: auto` is none of them: it says how fast, not what, and no key has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from tasks.config import PipelineConfig
from tasks.engine.choices import Choice, keep, read_choices, with_choice
from tasks.engine.workspace import Workspace

_PARSER_SAYS: Final = {True: "the caption parser's model is here", False: "the caption parser's model is not here"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosable:
    """A setting that may be left open, by the value `open`, and how it is chosen for the stages that need it."""

    group: str
    name: str
    stages: tuple[str, ...]
    choose: Callable[[PipelineConfig], Choice]
    open: str = "auto"

    @property
    def setting(self) -> str:
        """The setting as `--set` names it."""
        return f"{self.group}.{self.name}"

    def is_open(self, config: PipelineConfig) -> bool:
        """Whether a config leaves it open and it matters: only an endpoint's model has a name, rules need no parser."""
        group = getattr(config, self.group)
        value = getattr(group, self.name)
        if isinstance(value, tuple):
            return not value or self.open in [name.strip() for text in value for name in text.split(",")]
        matters = {"llm.model": ("endpoint",), "llm.parser": ("auto", "endpoint", "embedded")}.get(self.setting)
        return bool(value == self.open) and (matters is None or group.backend in matters)


def _parser(otherwise: str) -> Callable[[PipelineConfig], Choice]:
    def choose(config: PipelineConfig) -> Choice:  # noqa: ARG001
        from tasks.language.parse import has_parser

        there = has_parser()
        return Choice(value="spacy" if there else otherwise, reason=_PARSER_SAYS[there])

    return choose


def _writer(config: PipelineConfig) -> Choice:
    from tasks.llm.backend import automatic

    found = automatic(config.llm)
    return Choice(value=found.kind, reason=found.reason)


def _model(config: PipelineConfig) -> Choice:
    from tasks.llm.backend import choose_backend

    return Choice(value=choose_backend(config.llm).model, reason="OPENAI_MODEL")


def _judges(config: PipelineConfig) -> Choice:
    from tasks.evaluate.columns import NONE
    from tasks.evaluate.judging import choose_judges, judges_here

    choice = judges_here(config.evaluate.judges)
    absent = choice.why_not.keys() - choose_judges(config.evaluate.judges).why_not.keys()
    reason = f"their weights are here; absent: {', '.join(sorted(absent))}" if absent else "their weights are here"
    return Choice(value=",".join(choice.asked) or NONE, reason=reason)


_CAPTIONS: Final = ("recaption", "paraphrase")
_SCORES: Final = ("generate", "judge", "score", "evaluate")  # all of the settings `evaluate`, whose inputs have them
CHOOSABLE: Final = (
    Choosable(group="mine", name="parser", stages=("mine",), choose=_parser("rules")),
    Choosable(group="llm", name="backend", stages=_CAPTIONS, choose=_writer),
    Choosable(group="llm", name="model", stages=_CAPTIONS, choose=_model, open=""),  # of what `backend` is by then
    Choosable(group="llm", name="parser", stages=_CAPTIONS, choose=_parser("none")),
    Choosable(group="evaluate", name="judges", stages=_SCORES, choose=_judges),
)


def with_choices(config: PipelineConfig, workspace: Workspace) -> PipelineConfig:
    """Returns a config with what its workspace has chosen for the settings that it leaves open; chooses nothing."""
    known = read_choices(workspace)
    for one in CHOOSABLE:
        if one.setting in known and one.is_open(config):
            config = _with(config, one, known[one.setting].value)
    return config


def choose(stage: str, config: PipelineConfig, workspace: Workspace) -> PipelineConfig:
    """Returns a config as `with_choices` does; chooses and stores what a stage needs and the workspace has not chosen.

    Raises UsageError when a model has to be chosen and none is named.
    """
    config = with_choices(config, workspace)
    for one in CHOOSABLE:
        if stage in one.stages and one.is_open(config):
            config = _with(config, one, keep(workspace, one.setting, partial(one.choose, config)))
    return config


def _with(config: PipelineConfig, one: Choosable, value: str) -> PipelineConfig:
    group = with_choice(getattr(config, one.group), one.group, one.name, value)
    return config.model_copy(update={one.group: group})
