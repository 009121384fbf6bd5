"""Quality limits: past one a stage fails with the numbers and keeps what is done; few items never trip one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from data_contracts import QualityError, Quarantine, read_table
from tasks.engine import Item, ItemResult, is_stage_finished, run_stage, stage_state
from tasks.engine.marker import marker_path, whole_marker
from tasks.engine.quality import LEAST, Counts, FallbackWatch, Limit, Share, excess, percent, shares
from tasks.engine.workspace import Workspace, write_json
from tests.tasks.engine.tiny import TinyStage


@dataclass(frozen=True)
class Limited(TinyStage):
    """Accepts a share of bad items; those in `second` are made by the second choice until there is a file `healed`."""

    accept: float = 0.5
    accept_second: float = 0.5
    second: tuple[int, ...] | None = None

    def limits(self) -> list[Limit]:
        return [
            Limit(name="quarantined", setting="tiny.accept", most=self.accept),
            Limit(name="by the second choice", setting="tiny.accept_second", most=self.accept_second, fallbacks=True),
        ]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        for result in super().process(items, workspace):
            if self.second is None or result.error:
                yield result
            else:
                made = int(result.item_id[-4:]) in self.second and not workspace.path("healed").exists()
                yield replace(result, fallback=made)


def test_a_share_counts_the_reasons_that_its_limit_names() -> None:
    counts = Counts(done=60, quarantined=40, reasons={"a": 25, "b": 15}, attempted=50, fallbacks=30)

    def count(**limit: object) -> tuple[int, int]:
        (found,) = shares([Limit(name="n", setting="s", most=0.1, **limit)], counts)  # type: ignore[arg-type]
        return found.count, found.of

    assert count() == (40, 100)
    assert count(reasons=("a", "c")) == (25, 100)
    assert count(others=("a",)) == (15, 100)
    assert count(fallbacks=True) == (30, 50)


@pytest.mark.parametrize(
    ("count", "of", "most", "exceeded"),
    [(50, 100, 0.5, False), (51, 100, 0.5, True), (LEAST - 1, LEAST - 1, 0.0, False), (LEAST, LEAST, 0.0, True),
     (100, 100, 1.0, False), (0, 0, 0.0, False)],
)  # fmt: skip
def test_a_limit_needs_more_than_its_share_and_more_than_a_few(
    count: int, of: int, most: float, exceeded: bool
) -> None:
    share = Share("bad", count, of, most, "tiny.accept")
    assert share.exceeded is exceeded
    assert bool(excess([share])) is exceeded


def test_shares_are_said_in_percent() -> None:
    assert [percent(*pair) for pair in ((16, 20), (1, 300), (0, 5), (0, 0))] == ["80 %", "0.3 %", "0 %", "0 %"]


def test_past_a_limit_the_stage_fails_with_its_numbers_and_keeps_what_is_done(tmp_path: Path) -> None:
    space, stage = Workspace(tmp_path), Limited(bad=tuple(range(24)))
    with pytest.raises(QualityError) as error:
        run_stage(stage, space)
    message = str(error.value)
    assert "tiny is past its quality limit: 24 of 40 quarantined (60 %), tiny.accept is 0.5" in message
    assert "--set tiny.accept=0.6" in message and f"retry-quarantine {tmp_path} tiny" in message
    assert not space.table("tiny", "tinies").exists() and not is_stage_finished(stage, space)
    assert len(read_table(space.table("tiny", "quarantine"), Quarantine)) == 24
    state = stage_state(stage, space)
    assert (state.done, state.pending, state.finished) == (16, 0, False)
    assert "past its quality limit: 24 of 40" in state.note
    summary = run_stage(replace(stage, accept=0.6), space)
    assert (summary.new, summary.done, summary.quarantined) == (0, 16, 24)  # nothing is done again
    assert is_stage_finished(stage, space)  # the limit is no part of any key


def test_the_second_choice_counts_and_a_retry_tries_the_first_again(tmp_path: Path) -> None:
    space, stage = Workspace(tmp_path), Limited(second=tuple(range(30)))
    with pytest.raises(QualityError, match=r"30 of 40 by the second choice \(75 %\), tiny.accept_second is 0.5"):
        run_stage(stage, space)
    space.path("healed").touch()
    with pytest.raises(QualityError):
        run_stage(stage, space)  # nothing is tried again by itself
    summary = run_stage(stage, space, retry=True)
    assert (summary.new, summary.done) == (30, 40)
    assert "0 of 40 by the second choice (0 %)" in summary.line()


def test_the_shares_are_kept_for_a_run_with_nothing_to_do(tmp_path: Path) -> None:
    space, stage = Workspace(tmp_path), Limited(bad=(1, 2), second=(3,))
    first = run_stage(stage, space)
    again = run_stage(stage, space)
    assert again.shares == first.shares and [share.count for share in again.shares] == [2, 1]
    assert again.line() == first.line().replace("(40 now)", "(0 now)")
    marker = whole_marker(space, "tiny")
    assert marker is not None
    del marker["summary"]["shares"]  # as an earlier release wrote it
    write_json(marker_path(space, "tiny"), marker)
    assert run_stage(stage, space).shares == []


def test_a_first_choice_that_has_stopped_working_ends_the_stage_early(tmp_path: Path) -> None:
    good, hopeless = tuple(range(120)), range(60, 400)
    space, stage = Workspace(tmp_path), Limited(count=400, second=tuple(hopeless), texts=tuple("x" * 400))
    watch = FallbackWatch("tiny", stage.limits())
    for _ in good:
        watch.add(False)
        watch.add(None)
    with pytest.raises(QualityError, match="91 of the latest 100 by the second choice"):
        for _ in hopeless:
            watch.add(True)
    accepted = FallbackWatch("tiny", replace(stage, accept_second=1.0).limits())
    for _ in hopeless:
        accepted.add(True)
    with pytest.raises(QualityError, match="stops before its end"):
        run_stage(stage, space, shard_size=400)
    assert 0 < (stage_state(stage, space).pending or 0) < 400
