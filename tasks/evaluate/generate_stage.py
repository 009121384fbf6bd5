"""The generate stage: audio for the held-out clips by TTA, VTA, TC-VTA, AC-VTA and extension (SPEC G1-G5).

An item is one batch of one task. The plan decides what a batch contains, so a resumed run gives the same bytes.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from data_contracts import Generated, Row
from data_contracts.files import hash_file
from data_contracts.generation import TRAINED
from model.variants import variant
from tasks.engine import Item, ItemResult, Stage, each, hashed_files
from tasks.engine.kept import Kept
from tasks.engine.quality import Limit, limit
from tasks.engine.workspace import Workspace
from tasks.evaluate.batch_generator import BatchGenerator
from tasks.evaluate.checkpoints import Weights, checkpoint_paths, generated_name
from tasks.evaluate.components import featured_rows, open_store
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.plan import Case, first_cases, plan_cases

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GenerateStage(Stage):
    """Generates every planned case with the trained model. Levels are left as the model made them.

    `variant`: a named configuration (SPEC M12, G8), whose weights must be those of the workspace. `tasks`: only these;
    all when empty.
    """

    config: EvaluateConfig
    variant: str = "full"
    tasks: tuple[str, ...] = ()  # names of `CASE_GROUPS`
    kept: Kept[BatchGenerator] = field(default_factory=Kept, compare=False, repr=False)

    name: ClassVar[str] = "generate"
    version: ClassVar[int] = 3
    row_type: ClassVar[type[Row]] = Generated
    large_shards: ClassVar[bool] = True
    uses_gpu: ClassVar[bool] = True

    def settings(self) -> dict[str, Any]:
        """The sampling settings; the plan is part of each item's payload."""
        settings = self.config.model_dump(include={"steps", "cfg_scale"})
        if changed := self.config.sampling.over({}):
            settings["sampling"] = changed
        if self.config.precision != "fp32":
            settings["precision"] = self.config.precision
        return settings if self.variant == "full" else {**settings, "variant": self.variant}

    def limits(self) -> list[Limit]:
        """Returns how many items may be quarantined."""
        return [limit(self.config, "evaluate", "accept_quarantined", "quarantined")]

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per batch and checkpoint. Raises ContractError before there are features and a checkpoint,
        UsageError for another checkpoint that is no file."""
        store = open_store(workspace.path("precompute"))
        checkpoints = checkpoint_paths(self.config.checkpoints, workspace)
        cases = plan_cases(featured_rows(workspace, store), self.config, store.clip_s)
        groups = dict.fromkeys(case.group for case in cases if not self.tasks or case.group in self.tasks)
        items = []
        for name, path in checkpoints.items():
            weights = {"checkpoint": name, "checkpoint_sha256": hash_file(path)}
            limit = self.config.trained_clips if name == TRAINED and len(checkpoints) > 1 else None
            chosen = cases if limit is None else first_cases(cases, limit)
            for group, (place, seed) in itertools.product(groups, enumerate(self.config.noise_seeds)):
                planned = [case.to_dict() for case in chosen if (case.group, case.seed_number) == (group, place)]
                batch = f"{group}-seed-{seed}-batch" if place else f"{group}-batch"
                for number, start in enumerate(range(0, len(planned), self.config.batch_size)):
                    payload = {"cases": planned[start : start + self.config.batch_size], **weights}
                    items.append(Item(generated_name(f"{batch}-{number:03d}", name), payload))
        return items

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Generates batch by batch; one checkpoint is loaded at a time."""
        paths = checkpoint_paths(self.config.checkpoints, workspace)

        def generator(checkpoint: str, sha256: str) -> BatchGenerator:
            weights = Weights(name=checkpoint, path=paths[checkpoint], sha256=sha256)
            return self.kept.get(
                lambda: BatchGenerator.open(self.config, workspace, variant(self.variant), weights), weights
            )

        def run(item: Item) -> list[Generated]:
            cases = [Case.from_dict(values) for values in item.payload["cases"]]
            log.info("generate: %s, %d clips", item.item_id, len(cases))
            made_by = generator(item.payload["checkpoint"], item.payload["checkpoint_sha256"])
            return made_by.run(item.item_id, cases)

        yield from each(items, run)

    def item_files(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Returns the generated audio."""
        return hashed_files(row, "audio")
