"""Settings of the language model that recaptions and paraphrases."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks.engine.quality import AcceptedShare
from tasks.engine.settings import StageConfig


class LLMConfig(StageConfig):
    """`endpoint`: OPENAI_BASE_URL and OPENAI_API_KEY. `embedded`: the fetched small model on loopback. `rules`: none.

    `auto`: an endpoint if OPENAI_BASE_URL and a model are set, else embedded if it was fetched, else rules. A workspace
    keeps what it was at its first run (choices.json). `auto` never downloads: `foleygenex fetch-llm` does.
    """

    NOT_IN_RESULTS: ClassVar[frozenset[str]] = frozenset({
        "concurrency", "threads", "timeout_s", "max_retries", "retry_wait_s", "patience_s", "breaker_wait_s",
        "breaker_probes", "when_down", "batch", "batch_poll_s", "batch_price", "max_tokens_total", "max_cost",
        "price_in", "price_out", "accept_rules", "accept_quarantined",
    })  # fmt: skip

    backend: Literal["auto", "endpoint", "embedded", "rules"] = Field("auto", description="which writer to use")
    model: str = Field("", description="model name at the endpoint; empty: OPENAI_MODEL")
    concurrency: int = Field(4, ge=1, description="most requests in flight per shard; fewer after rate limits")
    captions_per_request: int = Field(
        1, ge=1, le=16, description="captions sent together; what a request does not answer well is sent alone"
    )
    threads: int | None = Field(
        None,
        ge=1,
        description="of the embedded server; all cores by default, fewer are faster beside other work",
    )
    timeout_s: float = Field(120.0, gt=0, description="per request, from its start to the last byte of the reply")
    thinking_tokens: int | None = Field(
        None,
        ge=0,
        description="tokens for a model's thoughts; default: 4,096 once a reply is cut off before its answer",
    )
    max_retries: int = Field(5, ge=0, le=20, description="of one request, on 408, 409, 5xx, timeouts, lost connections")
    retry_wait_s: float = Field(0.5, gt=0, description="before the first retry; doubles, with jitter")
    patience_s: float = Field(600.0, gt=0, description="longest wait of one request for a rate limit (429) to end")
    breaker_wait_s: float = Field(
        20.0, gt=0, description="pause when most requests fail; doubles with each failed probe"
    )
    breaker_probes: int = Field(3, ge=0, description="failed probes after which the server counts as down")
    when_down: Literal["auto", "rules", "stop"] = Field(
        "auto",
        description="server down: labelled rules write the rest, or the stage stops; auto: stop for an endpoint",
    )
    repair_rounds: int = Field(
        1,
        ge=0,
        le=5,
        description="further prompts after a rejected caption or for missing paraphrases, before the rules",
    )
    parser: Literal["auto", "spacy", "none"] = Field(
        "auto",
        description="spacy: the validator also compares the subjects of verbs, by the dependency parse; none: it does "
        "not; auto: it does where the parser's model was fetched",
    )
    accept_rules: AcceptedShare = Field(
        0.4,
        description="largest share of captions that the rules may write in the model's place; past it the stage fails",
    )
    accept_quarantined: AcceptedShare = Field(
        0.1, description="largest share of captions that may be quarantined; past it the stage fails"
    )
    repair: Literal["auto", "feedback", "resample"] = Field(
        "auto",
        description="a further prompt says what was wrong, or the same is sampled again; auto: feedback at endpoints",
    )
    min_similarity: float = Field(
        0.65,
        ge=0,
        le=1,
        description="a model's caption whose events are less similar to the old one's is refused; 0: not measured",
    )
    batch: bool = Field(False, description="send prompts by the endpoint's Batch API: cheaper, within a day")
    batch_poll_s: float = Field(30.0, gt=0, description="seconds between queries of a submitted batch's status")
    batch_price: float = Field(0.5, ge=0, description="price of a batched token as a share of the prices below")
    max_tokens_total: int | None = Field(None, ge=1, description="tokens a workspace may spend in all, in and out")
    max_cost: float | None = Field(None, gt=0, description="money a workspace may spend in all, at the prices below")
    price_in: float = Field(0.0, ge=0, description="per million prompt tokens")
    price_out: float = Field(0.0, ge=0, description="per million completion tokens")
    max_recaptions: int | None = Field(
        None, ge=0, description="rows written by the LLM; the rest by the labelled rules"
    )
    max_paraphrased: int | None = Field(
        None, ge=0, description="captions paraphrased by the LLM; the rest by the labelled rules"
    )
    paraphrases: int = Field(3, ge=0, le=10, description="paraphrases per augmented caption (SPEC A7)")

    @model_validator(mode="after")
    def _a_limit_in_money_needs_prices(self) -> Self:
        if self.max_cost is not None and not (self.price_in or self.price_out):
            raise ValueError(
                f"max_cost is {self.max_cost:g} but price_in and price_out are 0, so nothing would count towards it: "
                "give the prices per million tokens, or limit max_tokens_total"
            )
        return self

    def cost(self, tokens_in: float, tokens_out: float) -> float:
        """Returns the price of tokens, in the currency of `price_in` and `price_out`."""
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6

    def is_batched(self, kind: str) -> bool:
        """Whether prompts go to a backend of this kind by its Batch API."""
        return self.batch and kind == "endpoint"
