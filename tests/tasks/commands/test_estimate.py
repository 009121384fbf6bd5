"""What `plan` says: counts that add up, money that is never guessed, and lines that say what they are based on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.adverbs import changes_for
from tasks.commands.estimate import Counted, Estimate, count, estimate
from tasks.commands.llm_estimate import Calls, LLMEstimate
from tasks.config import PipelineConfig
from tasks.ingest.planned import PlannedRecording
from tasks.ingest.sample import EvenSample
from tasks.mine.miner import RuleMiner

CLIPS = 12


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PipelineConfig:
    """A plan of rendered clips, whose lengths need no file."""
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    return PipelineConfig.model_validate(
        {
            "workspace": str(tmp_path / "w"),
            "ingest": {"corpus": {"video_clips": CLIPS // 2, "audio_clips": CLIPS // 2}},
            "mine": {"parser": "rules"},
        }
    )


def with_llm(config: PipelineConfig, **values: object) -> PipelineConfig:
    return config.model_copy(update={"llm": config.llm.model_copy(update=values)})


def test_every_caption_is_written_once_by_the_model_or_by_the_rules(config: PipelineConfig) -> None:
    rows = count(config).to_write
    assert rows > 3
    for cap in (None, 0, 3, rows + 5):
        found = estimate(with_llm(config, max_recaptions=cap), backend="endpoint", sizes=False)
        assert found.llm.recaption.number + found.rule_rows == rows
        assert found.rule_rows == max(0, rows - (rows if cap is None else cap))
    rules = estimate(config, backend="rules", sizes=False)
    assert (rules.rule_rows, rules.llm.total, rules.cost) == (rows, Calls(), 0.0)


def test_nothing_is_fetched_written_or_asked(config: PipelineConfig) -> None:
    estimate(config, backend="endpoint", sizes=False)
    assert not Path(config.workspace).exists()


def test_the_kind_of_writer_is_the_configs_own_choice(config: PipelineConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_MODEL", "m")
    assert estimate(config, sizes=False).llm.recaption.number > 0
    assert estimate(with_llm(config, backend="rules"), sizes=False).llm.recaption.number == 0
    # A named writer is planned for, whether or not it can be used from here.
    assert estimate(with_llm(config, backend="embedded"), sizes=False).llm.recaption.number > 0


def test_given_prices_count_instead_of_the_configs_and_a_batch_costs_its_share(config: PipelineConfig) -> None:
    def cost(config: PipelineConfig, **values: object) -> float | None:
        return estimate(config, backend="endpoint", sizes=False, **values).cost

    assert cost(config) is None
    calls = estimate(config, backend="endpoint", sizes=False).llm.total
    assert cost(config, price_in=1e6) == pytest.approx(calls.tokens_in)
    priced = with_llm(config, price_in=2.0, price_out=3.0)
    whole = cost(priced)
    assert whole == pytest.approx((2.0 * calls.tokens_in + 3.0 * calls.tokens_out) / 1e6)
    assert cost(priced, price_in=0.0) == pytest.approx(3.0 * calls.tokens_out / 1e6)
    batched = with_llm(priced, batch=True, batch_price=0.5)
    assert cost(batched) == pytest.approx(whole / 2)
    embedded = estimate(batched, backend="embedded", sizes=False)
    assert embedded.cost == pytest.approx(whole)  # no batches of the embedded model


def recording(caption: str, *clips_s: float, video_bytes: int = 0) -> PlannedRecording:
    return PlannedRecording(
        caption=caption,
        split="train",
        has_video=video_bytes > 0,
        clips_s=clips_s,
        rate_hz=16_000,
        video_bytes=video_bytes,
    )


RECORDINGS = st.lists(
    st.builds(
        recording,
        st.sampled_from(["A dog barks", "Rain falls"]),
        st.floats(1, 8),
        video_bytes=st.sampled_from([0, 1000]),
    ),
    max_size=6,
)


@given(RECORDINGS, RECORDINGS)
def test_counts_are_sums_over_recordings(first: list[PlannedRecording], second: list[PlannedRecording]) -> None:
    together, one, other = Counted(), Counted(), Counted()
    for recordings, counted in (([*first, *second], together), (first, one), (second, other)):
        for single in recordings:
            counted.add_clips(single)
    assert together.clips == one.clips + other.clips == len(first) + len(second)
    assert (together.videos, together.texts) == (one.videos + other.videos, one.texts | other.texts)
    assert together.seconds == pytest.approx(one.seconds + other.seconds)
    assert together.disk_bytes == pytest.approx(one.disk_bytes + other.disk_bytes, abs=1)
    assert together.disk_bytes >= together.video_bytes == 1000 * together.videos


def test_a_recording_without_clips_counts_for_nothing() -> None:
    found = Counted()
    found.add_clips(recording("A dog barks"))
    assert (found.clips, found.seconds, found.texts, found.disk_bytes) == (0, 0.0, set(), 0)


@pytest.mark.parametrize("clips", [1, 3])
def test_every_clip_of_a_recording_is_changed_in_every_way_of_its_side(clips: int) -> None:
    caption = "A dog barks quickly"
    (matches,) = RuleMiner().find([caption])
    found = Counted()
    found.captioned.add(recording(caption, *[8.0] * clips))
    found.mine(RuleMiner())
    changes = changes_for(matches[0].side)
    assert found.mined == clips
    assert found.augmented == clips * len(changes)
    levels = [change.level for change in changes if change.operation != "original"]
    written = sorted((row.text, level) for row, level in found.for_llm.kept)
    assert written == sorted((caption, one) for one in levels * clips)
    assert {row.cue.words for row, _ in found.for_llm.kept} == {"quickly"}
    assert found.to_write == len(written)


@pytest.mark.parametrize("factor", [1, 4])
def test_of_many_recordings_an_even_sample_is_mined_and_scaled_up(factor: int) -> None:
    captions = ["A dog barks quickly", "Rain falls", "Music plays nearby", "A bell rings"]
    whole, sampled = Counted(captioned=EvenSample(1000)), Counted(captioned=EvenSample(100 * factor))
    for number in range(400):
        for found in (whole, sampled):
            found.captioned.add(recording(captions[number * 7919 % 997 % 4], 8.0))
    whole.mine(RuleMiner())
    sampled.mine(RuleMiner())
    assert len(sampled.captioned.kept) == 100 * factor
    for name in ("mined", "augmented", "to_write"):
        exact = getattr(whole, name)
        assert getattr(sampled, name) == (exact if factor == 4 else pytest.approx(exact, rel=0.2)), name
    line = next(line for line in text_of(captioned=sampled.captioned) if line.startswith("mined"))
    assert line.endswith("(SPEC A1)" if factor == 4 else "(SPEC A1, from 100 captions)")


def text_of(cost: float | None = 0.0, **counts: object) -> list[str]:
    found = Counted(**{"recordings": 10, "sampled": 10, "clips": 20, **counts})  # type: ignore[arg-type]
    calls = LLMEstimate(recaption=Calls(1000, 5, 20_000, 300), paraphrase=Calls(7, 6, 1_000, 9))
    whole = Estimate(found=found, llm=calls, rule_rows=4, cost=cost, features=["features     some"])
    return whole.text().splitlines()


def test_the_lines_say_what_they_are_of() -> None:
    lines = dict(line.split(maxsplit=1) for line in text_of(seconds=7200.0))
    assert lines["recordings"] == "10"
    assert lines["clips"] == "20 = 2 h of audio"
    assert lines["features"] == "some"
    assert lines["LLM"] == "1,000 captions + 7 paraphrase calls (11 answered already); rules write 4 captions"
    assert lines["tokens"] == "about 21,000 in, 309 out, before retries"


def test_a_sample_and_unreadable_files_are_said() -> None:
    assert text_of(sampled=4)[0].endswith("10 (lengths from 4 of them)")
    assert text_of(unreadable=2)[0].endswith("10; 2 of 10 sampled cannot be read")


@pytest.mark.parametrize(("cost", "words"), [(None, "unknown: give --price-in"), (0.0, "none"), (12.5, "about 12.50")])
def test_an_unknown_cost_is_not_none(cost: float | None, words: str) -> None:
    assert words in text_of(cost)[-1]
