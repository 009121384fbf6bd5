"""Settings of the language model that recaptions and paraphrases."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.settings import StageConfig


class LLMConfig(StageConfig):
    """`endpoint`: OPENAI_BASE_URL and OPENAI_API_KEY. `embedded`: the fetched small model on loopback. `rules`: none.

    `auto`: an endpoint if OPENAI_BASE_URL and a model are set, else embedded if it was fetched, else rules, and says
    which. `auto` never downloads: the fetch is a step of its own (`tasks.llm.fetch`).
    """

    backend: Literal["auto", "endpoint", "embedded", "rules"] = Field("auto", description="which writer to use")
    model: str = Field("", description="model name at the endpoint; empty: OPENAI_MODEL")
    concurrency: int = Field(4, ge=1, description="requests in flight")
    timeout_s: float = Field(120.0, gt=0, description="per request")
    max_retries: int = Field(5, ge=0, le=20, description="of one request, on 408, 409, 429, 5xx and lost connections")
    max_tokens_total: int | None = Field(None, ge=1, description="tokens a workspace may spend in all, in and out")
    max_cost: float | None = Field(None, gt=0, description="money a workspace may spend in all, at the prices below")
    price_in: float = Field(0.0, ge=0, description="per million prompt tokens")
    price_out: float = Field(0.0, ge=0, description="per million answer tokens")
    max_recaptions: int | None = Field(
        None, ge=0, description="rows written by the LLM; the rest by the labelled rules"
    )
    max_paraphrased: int | None = Field(
        None, ge=0, description="captions paraphrased by the LLM; the rest by the labelled rules"
    )
    paraphrases: int = Field(3, ge=0, le=10, description="paraphrases per augmented caption (SPEC A7)")
