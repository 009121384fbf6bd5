"""Settings of the language model that recaptions and paraphrases."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.settings import StageConfig


class LLMConfig(StageConfig):
    """`endpoint`: OPENAI_BASE_URL and OPENAI_API_KEY. `embedded`: the fetched small model on loopback. `rules`: none.

    `auto`: an endpoint if OPENAI_BASE_URL is set, else embedded if fetched or fetchable, else rules, and says which.
    """

    backend: Literal["auto", "endpoint", "embedded", "rules"] = Field("auto", description="which writer to use")
    model: str = Field("", description="model name at the endpoint")
    concurrency: int = Field(4, ge=1, description="requests in flight")
    timeout_s: float = Field(120.0, gt=0, description="per request")
    max_recaptions: int | None = Field(None, description="rows written by the LLM; the rest by the labelled rules")
    max_paraphrased: int | None = Field(
        None, description="captions paraphrased by the LLM; the rest by the labelled rules"
    )
    paraphrases: int = Field(3, ge=0, le=10, description="paraphrases per augmented caption (SPEC A7)")
