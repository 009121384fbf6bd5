"""The page about the claims as Markdown: what was done, what was found, every number. Same results, same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from data_contracts import ClaimResult
from data_contracts.quantities import counted
from tasks.commands.claims.catalogue import CLAIMS, Claim, tasks_of
from tasks.commands.claims.table import Scores, clip_values
from tasks.config import PipelineConfig
from tasks.evaluate import baselines
from tasks.evaluate.significance import LEVEL

COMMAND: Final = "foleygenex run claims claims"
_SYSTEMS: Final = (
    baselines.TRUTH,
    baselines.CODEC_UPPER_BOUND,
    baselines.PASTED,
    baselines.SHUFFLED,
    baselines.CLICKS,
    baselines.NOISE,
    baselines.SILENCE,
)

_HEAD: Final = """# The paper's claims on the built-in corpus

Each claim compares two configurations of one model (docs/model.md, Named configurations): trained with the same seed
on the same rows in the same order, generated from the same noise for the same held-out clips. `{command}` writes this
page as `claims/claims.md` in its workspace; the same command continues an interrupted run.

The evidence is limited: rendered sounds, a tiny network, a short training, small encoders in place of the paper's. A
shown claim holds under these conditions; one that is not shown may need more data, a larger network, a longer training
or more seeds.

{settings}

## Verdicts
A claim is *shown* when the interval of the paired difference lies above zero, *contradicted* when it lies below, else
*not shown*. The difference is a mean over seeds and objects, and both count as random: the interval is for a new seed
and a new object (Student's t on a two-way layout). Its confidence is the one that Holm's method gives the claim, so
that with a probability of about {level:.0%} any of the {count} claims is shown or contradicted though there is no
difference.

{verdicts}
"""

_READING: Final = """\
`p` is adjusted by Holm's method. EventF1 matches onsets with the true event times and stands for the paper's
OnsetSyncAP and DeSync; likeness-corpus-cnn stands for Resemblyzer and CLAP_A: the cosine of the embeddings that a small
network of this project (docs/judges.md) has of the output and of the reference. AdverbCheck stands for CLAP_T and the
listening test. The likeness by other judges is shown beside it where `evaluate.judges` names them, as resemblyzer or
laion-clap, whose weights are downloaded.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was measured. `groups`: generated clip -> object; `judges`: name -> SHA-256 of the weights."""

    scores: Scores
    groups: Mapping[str, str]
    judges: Mapping[str, str]


def claims_page(config: PipelineConfig, claims: Sequence[Claim], rows: Sequence[ClaimResult], found: Found) -> str:
    """Returns the page. `claims`: those that were to be tested; `rows`: what the scores say of them (`claim_rows`)."""
    head = _HEAD.format(
        command=COMMAND,
        settings=_settings(config, found),
        level=LEVEL,
        count=len(claims),
        verdicts=_verdicts(claims, rows),
    )
    parts = [
        head,
        _READING,
        "## All metrics",
        _differences(rows),
        "## Every configuration",
        _means(claims, found),
        "## What the values mean\nThe same metrics of what no configuration made, on the same clips.",
        _baselines(claims, found),
    ]
    if others := [claim for claim in CLAIMS if claim not in claims]:
        names = "; ".join(f"{claim.better} over {claim.worse} in {claim.task} ({claim.source})" for claim in others)
        parts.append(f"Not tested, as `claims.variants` does not name both configurations: {names}.")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _settings(config: PipelineConfig, found: Found) -> str:
    corpus, train, evaluate = config.ingest.corpus, config.train, config.evaluate
    total = len(config.claims.variants)
    seeds = ", ".join(f"{seed} ({len(found.scores.get(seed, ()))} of {total})" for seed in config.claims.seeds)
    lines = [
        ("corpus", f"{corpus.video_clips} scenes with video, {corpus.audio_clips} without, seed {corpus.seed}"),
        ("training", f"{train.steps} steps of {train.batch_size} rows, preset {train.preset}, {train.precision}"),
        ("generation", f"{evaluate.steps} steps, guidance {evaluate.cfg_scale:g}"),
        ("held-out", f"up to {evaluate.clips} clips per task, {evaluate.adverb_pairs} pairs per adverb direction"),
        ("judges (SHA-256 of the weights)", ", ".join(f"{name} ({sha[:12]})" for name, sha in found.judges.items())),
        ("seeds (configurations done)", seeds),
    ]  # fmt: skip
    return _table(("setting", "value"), lines)


def _verdicts(claims: Sequence[Claim], rows: Sequence[ClaimResult]) -> str:
    found = {row.claim: row for row in rows if row.decides}
    lines = []
    for claim in claims:
        row = found.get(claim.name)
        cells = _cells(row) if row else ("-", "-", "-", "-")
        said = f"**{row.verdict}**" if row else "not run yet"
        what = f"{claim.metrics[0]} in {claim.task}: {claim.better} minus {claim.worse}"
        lines.append((f"{claim.statement} ({claim.source})", what, said, *cells))
    return _table(("claim", "tested as", "verdict", "difference", "interval", "p", "n"), lines)


def _differences(rows: Sequence[ClaimResult]) -> str:
    lines = [
        (row.task, row.metric, row.better, f"{row.better_value:.3f}", row.worse, f"{row.worse_value:.3f}", *_cells(row))
        for row in rows
    ]
    return _table(
        ("task", "metric", "configuration", "value", "compared with", "value", "difference", "interval", "p", "n"),
        lines,
    )


def _cells(row: ClaimResult) -> tuple[str, str, str, str]:
    """Returns the difference, its interval, p, and over what it is a mean."""
    interval = "-" if row.low is None else f"{row.low:+.3f} to {row.high:+.3f} ({row.confidence:.1%})"
    p_value = row.p_holm if row.decides else row.p_value
    over = counted(row.n_clips, "clip"), counted(row.n_groups, "object"), counted(len(row.seeds), "seed")
    count = "{} of {}, {}".format(*over)
    return f"{row.delta:+.3f}", interval, "-" if p_value is None else f"{p_value:.3g}", count


def _means(claims: Sequence[Claim], found: Found) -> str:
    """One line per task, metric and configuration that has values, one column per seed: means over objects."""
    variants = dict.fromkeys(name for scores in found.scores.values() for name in scores)
    pairs = dict.fromkeys((claim.task, metric) for claim in claims for metric in claim.metrics)
    lines = []
    for task, metric in pairs:
        for name in variants:
            if task in tasks_of(name, claims):
                values = [clip_values(scores.get(name, ()), task, metric) for scores in found.scores.values()]
                if any(values):
                    lines.append((task, metric, name, *(_mean(one, found.groups) for one in values)))
    return _table(("task", "metric", "configuration", *(f"seed {seed}" for seed in found.scores)), lines)


def _baselines(claims: Sequence[Claim], found: Found) -> str:
    """One line per task and metric, one column per baseline, which all configurations of all seeds have in common."""
    lines = []
    for task, metric in dict.fromkeys((claim.task, metric) for claim in claims for metric in claim.metrics):
        configurations = (rows for scores in found.scores.values() for rows in scores.values())
        rows = next((rows for rows in configurations if clip_values(rows, task, metric)), ())
        means = [_mean(clip_values(rows, task, metric, system), found.groups) for system in _SYSTEMS]
        if set(means) != {"-"}:
            lines.append((task, metric, *means))
    return _table(("task", "metric", *_SYSTEMS), lines)


def _mean(values: Mapping[str, float], groups: Mapping[str, str]) -> str:
    objects: dict[str, list[float]] = {}
    for clip, value in values.items():
        objects.setdefault(groups[clip], []).append(value)
    return f"{np.mean([np.mean(found) for found in objects.values()]):.3f}" if objects else "-"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows])
