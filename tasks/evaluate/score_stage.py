"""The score stage: metrics of every generated clip, of the baselines and of the codec upper bound (SPEC E2).

An item is one held-out clip with everything generated for it, or one TTA pair whose prompts differ in an adverb.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from data_contracts import ClipScore, Generated, Row, read_table
from tasks.engine import Item, ItemResult, Stage, each
from tasks.engine.kept import Kept
from tasks.engine.quality import Limit, limit
from tasks.engine.workspace import Workspace, hash_text
from tasks.evaluate.components import featured_rows, open_store
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.judged_cases import JudgedCases
from tasks.evaluate.plan import Case, material_of, material_rows, plan_cases
from tasks.evaluate.scorer import Scorer


@dataclass(frozen=True, slots=True)
class ScoreStage(Stage):
    """One row per generated clip, system and metric."""

    config: EvaluateConfig
    kept: Kept[Scorer] = field(default_factory=Kept, compare=False, repr=False)

    name: ClassVar[str] = "score"
    version: ClassVar[int] = 9
    row_type: ClassVar[type[Row]] = ClipScore
    large_shards: ClassVar[bool] = True
    uses_gpu: ClassVar[bool] = True

    def settings(self) -> dict[str, Any]:
        """The seed of the baselines."""
        return self.config.model_dump(include={"seed"})

    def limits(self) -> list[Limit]:
        """Returns how many items may be quarantined."""
        return [limit(self.config, "evaluate", "accept_quarantined", "quarantined")]

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per held-out clip and per TTA pair."""
        store = open_store(workspace.path("precompute"))
        rows = featured_rows(workspace, store)
        hashes = {row.item_id: row.audio_sha256 for row in rows}
        fitted = hash_text("fitted", *(f"{row.audio_sha256} {material_of(row)}" for row in material_rows(rows)))
        generated: dict[str, list[Generated]] = {}
        for row in read_table(workspace.table("generate", Generated.TABLE), Generated):
            generated.setdefault(row.case_id, []).append(row)
        groups: dict[str, list[Case]] = {}
        for case in plan_cases(rows, self.config, store.clip_s):
            if case.item_id in generated:
                groups.setdefault(f"tta-{case.pair}" if case.pair else f"clip-{case.parent_id}", []).append(case)
        judged = JudgedCases.open(self.config, workspace)
        return [
            Item(name, {**_payload(cases, generated, hashes, fitted), "judged_sha256": judged.hashes(cases)})
            for name, cases in groups.items()
        ]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Scores item by item."""
        if not items:
            return
        scorer = self.kept.get(lambda: Scorer.open(self.config, workspace), workspace)

        def run(item: Item) -> list[ClipScore]:
            return scorer.score([Case.from_dict(values) for values in item.payload["cases"]], item.payload["audio"])

        yield from each(items, run)


def _payload(
    cases: Sequence[Case], generated: Mapping[str, Sequence[Generated]], hashes: Mapping[str, str], fitted: str
) -> dict[str, Any]:
    """Returns the cases with the hash of every audio file that their scores depend on; audio by checkpoint."""
    names = {name for case in cases for name in (case.parent_id, case.reference_id, case.shuffled_id) if name}
    return {
        "cases": [case.to_dict() for case in cases],
        "audio": [{row.checkpoint: row.audio_path for row in generated[case.item_id]} for case in cases],
        "audio_sha256": [{row.checkpoint: row.audio_sha256 for row in generated[case.item_id]} for case in cases],
        "fitted_sha256": fitted,
        "compared_sha256": {name: hashes[name] for name in sorted(names)},
    }
