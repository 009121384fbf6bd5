"""The generate stage: audio for the held-out clips by TTA, VTA, TC-VTA, AC-VTA and extension (SPEC G1-G5).

An item is one batch of one task. The plan decides what a batch contains, so a resumed run gives the same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from data_contracts import ContractError, Generated, Row
from data_contracts.files import hash_file
from model.variants import variant
from tasks.engine import Item, ItemResult, Stage, each, hashed_files
from tasks.engine.workspace import Workspace
from tasks.evaluate.batch_generator import BatchGenerator
from tasks.evaluate.components import featured_rows, open_store
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.plan import Case, plan_cases

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GenerateStage(Stage):
    """Generates every planned case with the trained model. Levels are left as the model made them.

    `variant`: a named configuration (SPEC M12, G8), whose weights must be those of the workspace. `tasks`: only these;
    all when empty.
    """

    config: EvaluateConfig
    variant: str = "full"
    tasks: tuple[str, ...] = ()

    name: ClassVar[str] = "generate"
    version: ClassVar[int] = 1
    row_type: ClassVar[type[Row]] = Generated
    large_shards: ClassVar[bool] = True

    def settings(self) -> dict[str, Any]:
        """The sampling settings; the plan is part of each item's payload."""
        settings = self.config.model_dump(include={"steps", "cfg_scale"})
        if changed := self.config.sampling.over({}):
            settings["sampling"] = changed
        return settings if self.variant == "full" else {**settings, "variant": self.variant}

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per batch. Raises ContractError before there are features and a checkpoint."""
        store = open_store(workspace.path("precompute"))
        path = workspace.path("train", "checkpoint.safetensors")
        if not path.is_file():
            raise ContractError(f"{path} is missing; run the train stage")
        checkpoint = hash_file(path)
        cases = plan_cases(featured_rows(workspace, store), self.config, store.clip_s)
        items = []
        for task in dict.fromkeys(case.task for case in cases if not self.tasks or case.task in self.tasks):
            planned = [case.to_dict() for case in cases if case.task == task]
            for number, start in enumerate(range(0, len(planned), self.config.batch_size)):
                payload = {"cases": planned[start : start + self.config.batch_size], "checkpoint": checkpoint}
                items.append(Item(f"{task}-batch-{number:03d}", payload))
        return items

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Generates batch by batch."""
        generator = BatchGenerator.open(self.config, workspace, variant(self.variant))

        def run(item: Item) -> list[Generated]:
            cases = [Case.from_dict(values) for values in item.payload["cases"]]
            log.info("generate: %s, %d clips", item.item_id, len(cases))
            return generator.run(item.item_id, cases, item.payload["checkpoint"])

        yield from each(items, run)

    def item_files(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Returns the generated audio."""
        return hashed_files(row, "audio")
