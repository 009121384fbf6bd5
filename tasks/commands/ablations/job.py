"""Trains and scores the named configurations on one run's features. Source: SPEC M12, G8; the paper's tables 4 and 7.

Every variant sees the same rows, noise and masks' random numbers, and the same held-out clips with the same seeds.
Finished trainings, audio and scores are kept, so an interrupted run continues.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from data_contracts import AblationScore, ClipScore, Generated, ManifestRow, read_table, write_table
from data_contracts.files import atomic_path
from model.features import FeatureStore
from model.variants import VARIANTS
from tasks.commands.ablations.steps import generate_and_score, train_variant
from tasks.commands.ablations.table import ablation_rows, table_text
from tasks.commands.ablations.view import FOLDER, variant_workspace
from tasks.config import PipelineConfig
from tasks.engine import is_stage_finished
from tasks.engine.progress import OnProgress
from tasks.engine.workspace import Workspace
from tasks.evaluate.tables import clip_groups
from tasks.train.job import training_key
from tasks.train.places import checkpoint_path, states_folder
from tasks.train.stage import TrainStage


def run_ablations(config: PipelineConfig, workspace: Workspace, on_progress: OnProgress) -> str:
    """Writes `ablations/ablations.parquet` and `ablations/ablations.md`; returns the latter's text.

    Raises ContractError when the features have not been computed, TrainingError when a variant's loss explodes.
    """
    chosen = [VARIANTS[name] for name in config.ablations.variants]
    shares_run = _run_has_these_weights(config, workspace)
    views = {one.name: variant_workspace(workspace, one.name, one.weights, shares_run=shares_run) for one in chosen}
    steps: dict[str, int] = {}
    for number, one in enumerate(chosen):
        show = partial(on_progress, number, len(chosen))
        show(one.name)
        steps[one.name] = train_variant(config.train, one, views[one.name], show)
        generate_and_score(config, one, views[one.name], config.ablations.tasks)
    scores = {name: read_table(view.table("score", ClipScore.TABLE), ClipScore) for name, view in views.items()}
    tables = [read_table(view.table("generate", Generated.TABLE), Generated) for view in views.values()]
    groups = clip_groups(
        itertools.chain(*tables), read_table(workspace.table("manifest", ManifestRow.TABLE), ManifestRow)
    )
    rows = ablation_rows(scores, steps, config.ablations.tasks, groups)
    write_table(workspace.path(FOLDER, f"{AblationScore.TABLE}.parquet"), AblationScore, rows)
    path = _write_text(workspace, rows, config.ablations.tasks)
    on_progress(len(chosen), len(chosen), "")
    return path.read_text("utf-8")


def _run_has_these_weights(config: PipelineConfig, workspace: Workspace) -> bool:
    """Whether the run's own training serves as `full`: it has the same settings, or has not begun yet.

    A training with other settings (fewer steps, say) is never replaced by the table's, and one that went on from
    another is not compared with those from step 0.
    """
    train = config.train.model_copy(update={"variant": "full", "continue_from": "none"})
    key = training_key(train, FeatureStore.open(workspace.path("precompute")), workspace)
    states = states_folder(workspace, key)
    begun = checkpoint_path(workspace).exists() or any(states.parent.glob("*"))
    return not begun or is_stage_finished(TrainStage(config=train), workspace) or states.exists()


def _write_text(workspace: Workspace, rows: Sequence[AblationScore], tasks: Sequence[str]) -> Path:
    path = workspace.path(FOLDER, "ablations.md")
    with atomic_path(path) as temporary:
        temporary.write_text(table_text(rows, tasks), "utf-8")
    return path
