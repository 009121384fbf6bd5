"""Which writer is chosen and why: without a request to a server, and always logged."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from data_contracts import UsageError, WeightsError
from model.weights.catalogue import COMPONENTS, EMBEDDED_LLM
from model.weights.locate import location
from tasks.llm.backend import choose_backend, identity_of
from tasks.llm.config import LLMConfig


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No endpoint, no fetched model."""
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def fetched() -> None:
    file = COMPONENTS[EMBEDDED_LLM].files[0]
    location(file).parent.mkdir(parents=True)
    with location(file).open("wb") as weights:
        weights.truncate(file.size_bytes)


def test_auto_without_anything_is_rules_and_says_how_to_get_more() -> None:
    backend = choose_backend(LLMConfig())
    assert backend.kind == "rules"
    assert COMPONENTS[EMBEDDED_LLM].fetch_command in backend.reason


def test_auto_takes_the_endpoint_first(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched()
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    backend = choose_backend(LLMConfig(model="big"))
    assert (backend.kind, backend.model, backend.base_url) == ("endpoint", "big", "http://127.0.0.1:9/v1")


def test_auto_with_an_address_but_no_model_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    backend = choose_backend(LLMConfig())
    assert backend.kind == "rules"
    assert "OPENAI_MODEL" in backend.reason


@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="the embedded runtime is not installed")
def test_auto_takes_the_fetched_model() -> None:
    fetched()
    backend = choose_backend(LLMConfig())
    assert backend.kind == "embedded"
    assert COMPONENTS[EMBEDDED_LLM].files[0].sha256[:12] in backend.model


def test_auto_says_that_the_runtime_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    backend = choose_backend(LLMConfig())
    assert backend.kind == "rules"
    assert "runtime" in backend.reason
    with pytest.raises(UsageError, match="runtime"):
        choose_backend(LLMConfig(backend="embedded"))


def test_what_was_asked_for_is_never_replaced_by_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match=COMPONENTS[EMBEDDED_LLM].fetch_command):
        choose_backend(LLMConfig(backend="embedded"))
    with pytest.raises(UsageError, match="OPENAI_BASE_URL"):
        choose_backend(LLMConfig(backend="endpoint"))
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with pytest.raises(UsageError, match="model"):
        choose_backend(LLMConfig(backend="endpoint"))
    assert choose_backend(LLMConfig(backend="rules")).kind == "rules"


def test_the_identity_holds_the_model_and_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_MODEL", "big")
    assert identity_of(LLMConfig()) == {"backend": "endpoint", "model": "big"}


def test_the_identity_of_a_named_writer_needs_nothing_of_it_here() -> None:
    assert identity_of(LLMConfig(backend="endpoint", model="big")) == {"backend": "endpoint", "model": "big"}
    assert identity_of(LLMConfig(backend="embedded"))["model"].startswith(EMBEDDED_LLM)
    assert identity_of(LLMConfig()) == identity_of(LLMConfig(backend="rules"))
