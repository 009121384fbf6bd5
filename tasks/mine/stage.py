"""Mining: which training captions name a side of speed, distance or volume (SPEC A1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from data_contracts import Clip, Mined, Row, iter_table
from tasks.engine import Item, Outcome, each, rows_from_dicts
from tasks.mine.config import MineConfig
from tasks.mine.lexicon import VERSION
from tasks.mine.miner import find_cues, select
from tasks.workspace import Workspace


@dataclass(frozen=True)
class MineStage:
    """One item per clip of the mined splits; one row per dimension its caption names, often none."""

    config: MineConfig
    name: ClassVar[str] = "mine"
    version: ClassVar[int] = 1
    row_type: ClassVar[type[Row]] = Mined
    row_wise: ClassVar[bool] = True  # the table is written batch by batch

    def settings(self) -> dict[str, Any]:
        """Returns the lexicon's version; the splits act through the items."""
        return {"lexicon": VERSION}

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per clip. Held-out clips are not mined: the paper keeps training samples."""
        clips = iter_table(workspace.table("ingest", "clips"), Clip)
        return [Item(clip.item_id, {"caption": clip.caption}) for clip in clips if clip.split in self.config.splits]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[Outcome]:  # noqa: ARG002
        """Mines each caption; text never fails."""
        yield from each(items, _mined)

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> list[Row]:  # noqa: ARG002
        """Returns the rows as they are."""
        return rows_from_dicts(Mined, rows)


def _mined(item: Item) -> list[Mined]:
    caption = item.payload["caption"]
    return [
        Mined(
            item_id=f"{item.item_id}~{match.dimension}",
            parent_id=item.item_id,
            caption=caption,
            dimension=match.dimension,
            side=match.side,
            words=match.words,
            start=match.start,
            end=match.end,
            pos=match.pos,
        )
        for match in select(find_cues(caption))
    ]
