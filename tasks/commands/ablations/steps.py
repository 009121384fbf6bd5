"""What is done for one named configuration: its training, its audio for the held-out clips, their scores.

Finished work is found and left alone, so an interrupted run continues.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from data_contracts.generation import TRAINED
from model.checkpoint import read_info
from model.variants import VARIANTS, Variant
from tasks.commands.ablations.view import VariantWorkspace
from tasks.config import PipelineConfig
from tasks.engine import run_stage
from tasks.evaluate.columns import AUTO, EMBEDDED, NONE, parse_judges, plain_name
from tasks.evaluate.generate_stage import GenerateStage
from tasks.evaluate.judge_stage import JudgeStage
from tasks.evaluate.score_stage import ScoreStage
from tasks.train.config import TrainConfig
from tasks.train.places import checkpoint_path
from tasks.train.stage import TrainStage

_SHARD: Final = 4096  # items: all of them in one shard
JUDGE: Final = "corpus-cnn"
"""By whose likeness configurations are compared: it comes with the package, so it is on every machine."""


def train_variant(train: TrainConfig, one: Variant, view: VariantWorkspace, on_note: Callable[[str], None]) -> int:
    """Trains the variant's weights where that is not done; returns the steps they were trained for.

    `on_note` is called with e.g. `m-1: step 40 of 300`. Raises TrainingError when the loss explodes.
    """

    def progress(done: int, steps: int, note: str) -> None:  # noqa: ARG001
        on_note(f"{one.name}: step {done} of {steps}")

    trained = next(name for name, other in VARIANTS.items() if other.weights == one.weights)
    settings = train.model_copy(update={"variant": trained})
    if view.weights.root != view.base.root:  # compared trainings all start at step 0
        settings = settings.model_copy(update={"continue_from": "none"})
    run_stage(TrainStage(config=settings, on_progress=progress), view)
    return read_info(checkpoint_path(view)).step


def compared_judges(asked: Sequence[str]) -> tuple[str, ...]:
    """Returns the judges of compared configurations: `JUDGE`, and those that the settings name.

    `auto` adds none: a comparison must not depend on which weights are on a machine. Raises UsageError for an unknown
    name.
    """
    named = [name for name in parse_judges(asked) if name not in (AUTO, EMBEDDED, NONE)]
    return tuple({JUDGE: JUDGE, **{plain_name(name): name for name in named}}.values())


def generate_and_score(config: PipelineConfig, one: Variant, view: VariantWorkspace, tasks: Sequence[str]) -> int:
    """Generates the held-out clips of the `tasks` with the variant's weights, judges and scores them, where not
    done.

    Returns how many clips and adverb pairs were scored.
    """
    evaluate = config.evaluate.model_copy(
        update={"checkpoints": (TRAINED,), "seeds": (), "judges": compared_judges(config.evaluate.judges)}
    )
    run_stage(GenerateStage(evaluate, variant=one.name, tasks=tuple(tasks)), view, shard_size=_SHARD)
    run_stage(JudgeStage(evaluate), view, shard_size=_SHARD)
    return run_stage(ScoreStage(evaluate), view, shard_size=_SHARD).new
