"""One Prefect flow per stage. Each can be run alone: it reads earlier stages' tables and the workspace's settings.

In the UI a run shows its shards as task runs, a progress artifact, and a summary with the quarantine. Settings left
empty are those stored in the workspace by its last run.
"""

from __future__ import annotations

from typing import Any, Final

from prefect import Flow, flow

from flows.runner import run_stage_flow
from flows.runs import given_fields, run_name
from tasks.augment.config import AugmentConfig
from tasks.evaluate.config import EvaluateConfig
from tasks.ingest.config import IngestConfig
from tasks.llm.config import LLMConfig
from tasks.manifest.config import ManifestConfig
from tasks.mine.config import MineConfig
from tasks.precompute.config import PrecomputeConfig
from tasks.train.config import TrainConfig


@flow(name="ingest", flow_run_name=run_name)
def ingest(
    workspace: str = "workspace",
    settings: IngestConfig | None = None,
    changes: tuple[str, ...] = (),
    retry: bool = False,
) -> dict[str, Any]:
    """Cuts, checks and hashes clips of at most 8 s from the built-in corpus or a table of your own (SPEC D1-D3).

    Args:
        workspace: The run's folder, as the machine that works sees it.
        settings: Fields given here replace those stored in the workspace. This form sends all of them: leave it None
            and use `changes` for single ones.
        changes: Single settings, as with --set, e.g. ingest.min_s=1 or workers=4. The others
            stay as they are stored.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("ingest", workspace, settings=given_fields("ingest", settings), changes=changes, retry=retry)


@flow(name="mine", flow_run_name=run_name)
def mine(
    workspace: str = "workspace",
    settings: MineConfig | None = None,
    changes: tuple[str, ...] = (),
    retry: bool = False,
) -> dict[str, Any]:
    """Finds training captions that name a side of speed, distance or volume (SPEC A1).

    Args:
        workspace: The run's folder, as the machine that works sees it.
        settings: Fields given here replace those stored in the workspace. This form sends all of them: leave it None
            and use `changes` for single ones.
        changes: Single settings, as with --set, e.g. mine.parser=rules or workers=4. The others
            stay as they are stored.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("mine", workspace, settings=given_fields("mine", settings), changes=changes, retry=retry)


@flow(name="augment", flow_run_name=run_name)
def augment(
    workspace: str = "workspace",
    settings: AugmentConfig | None = None,
    changes: tuple[str, ...] = (),
    retry: bool = False,
) -> dict[str, Any]:
    """Changes the mined sounds with FFmpeg, SoX and pyroomacoustics, and measures the effect (SPEC A2-A5).

    Args:
        workspace: The run's folder, as the machine that works sees it.
        settings: Fields given here replace those stored in the workspace. This form sends all of them: leave it None
            and use `changes` for single ones.
        changes: Single settings, as with --set, e.g. augment.backend=tool or workers=4. The others
            stay as they are stored.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow(
        "augment", workspace, settings=given_fields("augment", settings), changes=changes, retry=retry
    )


@flow(name="recaption", flow_run_name=run_name)
def recaption(
    workspace: str = "workspace",
    settings: LLMConfig | None = None,
    changes: tuple[str, ...] = (),
    retry: bool = False,
) -> dict[str, Any]:
    """Writes a new caption for each augmented sound with a language model, or the labelled rules (SPEC A6).

    Args:
        workspace: The run's folder, as the machine that works sees it.
        settings: Fields given here replace those stored in the workspace. This form sends all of them: leave it None
            and use `changes` for single ones.
        changes: Single settings, as with --set, e.g. llm.backend=rules or workers=4. The others
            stay as they are stored.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("recaption", workspace, settings=given_fields("llm", settings), changes=changes, retry=retry)


@flow(name="paraphrase", flow_run_name=run_name)
def paraphrase(
    workspace: str = "workspace",
    settings: LLMConfig | None = None,
    changes: tuple[str, ...] = (),
    retry: bool = False,
) -> dict[str, Any]:
    """Extracts key tokens and writes paraphrases of each augmented caption (SPEC A7).

    Args:
        workspace: The run's folder, as the machine that works sees it.
        settings: Fields given here replace those stored in the workspace. This form sends all of them: leave it None
            and use `changes` for single ones.
        changes: Single settings, as with --set, e.g. llm.backend=rules or workers=4. The others
            stay as they are stored.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("paraphrase", workspace, settings=given_fields("llm", settings), changes=changes, retry=retry)


@flow(name="manifest", flow_run_name=run_name)
def manifest(
    workspace: str = "workspace",
    settings: ManifestConfig | None = None,
    changes: tuple[str, ...] = (),
    retry: bool = False,
) -> dict[str, Any]:
    """Joins clips, augmented sounds and captions into training and test rows with their lineage (SPEC D4, A8).

    Args:
        workspace: The run's folder, as the machine that works sees it.
        settings: Fields given here replace those stored in the workspace. This form sends all of them: leave it None
            and use `changes` for single ones.
        changes: Single settings, as with --set, e.g. manifest.include_augmented=false or workers=4. The others
            stay as they are stored.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow(
        "manifest", workspace, settings=given_fields("manifest", settings), changes=changes, retry=retry
    )


@flow(name="precompute", flow_run_name=run_name)
def precompute(
    workspace: str = "workspace",
    settings: PrecomputeConfig | None = None,
    changes: tuple[str, ...] = (),
    retry: bool = False,
) -> dict[str, Any]:
    """Encodes each distinct sound, video and sentence once, into memory-mapped files (SPEC T3).

    Args:
        workspace: The run's folder, as the machine that works sees it.
        settings: Fields given here replace those stored in the workspace. This form sends all of them: leave it None
            and use `changes` for single ones.
        changes: Single settings, as with --set, e.g. precompute.device=cpu or workers=4. The others
            stay as they are stored.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow(
        "precompute", workspace, settings=given_fields("precompute", settings), changes=changes, retry=retry
    )


@flow(name="train", flow_run_name=run_name)
def train(
    workspace: str = "workspace",
    settings: TrainConfig | None = None,
    changes: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Trains the network on the features; continues a cut run where its last state stands (SPEC M1-M12, T1-T4).

    Args:
        workspace: The run's folder, as the machine that works sees it.
        settings: Fields given here replace those stored in the workspace. This form sends all of them: leave it None
            and use `changes` for single ones.
        changes: Single settings, as with --set, e.g. train.steps=1000 or workers=4. The others
            stay as they are stored.
    """
    return run_stage_flow("train", workspace, settings=given_fields("train", settings), changes=changes)


@flow(name="generate", flow_run_name=run_name)
def generate(
    workspace: str = "workspace",
    settings: EvaluateConfig | None = None,
    changes: tuple[str, ...] = (),
    retry: bool = False,
) -> dict[str, Any]:
    """Generates sounds for held-out clips in each task (SPEC G1-G7).

    Args:
        workspace: The run's folder, as the machine that works sees it.
        settings: Fields given here replace those stored in the workspace. This form sends all of them: leave it None
            and use `changes` for single ones.
        changes: Single settings, as with --set, e.g. evaluate.steps=25 or workers=4. The others
            stay as they are stored.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow(
        "generate", workspace, settings=given_fields("evaluate", settings), changes=changes, retry=retry
    )


@flow(name="score", flow_run_name=run_name)
def score(
    workspace: str = "workspace",
    settings: EvaluateConfig | None = None,
    changes: tuple[str, ...] = (),
    retry: bool = False,
) -> dict[str, Any]:
    """Scores each generated sound (SPEC E1, E2).

    Args:
        workspace: The run's folder, as the machine that works sees it.
        settings: Fields given here replace those stored in the workspace. This form sends all of them: leave it None
            and use `changes` for single ones.
        changes: Single settings, as with --set, e.g. evaluate.clips=48 or workers=4. The others
            stay as they are stored.
        retry: Process the quarantined items again, besides those that are unfinished.
    """
    return run_stage_flow("score", workspace, settings=given_fields("evaluate", settings), changes=changes, retry=retry)


@flow(name="evaluate", flow_run_name=run_name)
def evaluate(
    workspace: str = "workspace",
    settings: EvaluateConfig | None = None,
    changes: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Joins the clips' scores into tables with chance rows and intervals (SPEC E3).

    Args:
        workspace: The run's folder, as the machine that works sees it.
        settings: Fields given here replace those stored in the workspace. This form sends all of them: leave it None
            and use `changes` for single ones.
        changes: Single settings, as with --set, e.g. evaluate.clips=48 or workers=4. The others
            stay as they are stored.
    """
    return run_stage_flow("evaluate", workspace, settings=given_fields("evaluate", settings), changes=changes)


@flow(name="report", flow_run_name=run_name)
def report(workspace: str = "workspace", changes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Writes the HTML report from every table there is; the run's artifacts link to it.

    Args:
        workspace: The run's folder, as the machine that works sees it.
        changes: Single settings, as with --set, e.g. workers=4. The others
            stay as they are stored.
    """
    return run_stage_flow("report", workspace, changes=changes)


STAGE_FLOWS: Final[dict[str, Flow[Any, dict[str, Any]]]] = {
    stage.name: stage
    for stage in (
        ingest, mine, augment, recaption, paraphrase, manifest, precompute, train, generate, score, evaluate, report,
    )
}  # fmt: skip
