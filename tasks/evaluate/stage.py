"""The evaluate step: the score table, from the scores of single clips and from the judgements (SPEC E1, E3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from data_contracts import ClipScore, ContractError, Generated, Judgement, ManifestRow, Row, Score, read_table
from data_contracts.files import hash_file
from tasks.engine import SingleItemStage
from tasks.engine.workspace import Workspace
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.judged_cases import JudgedCases, SetScorer
from tasks.evaluate.judging import judges_here
from tasks.evaluate.kept import keep_scores
from tasks.evaluate.tables import aggregate, case_seconds, case_seeds, clip_groups

_INPUTS: Final = (
    ("judge", Judgement.TABLE),
    ("score", ClipScore.TABLE),
    ("generate", Generated.TABLE),
    ("manifest", ManifestRow.TABLE),
)


@dataclass(frozen=True, kw_only=True)
class EvaluateStage(SingleItemStage):
    """Writes mean, median or set metric, n and a 95 % interval per case group, system, checkpoint and metric."""

    config: EvaluateConfig = field(default_factory=EvaluateConfig)

    name: ClassVar[str] = "evaluate"
    version: ClassVar[int] = 9
    row_type: ClassVar[type[Row]] = Score

    def settings(self) -> dict[str, Any]:
        """Returns the seed of the set metrics; the other settings act through the clips' scores."""
        return self.config.model_dump(include={"seed"})

    def payload(self, workspace: Workspace) -> dict[str, Any]:
        """Returns the hashes of the clips' scores and of the tables that say which group each clip is of."""
        hashes: dict[str, Any] = {}
        for stage, table in _INPUTS:
            path = workspace.table(stage, table)
            if not path.exists():
                raise ContractError(f"{path} is missing; run the {stage} stage")
            hashes[f"{table}_sha256"] = hash_file(path)
        return {**hashes, "why_not": dict(judges_here(self.config.judges).why_not)}

    def make(self, workspace: Workspace) -> list[Score]:
        """Returns the rows of the score table."""
        scores = read_table(workspace.table("score", ClipScore.TABLE), ClipScore)
        generated = read_table(workspace.table("generate", Generated.TABLE), Generated)
        manifest = read_table(workspace.table("manifest", ManifestRow.TABLE), ManifestRow)
        groups = clip_groups(generated, manifest)
        judged = JudgedCases.open(self.config, workspace)
        weights = {name: judge.spec for name, judge in judged.judges.items()}
        rows = [
            *aggregate(scores, groups, weights, case_seeds(generated), case_seconds(generated)),
            *SetScorer(judged=judged, groups=groups, seed=self.config.seed).rows(),
        ]
        self.on_progress(1, 1, "")
        return rows

    def on_finished(self, workspace: Workspace) -> str:
        """Keeps a copy of the table by the checkpoint that it is of, to compare the next training with."""
        keep_scores(workspace, read_table(workspace.table("generate", Generated.TABLE), Generated))
        return ""
