"""What a demo fetches before it starts: what its settings would use, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import WeightsError
from flows import weights
from flows.weights import ensure_with_bar, prepare_captions
from model.weights.catalogue import CAPTION_PARSER, EMBEDDED_LLM
from model.weights.locate import location
from tasks.config import PipelineConfig
from tests.model.weights.builders import catalogued, component, hub_file, put
from tests.model.weights.conftest import cache

__all__ = ["cache"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The components that were fetched; each fetch succeeds."""
    names: list[str] = []
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(weights, "ensure", lambda name, on_progress: names.append(name) or [Path("w")])
    return names


def config(parser: str = "auto", backend: str = "auto") -> PipelineConfig:
    return PipelineConfig.model_validate({"mine": {"parser": parser}, "llm": {"backend": backend}})


@pytest.mark.parametrize(
    ("parser", "backend", "expected"),
    [
        ("auto", "auto", [CAPTION_PARSER, EMBEDDED_LLM]),
        ("spacy", "embedded", [CAPTION_PARSER, EMBEDDED_LLM]),
        ("rules", "auto", [EMBEDDED_LLM]),
        ("auto", "rules", [CAPTION_PARSER]),
        ("rules", "endpoint", []),
    ],
)
def test_what_the_settings_would_use_is_fetched(
    parser: str, backend: str, expected: list[str], asked: list[str]
) -> None:
    prepare_captions(config(parser, backend))
    assert asked == expected


def test_with_an_endpoint_no_language_model_is_fetched_unless_it_is_insisted_on(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    prepare_captions(config("rules", "auto"))
    assert asked == []
    prepare_captions(config("rules", "embedded"))
    assert asked == [EMBEDDED_LLM]


def test_what_is_there_is_not_fetched_again(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    made = component(hub_file(folder="parser/p"), name=CAPTION_PARSER)
    with catalogued(monkeypatch, made):
        put(made.files[0])
        prepare_captions(config("spacy", "rules"))
    assert asked == []


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be fetched."""

    def fail(name: str, on_progress: object) -> list[Path]:
        raise WeightsError(f"{name} cannot be fetched: no network")

    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(weights, "ensure", fail)


@pytest.mark.usefixtures("failing")
def test_with_auto_a_failure_is_said_and_the_rules_do_it(capsys: pytest.CaptureFixture[str]) -> None:
    prepare_captions(config())
    error = capsys.readouterr().err
    assert error.count("no network") == 2
    assert "caption parser: labelled rules are used" in error and "language model: labelled rules are used" in error


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize(("parser", "backend"), [("spacy", "rules"), ("rules", "embedded")])
def test_what_was_insisted_on_ends_the_command(parser: str, backend: str) -> None:
    with pytest.raises(WeightsError, match="no network"):
        prepare_captions(config(parser, backend))


def test_the_first_file_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [hub_file("b"), hub_file("a")]
    with catalogued(monkeypatch, component(*files)):
        for file in files:
            put(file)
        assert ensure_with_bar("thing") == location(files[0])
