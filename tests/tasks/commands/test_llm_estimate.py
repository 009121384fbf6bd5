"""`plan` counts from the real prompts and subtracts what the cache has. SPEC A6, A7."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import Augmented, write_table
from model.weights.catalogue import EMBEDDED_LLM
from model.weights.locate import available
from tasks.commands import llm_estimate
from tasks.commands.llm_estimate import Calls, estimate_calls
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.llm.cache import COMPLETIONS, CompletionCache
from tasks.llm.cache_only import CacheOnlyClient, NotCachedError, run_without_loop
from tasks.llm.completion import Completion
from tasks.llm.config import LLMConfig
from tasks.llm.prompt import CHARS_PER_TOKEN
from tasks.paraphrase.stage import ParaphraseStage
from tasks.recaption.stage import RecaptionStage
from tasks.recaption.writer import Repair, by_model
from tests.tasks.language.captions import GRID
from tests.tasks.llm.fake_server import fake_server
from tests.tasks.llm.harness import config
from tests.tasks.recaption.test_stage import ROWS, caption_of, good

PAIRS = [(caption_of(row), row.level) for row in ROWS[:-1]]


def test_nothing_cached_is_a_call_each_with_the_tokens_of_its_prompt(tmp_path: Path) -> None:
    found = estimate_calls(PAIRS, "m", config(), tmp_path / "none.jsonl")
    assert (found.recaption.number, found.paraphrase.number, found.total.cached) == (12, 12, 0)
    shots = RecaptionStage(LLMConfig(backend="rules")).templates["fast"]
    least = 12 * sum(len(message["content"]) for message in shots) / CHARS_PER_TOKEN
    assert found.total.tokens_in > least
    assert found.total.tokens_out > 12 * 5
    assert not (tmp_path / "none.jsonl").exists()


def test_answered_rows_are_subtracted_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path / "w")
    write_table(workspace.table("augment", "augmented"), Augmented, ROWS[:5])
    answers = workspace.path(*COMPLETIONS)
    with fake_server(good) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        run_stage(RecaptionStage(config()), workspace)
    found = estimate_calls(PAIRS, "m", config(), answers)
    assert (found.recaption.number, found.paraphrase.number, found.total.cached) == (7, 12, 5)
    stage, cache = ParaphraseStage(config()), CompletionCache(answers, "a run")
    empty = Completion(text='{"paraphrases": [], "key_tokens": []}', cut_off=False, tokens_in=1, tokens_out=1)
    while missing := list(stage.missing(stage.items(workspace), cache)):
        for key, _ in missing:
            cache.put(key, empty)
    found = estimate_calls(PAIRS, "m", config(), answers)
    assert (found.recaption.number, found.paraphrase.number, found.total.cached) == (7, 7, 10)
    other = estimate_calls(PAIRS, "another model", config(), answers)
    assert (other.recaption.number, other.total.cached) == (12, 0)
    run_stage(stage, workspace)  # the rules write all paraphrases: such answers are asked for again
    again = estimate_calls(PAIRS, "m", config(), answers)
    assert (again.recaption.number, again.paraphrase.number, again.total.cached) == (7, 12, 5)


def test_caps_limit_the_calls(tmp_path: Path) -> None:
    capped = estimate_calls(PAIRS, "m", config(max_recaptions=3, max_paraphrased=0), tmp_path / "none.jsonl")
    assert (capped.recaption.number, capped.paraphrase.number) == (3, 0)
    none = estimate_calls(PAIRS, "m", config(max_recaptions=0, paraphrases=0), tmp_path / "none.jsonl")
    assert none.total == Calls()
    assert estimate_calls([], "m", config(), tmp_path / "none.jsonl").total == Calls()


def test_of_many_rows_an_even_sample_is_scaled_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second half of the rows has longer captions than the first; both count."""
    monkeypatch.setattr(llm_estimate, "SAMPLED", 10)
    many = [PAIRS[0]] * 500 + [PAIRS[1]] * 500
    found = estimate_calls(many, "m", config(paraphrases=0), tmp_path / "none.jsonl")
    assert (found.recaption.number, found.paraphrase.number) == (1000, 0)
    each = [estimate_calls([pair], "m", config(paraphrases=0), tmp_path / "none.jsonl").total for pair in PAIRS[:2]]
    assert found.total.tokens_in == 500 * sum(calls.tokens_in for calls in each)
    assert found.total.tokens_out == 500 * sum(calls.tokens_out for calls in each)


def test_what_earlier_runs_paid_for_without_an_answer_is_a_call_again(tmp_path: Path) -> None:
    """As the next run will do, whose cache does not give it either."""
    path = tmp_path / "answers.jsonl"
    stage, row = RecaptionStage(config(backend="rules")), PAIRS[0]
    client = CacheOnlyClient("m", CompletionCache(path, "an earlier run"))
    with pytest.raises(NotCachedError) as caught:
        run_without_loop(lambda: by_model(*row, client, stage.templates, stage.repair))
    garbage = Completion(text="Sure!", cut_off=False, tokens_in=1, tokens_out=1)
    client.cache.put(caught.value.key, garbage)
    assert estimate_calls([row], "m", config(paraphrases=0), path).recaption.number == 1


@pytest.mark.llm
@pytest.mark.slow
def test_the_token_rule_agrees_with_the_embedded_models_tokenizer(tmp_path: Path) -> None:
    """One answer per stage is enough: the server says how many prompt tokens it read."""
    import asyncio

    from tasks.llm.backend import choose_backend
    from tasks.llm.client import OpenAIClient

    pytest.importorskip("xllamacpp", reason="the embedded runtime is not installed")
    if not available(EMBEDDED_LLM):
        pytest.skip("the embedded model is not fetched: foleygenex fetch-llm")
    settings = LLMConfig(backend="embedded")
    cache = CompletionCache(tmp_path / "answers.jsonl")

    async def run() -> None:
        client = OpenAIClient(choose_backend(settings), settings, cache)
        stage = RecaptionStage(settings)
        try:
            await by_model(*GRID[0], client, stage.templates, Repair(rounds=0))
        finally:
            await client.close()

    guess = estimate_calls(GRID[:1], RecaptionStage(settings).backend.model, settings, tmp_path / "none.jsonl")
    asyncio.run(run())
    whole = estimate_calls(GRID[:1], "none", LLMConfig(backend="rules", paraphrases=0), tmp_path / "none.jsonl")
    assert whole.total.tokens_in == pytest.approx(cache.spent().tokens_in, rel=0.08)
    assert guess.total.tokens_in > whole.total.tokens_in


def test_captions_sent_together_share_their_examples(tmp_path: Path) -> None:
    alone = estimate_calls(PAIRS, "m", config(), tmp_path / "none.jsonl")
    together = estimate_calls(PAIRS, "m", config(captions_per_request=5), tmp_path / "none.jsonl")
    assert (together.recaption.number, together.paraphrase.number) == (3, 3)
    assert together.total.tokens_out == alone.total.tokens_out
    examples = alone.total.tokens_in - alone.total.tokens_new
    assert together.total.tokens_in == pytest.approx(alone.total.tokens_new + examples / 5, abs=2)
    batched = config(captions_per_request=5, batch=True)
    assert estimate_calls(PAIRS, "m", batched, tmp_path / "none.jsonl") == alone
