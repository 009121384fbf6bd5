"""Mining: which training captions name a side of speed, distance or volume (SPEC A1)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from data_contracts import Clip, Mined, Row, iter_table
from model.weights.catalogue import CAPTION_PARSER, COMPONENTS
from tasks.engine import Item, ItemResult, Stage
from tasks.engine.workspace import Workspace
from tasks.language.cues import Cue
from tasks.mine.config import MineConfig
from tasks.mine.miner import select
from tasks.mine.parser import make_miner, method_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MineStage(Stage):
    """One item per clip of the mined splits; one row per dimension its caption names, often none."""

    config: MineConfig
    name: ClassVar[str] = "mine"
    version: ClassVar[int] = 3
    row_type: ClassVar[type[Row]] = Mined
    row_wise: ClassVar[bool] = True  # the table is written batch by batch

    def settings(self) -> dict[str, Any]:
        """Returns what mines, with its version; the splits act through the items."""
        return {"method": method_of(self.config.parser)}

    def items(self, workspace: Workspace) -> Iterator[Item]:
        """Yields one item per clip. Held-out clips are not mined: the paper keeps training samples."""
        clips = iter_table(workspace.table("ingest", "clips"), Clip)
        return (Item(clip.item_id, {"caption": clip.caption}) for clip in clips if clip.split in self.config.splits)

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:  # noqa: ARG002
        """Mines a shard's captions in one batch; text never fails."""
        miner = make_miner(self.config.parser)
        if self.config.parser == "auto" and miner.method.startswith("rules"):
            command = COMPONENTS[CAPTION_PARSER].fetch_command
            log.warning("no parser model here: captions are mined by rules; `%s` fetches it", command)
        found = miner.find([item.payload["caption"] for item in items])
        for item, cues in zip(items, found, strict=True):
            yield ItemResult(item.item_id, rows=tuple(row.to_dict() for row in _mined(item, cues, miner.method)))


def _mined(item: Item, cues: Sequence[Cue], method: str) -> list[Mined]:
    caption = item.payload["caption"]
    return [
        Mined(
            item_id=f"{item.item_id}~{cue.dimension}",
            parent_id=item.item_id,
            caption=caption,
            dimension=cue.dimension,
            side=cue.side,
            words=cue.words,
            start=cue.start,
            end=cue.end,
            pos=cue.pos,
            method=method,
        )
        for cue in select(cues)
    ]
