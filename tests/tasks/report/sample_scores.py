"""Scores of the sample workspace: of clips, of a judge, and the table, with columns that were not computed."""

from __future__ import annotations

from collections.abc import Sequence

from data_contracts import ClipScore, Generated, Judgement, Score
from tasks.evaluate.metrics.catalogue import MODEL
from tasks.evaluate.rows import clip_row


def clip_scores(generated: Sequence[Generated]) -> list[ClipScore]:
    """Returns two metrics of each generated clip."""
    return [
        clip_row(metric, value, clip=row.item_id, task=row.task, system=MODEL, checkpoint=row.checkpoint)
        for row in generated
        for metric, value in (("EventF1@100ms", 0.78), ("onset_sync_ap", 0.81))
    ]


def judgements(generated: Sequence[Generated]) -> list[Judgement]:
    """Returns what a judge said of each generated clip."""
    return [
        Judgement(item_id=f"corpus-cnn-{row.item_id}", input=row.item_id, source="generated", content_sha256="3" * 64,
                  from_s=0.0, to_s=8.0, judge="corpus-cnn", weights_sha256="e" * 64, rate_hz=16000,
                  outputs_path=f"judge/outputs/{row.item_id}.safetensors", outputs_sha256="4" * 64)
        for row in generated
    ]  # fmt: skip


def scores() -> list[Score]:
    """Returns the table: each metric of the model and of two baselines, and two without a value."""
    cells = [
        Score(item_id=f"{task}:{metric}:{system}", task=task, system=system, metric=metric, value=v,
              checkpoint="trained" if system == MODEL else None,
              ci_low=v * 0.9, ci_high=v * 1.08, n=24, n_groups=7, is_baseline=system != MODEL,
              backend="onset matching, no weights", higher_is_better=higher)
        for task, metric, value, baseline, higher in (
            ("vta", "EventF1@100ms", 0.742, 0.231, True), ("vta", "EventF1@50ms", 0.61, 0.14, True),
            ("vta", "onset_sync_ap", 0.83, 0.66, True), ("vta", "onset_error_s", 0.031, 0.2, False),
            ("tc-vta", "EventF1@100ms", 0.69, 0.22, True), ("ac-vta", "likeness-corpus-cnn", 0.71, 0.42, True),
            ("tta", "AdverbCheck direction right", 0.775, 0.5, True),
        )
        for system, v in ((MODEL, value), ("random events", baseline), ("shuffled pairing", baseline * 0.9))
    ]  # fmt: skip
    empty = [
        Score(item_id=f"all:{column}", task="all", system=MODEL, checkpoint=None, metric=column, value=None,
              ci_low=None, ci_high=None, n=0, n_groups=0, is_baseline=False, backend="judge", higher_is_better=False,
              why_empty=f"not computed: <b>{column}</b> weights absent")
        for column in ("FD_VGG", "KL_PANNs")
    ]  # fmt: skip
    return [*cells, *empty]
