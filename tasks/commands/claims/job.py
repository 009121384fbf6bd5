"""Tests the paper's claims: trains and scores the named configurations with several seeds, then compares them in pairs.

The work goes seed by seed, and the results are written after every configuration: a part is already a result. Finished
trainings, audio and scores are kept, so an interrupted run continues. Source: SPEC M12, G8; the paper's tables 4 to 7.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Final

from data_contracts import (
    ClaimResult,
    ClipScore,
    Generated,
    Judgement,
    ManifestRow,
    UsageError,
    read_table,
    write_table,
)
from data_contracts.files import atomic_path
from model.variants import variant
from tasks.commands.ablations.steps import generate_and_score, train_variant
from tasks.commands.ablations.view import VariantWorkspace, variant_workspace
from tasks.commands.claims.catalogue import Claim, claims_between, tasks_of
from tasks.commands.claims.page import Found, claims_page
from tasks.commands.claims.table import claim_rows
from tasks.config import PipelineConfig
from tasks.engine.progress import OnProgress
from tasks.engine.workspace import Workspace
from tasks.evaluate.tables import clip_groups

FOLDER: Final = "claims"
PAGE: Final = "claims.md"
Views = dict[int, dict[str, VariantWorkspace]]


def run_claims(config: PipelineConfig, workspace: Workspace, on_progress: OnProgress) -> str:
    """Writes `claims/claims.parquet` and `claims/claims.md` after every configuration; returns the latter's text.

    Raises UsageError when no claim compares two of the chosen configurations, ContractError when the features have not
    been computed, TrainingError when a loss explodes.
    """
    claims = claims_between(config.claims.variants)
    if not claims:
        raise UsageError(f"claims.variants {', '.join(config.claims.variants)}: no claim compares two of these")
    work = [(seed, name) for seed in config.claims.seeds for name in config.claims.variants if tasks_of(name, claims)]
    done: Views = {}
    text = ""
    for number, (seed, name) in enumerate(work):
        show = partial(on_progress, number, len(work))
        show(f"seed {seed}, {name}")
        view, is_new = _train_and_score(config, workspace, (seed, name), claims, show)
        done.setdefault(seed, {})[name] = view
        if is_new or number == len(work) - 1:  # while a continued run finds what is finished, the page stays as it is
            text = _write(config, workspace, claims, done)
    on_progress(len(work), len(work), "")
    return text


def _train_and_score(
    config: PipelineConfig,
    workspace: Workspace,
    which: tuple[int, str],
    claims: list[Claim],
    show: Callable[[str], None],
) -> tuple[VariantWorkspace, bool]:
    """Trains, generates and scores one configuration with one seed; returns its workspace, and whether it was new."""
    seed, name = which
    one = variant(name)
    view = variant_workspace(workspace, name, one.weights, folder=f"{FOLDER}/seed-{seed}", shares_run=False)
    train = config.train.model_copy(update={"seed": seed})
    train_variant(train, one, view, lambda note: show(f"seed {seed}, {note}"))
    return view, generate_and_score(config, one, view, tasks_of(name, claims)) > 0


def _write(config: PipelineConfig, workspace: Workspace, claims: list[Claim], done: Views) -> str:
    scores = {
        seed: {name: read_table(view.table("score", ClipScore.TABLE), ClipScore) for name, view in views.items()}
        for seed, views in done.items()
    }
    views = [view for found in done.values() for view in found.values()]
    generated = (read_table(view.table("generate", Generated.TABLE), Generated) for view in views)
    manifest = read_table(workspace.table("manifest", ManifestRow.TABLE), ManifestRow)
    groups = clip_groups(itertools.chain.from_iterable(generated), manifest)
    rows = claim_rows(claims, scores, groups, config.train.steps)
    judged = (read_table(view.table("judge", Judgement.TABLE), Judgement) for view in views)
    judges = {row.judge: row.weights_sha256 for row in itertools.chain.from_iterable(judged)}
    text = claims_page(config, claims, rows, Found(scores=scores, groups=groups, judges=judges))
    write_table(workspace.table(FOLDER, ClaimResult.TABLE), ClaimResult, rows)
    with atomic_path(workspace.path(FOLDER, PAGE)) as temporary:
        temporary.write_text(text, "utf-8")
    return text
