"""One Prefect flow per stage. Each can be run alone: it reads earlier stages' tables and the workspace's settings.

In the UI a run shows its shards as task runs, a progress artifact, and a summary with the quarantine. Settings left
empty are those stored in the workspace by its last run.
"""

from __future__ import annotations

from typing import Any, Final

from prefect import Flow, flow

from flows.runner import run_stage_flow
from tasks.augment.config import AugmentConfig
from tasks.evaluate.config import EvaluateConfig
from tasks.ingest.config import IngestConfig
from tasks.llm.config import LLMConfig
from tasks.manifest.config import ManifestConfig
from tasks.mine.config import MineConfig
from tasks.precompute.config import PrecomputeConfig
from tasks.train.config import TrainConfig


@flow(name="ingest")
def ingest(
    workspace: str = "workspace",
    settings: IngestConfig | None = None,
    retry: bool = False,
) -> dict[str, Any]:
    """Cuts, checks and hashes clips of at most 8 s from the built-in corpus or a table of your own (SPEC D1-D3).

    Args:
        workspace: The run's folder on the machine that works.
        settings: Leave empty to use the settings stored in the workspace.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("ingest", workspace, settings=_merged("ingest", settings), retry=retry)


@flow(name="mine")
def mine(
    workspace: str = "workspace",
    settings: MineConfig | None = None,
    retry: bool = False,
) -> dict[str, Any]:
    """Finds training captions that name a side of speed, distance or volume (SPEC A1).

    Args:
        workspace: The run's folder on the machine that works.
        settings: Leave empty to use the settings stored in the workspace.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("mine", workspace, settings=_merged("mine", settings), retry=retry)


@flow(name="augment")
def augment(
    workspace: str = "workspace",
    settings: AugmentConfig | None = None,
    retry: bool = False,
) -> dict[str, Any]:
    """Changes the mined sounds with FFmpeg, SoX and pyroomacoustics, and measures the effect (SPEC A2-A5).

    Args:
        workspace: The run's folder on the machine that works.
        settings: Leave empty to use the settings stored in the workspace.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("augment", workspace, settings=_merged("augment", settings), retry=retry)


@flow(name="recaption")
def recaption(
    workspace: str = "workspace",
    settings: LLMConfig | None = None,
    retry: bool = False,
) -> dict[str, Any]:
    """Writes a new caption for each augmented sound with a language model, or the labelled rules (SPEC A6).

    Args:
        workspace: The run's folder on the machine that works.
        settings: Leave empty to use the settings stored in the workspace.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("recaption", workspace, settings=_merged("llm", settings), retry=retry)


@flow(name="paraphrase")
def paraphrase(
    workspace: str = "workspace",
    settings: LLMConfig | None = None,
    retry: bool = False,
) -> dict[str, Any]:
    """Extracts key tokens and writes paraphrases of each augmented caption (SPEC A7).

    Args:
        workspace: The run's folder on the machine that works.
        settings: Leave empty to use the settings stored in the workspace.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("paraphrase", workspace, settings=_merged("llm", settings), retry=retry)


@flow(name="manifest")
def manifest(
    workspace: str = "workspace",
    settings: ManifestConfig | None = None,
    retry: bool = False,
) -> dict[str, Any]:
    """Joins clips, augmented sounds and captions into training and test rows with their lineage (SPEC D4, A8).

    Args:
        workspace: The run's folder on the machine that works.
        settings: Leave empty to use the settings stored in the workspace.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("manifest", workspace, settings=_merged("manifest", settings), retry=retry)


@flow(name="precompute")
def precompute(
    workspace: str = "workspace",
    settings: PrecomputeConfig | None = None,
    retry: bool = False,
) -> dict[str, Any]:
    """Encodes each distinct sound, video and sentence once, into memory-mapped files (SPEC T3).

    Args:
        workspace: The run's folder on the machine that works.
        settings: Leave empty to use the settings stored in the workspace.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("precompute", workspace, settings=_merged("precompute", settings), retry=retry)


@flow(name="train")
def train(
    workspace: str = "workspace",
    settings: TrainConfig | None = None,
) -> dict[str, Any]:
    """Trains the network on the features; continues a cut run where its last state stands (SPEC M1-M12, T1-T4).

    Args:
        workspace: The run's folder on the machine that works.
        settings: Leave empty to use the settings stored in the workspace.
    """
    return run_stage_flow("train", workspace, settings=_merged("train", settings))


@flow(name="generate")
def generate(
    workspace: str = "workspace",
    settings: EvaluateConfig | None = None,
    retry: bool = False,
) -> dict[str, Any]:
    """Generates sounds for held-out clips in each task (SPEC G1-G7).

    Args:
        workspace: The run's folder on the machine that works.
        settings: Leave empty to use the settings stored in the workspace.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("generate", workspace, settings=_merged("evaluate", settings), retry=retry)


@flow(name="score")
def score(
    workspace: str = "workspace",
    settings: EvaluateConfig | None = None,
    retry: bool = False,
) -> dict[str, Any]:
    """Scores each generated sound (SPEC E1, E2).

    Args:
        workspace: The run's folder on the machine that works.
        settings: Leave empty to use the settings stored in the workspace.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("score", workspace, settings=_merged("evaluate", settings), retry=retry)


@flow(name="evaluate")
def evaluate(
    workspace: str = "workspace",
    settings: EvaluateConfig | None = None,
) -> dict[str, Any]:
    """Joins the clips' scores into tables with chance rows and intervals (SPEC E3).

    Args:
        workspace: The run's folder on the machine that works.
        settings: Leave empty to use the settings stored in the workspace.
    """
    return run_stage_flow("evaluate", workspace, settings=_merged("evaluate", settings))


@flow(name="report")
def report(workspace: str = "workspace") -> dict[str, Any]:
    """Writes the HTML report from every table there is; the run's artifacts link to it.

    Args:
        workspace: The run's folder on the machine that works.
        settings: Leave empty to use the settings stored in the workspace.
    """
    return run_stage_flow("report", workspace)


STAGE_FLOWS: Final[dict[str, Flow[Any, dict[str, Any]]]] = {
    stage.name: stage
    for stage in (
        ingest, mine, augment, recaption, paraphrase, manifest, precompute, train, generate, score, evaluate, report,
    )
}  # fmt: skip


def _merged(group: str, settings: Any) -> dict[str, Any] | None:
    return None if settings is None else {group: settings.model_dump(mode="json")}
