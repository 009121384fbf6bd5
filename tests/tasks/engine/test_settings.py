"""Reading settings: YAML, overrides on top, paths made absolute, and one line per mistake that names the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from data_contracts import UsageError
from tasks.engine.settings import StageConfig, load_settings, read_yaml, settings_from


class Inner(StageConfig):
    low: float = Field(0.1, ge=0, le=1)
    words: tuple[str, ...] = ()
    few: tuple[int, ...] = Field((1,), min_length=1, max_length=2)


class Outer(StageConfig):
    steps: int = Field(5, ge=1)
    file: str = "none"
    inner: Inner = Inner()

    @classmethod
    def resolve_paths(cls, values: dict[str, Any], folder: Path) -> None:
        if isinstance(values.get("file"), str):
            values["file"] = str(folder / values["file"])


def written(folder: Path, text: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(text)
    return path


def test_an_empty_file_or_none_is_the_defaults(tmp_path: Path) -> None:
    assert load_settings(Outer, None) == load_settings(Outer, written(tmp_path, "")) == Outer()


def test_overrides_win_over_the_file_and_are_yaml(tmp_path: Path) -> None:
    path = written(tmp_path, "steps: 7\ninner: {low: 0.2, words: [a]}\n")
    assert load_settings(Outer, path, ["steps=9", "inner.words=[x, y]"]).model_dump() == {
        "steps": 9,
        "file": "none",
        "inner": {"low": 0.2, "words": ("x", "y"), "few": (1,)},
    }


def test_a_path_is_relative_to_where_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    path = written(tmp_path, "file: a.csv\n")
    assert load_settings(Outer, path).file == str(tmp_path / "a.csv")
    assert load_settings(Outer, path, ["file=b.csv"]).file == str(here / "b.csv")
    assert load_settings(Outer, path, ["file=/c.csv"]).file == "/c.csv"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps", r"--set 'steps': expected name=value"),
        ("=3", r"expected name=value"),
        ("steps=0", r"^--set 'steps=0': steps: .*greater than or equal to 1, not 0"),
        ("steps=many", r"steps: .*, not 'many'"),
        ("stepz=3", r"stepz: unknown setting; did you mean steps\?"),
        ("inner.qqq=3", r"inner\.qqq: unknown setting; known: low, words, few"),
        ("inner.few=[]", r"^--set 'inner\.few=\[\]': inner\.few: needs at least 1 value$"),
        ("inner={few: [1, 2, 3]}", r"^--set 'inner=\{few: \[1, 2, 3\]\}': inner\.few: takes at most 2 values$"),
        ("steps.deep=3", r"'steps' is a value, not a group"),
        ("steps=[1", r"the value is not valid YAML"),
    ],
)
def test_a_wrong_override_is_one_line_that_names_the_field(override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        settings_from(Outer, {"steps": 5}, [override], "here")
    assert "\n" not in str(caught.value)


def test_a_mistake_is_blamed_on_the_override_that_made_it_and_else_on_the_file() -> None:
    with pytest.raises(UsageError, match=r"^config here: steps: "):
        settings_from(Outer, {"steps": 0}, ["inner.low=0.5"], "here")
    with pytest.raises(UsageError, match=r"^--set 'steps=-1': steps: "):
        settings_from(Outer, {"steps": 5}, ["steps=2", "file=x", "steps=-1"], "here")


def test_every_mistake_is_said_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        settings_from(Outer, {"steps": 0, "inner": {"low": 2.0, "hihg": 1}}, ["file=[]"], "here")
    assert [part.split(": ")[:2] for part in str(caught.value).split("; also ")] == [
        ["config here", "steps"],
        ["--set 'file=[]'", "file"],
        ["config here", "inner.low"],
        ["config here", "inner.hihg"],
    ]


def test_past_eight_mistakes_the_others_are_counted() -> None:
    with pytest.raises(UsageError) as caught:
        settings_from(Outer, {f"n{number}": 0 for number in range(10)}, [], "here")
    parts = str(caught.value).split("; also ")
    assert len(parts) == 9 and parts[-1] == "2 more mistakes"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [", "not valid YAML"),
        (b"- a\n", "must be a mapping"),
        (b"\xff\xfe", "not valid YAML"),
        (b"text", "mapping"),
    ],
)
def test_a_file_that_is_no_settings_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml does not exist"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="cannot be read: Is a directory; a YAML file is expected"):
        read_yaml(tmp_path)
