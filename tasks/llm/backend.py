"""Which writer is used: an endpoint, the embedded model, or the rules. Chosen without a request to any server.

The choice and its reason are logged. Source: SPEC A6, A7.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from data_contracts import UsageError, WeightsError
from model.weights.catalogue import COMPONENTS, EMBEDDED_LLM
from model.weights.locate import available, located, require
from tasks.llm.config import LLMConfig
from tasks.llm.embedded import SLOTS, embedded_server

log = logging.getLogger(__name__)

RULES_NAME: Final = "rules-4"
_OR_RULES: Final = "have the rules write all captions with --set llm.backend=rules"
_DEFAULT_URL: Final = "https://api.openai.com/v1"  # the address that `openai` uses when only a key is set


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The chosen writer, and the reason for the log."""

    kind: Literal["endpoint", "embedded", "rules"]
    model: str
    reason: str
    base_url: str = ""
    threads: int | None = None  # of the embedded server; None: every core

    def slots(self, wanted: int) -> int:
        """Returns how many requests may be in flight: `wanted`, or the slots of the embedded server."""
        return min(wanted, SLOTS) if self.kind == "embedded" else wanted

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Yields the base URL; starts and stops the embedded server. Raises WeightsError when it does not start."""
        if self.kind == "embedded":
            with embedded_server(require(EMBEDDED_LLM)[0], threads=self.threads) as url:
                yield url
        else:
            yield self.base_url


def choose_backend(config: LLMConfig) -> Backend:
    """Returns the writer for a config. Cheap: reads environment variables and one file's size.

    Raises UsageError when `endpoint` lacks an address or a model, WeightsError when `embedded` was not fetched.
    """
    if config.backend == "rules":
        return Backend(kind="rules", model=RULES_NAME, reason="llm.backend is rules")
    if config.backend == "endpoint":
        return _endpoint(config)
    if config.backend == "embedded":
        _require_fetched()
        if missing := _runtime_missing():
            raise UsageError(f"llm.backend=embedded: {missing}, or {_OR_RULES}")
        return _embedded("llm.backend is embedded", config.threads)
    return automatic(config)


def kind_of(config: LLMConfig) -> str:
    """Returns the kind of writer that a config leads to here, without a check that a named one is available."""
    return automatic(config).kind if config.backend == "auto" else config.backend


def model_of(config: LLMConfig, kind: str) -> str:
    """Returns the model's name in the cache for a kind of writer, without a check that it is available."""
    if kind == "embedded":
        return _embedded("").model
    return RULES_NAME if kind == "rules" else _model(config)


def identity_of(config: LLMConfig) -> dict[str, str]:
    """Returns what results depend on, for a stage's settings: kind and model, whether or not that is available here."""
    kind = kind_of(config)
    return {"backend": kind, "model": model_of(config, kind)}


def log_choice(stage: str, backend: Backend) -> None:
    """Logs which writer a stage uses and why."""
    log.info("%s: written by %s (%s): %s", stage, backend.kind, backend.model, backend.reason)


def automatic(config: LLMConfig) -> Backend:
    """Returns what `auto` is on this machine, in this environment."""
    notes = []
    if os.environ.get("OPENAI_BASE_URL"):
        if _model(config):
            return _endpoint(config)
        notes.append("OPENAI_BASE_URL is set but neither llm.model nor OPENAI_MODEL names a model")
    else:
        notes.append("OPENAI_BASE_URL is not set")
    if not available(EMBEDDED_LLM):
        notes.append(f"the embedded model is not fetched (`{COMPONENTS[EMBEDDED_LLM].fetch_command}`)")
    elif missing := _runtime_missing():
        notes.append(missing)
    else:
        return _embedded("; ".join([*notes, "the embedded model is fetched"]), config.threads)
    return Backend(kind="rules", model=RULES_NAME, reason="; ".join(notes))


def _endpoint(config: LLMConfig) -> Backend:
    url = os.environ.get("OPENAI_BASE_URL") or (_DEFAULT_URL if os.environ.get("OPENAI_API_KEY") else "")
    if not url:
        raise UsageError(
            "llm.backend=endpoint (set, or kept from this workspace's first run): OPENAI_BASE_URL is not set; set it "
            f"(and OPENAI_API_KEY if the server wants one), or {_OR_RULES}"
        )
    if not _model(config):
        raise UsageError(
            "llm.backend=endpoint: no model is named; give its name at the endpoint by --set llm.model=NAME or "
            f"OPENAI_MODEL, or {_OR_RULES}"
        )
    return Backend(kind="endpoint", model=_model(config), reason="an endpoint is set", base_url=url)


def _require_fetched() -> None:
    try:
        located(EMBEDDED_LLM)
    except WeightsError as error:
        raise WeightsError(f"llm.backend=embedded: {error}, or {_OR_RULES}") from error


def _embedded(reason: str, threads: int | None = None) -> Backend:
    model = f"{EMBEDDED_LLM}@{str(COMPONENTS[EMBEDDED_LLM].files[0].sha256)[:12]}"
    return Backend(kind="embedded", model=model, reason=reason, threads=threads)


def _model(config: LLMConfig) -> str:
    return config.model or os.environ.get("OPENAI_MODEL", "")


def _runtime_missing() -> str:
    found = importlib.util.find_spec("xllamacpp") is not None
    return "" if found else "the runtime is not installed (`pip install foleygenex[llm]`)"
