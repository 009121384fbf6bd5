"""The page of all settings: up to date, complete, each with its values and its meaning."""

from __future__ import annotations

import re

import pytest

from tasks.commands.settings_list import _rows, _values, page
from tasks.commands.train_codec.config import CodecTrainConfig
from tasks.commands.train_judge.config import JudgeTrainConfig
from tasks.config import PipelineConfig
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "settings.md").read_text("utf-8")


def test_the_shipped_page_is_up_to_date() -> None:
    assert page() == PAGE, "run `python -m tasks.commands.settings_list > docs/settings.md`"


def test_every_setting_has_a_line_and_a_meaning() -> None:
    names = [name for model in (PipelineConfig, CodecTrainConfig, JudgeTrainConfig) for name, _ in _rows(model)]
    listed = re.findall(r"^\| `([a-z_.0-9]+)` \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(names) and len(names) > 150
    assert not re.findall(r"^.*\|  \|$", PAGE, re.MULTILINE), "settings without a description"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("train.steps", "| `450` | `330000` | whole number >= 1 |"),
        ("train.milestones", "| `[0.8, 0.9]` | `[0.727272727, 0.818181818]` | list of number |"),
        ("train.lr", "| `0.0015` | `0.0001` | number > 0 |"),
        ("train.compile", "|  |  | true or false or nothing |"),
        ("runner", "| `threads` |  | threads, processes, serial, dask |"),
        ("train.masks.span_low", "| `0.5` | `0.7` | number > 0 and <= 1 |"),
        ("train.augmented", "| `true` |  | true or false |"),
        ("claims.seeds", "| `[1, 2, 3]` |  | list of whole number |"),
        ("log_every", "| `50` | whole number >= 1 |"),
    ],
)
def test_default_paper_and_values_are_written_as_they_are_set(name: str, line: str) -> None:
    assert f"| `{name}` {line} " in PAGE


def test_choices_of_a_text_are_its_values() -> None:
    fields = dict(_rows(PipelineConfig))
    assert _values(fields["train.preset"]).startswith("tiny, small") and _values(fields["llm.model"]) == "text"


def test_defaults_can_be_given_back() -> None:
    """A default as the page writes it is that default as an override."""
    names = dict(re.findall(r"^\| `([a-z_.0-9]+)` \| `([^`]*)` \| .* \| .* \| .* \|$", PAGE, re.MULTILINE))
    default = PipelineConfig()
    known = [f"{name}={value}" for name, value in names.items() if name in dict(_rows(PipelineConfig))]
    assert len(known) > 100 and PipelineConfig.load(None, known) == default
