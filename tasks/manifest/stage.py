"""The manifest: one row per training or test sample, from all stages before it (SPEC D4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from data_contracts import (
    Augmented,
    Caption,
    Clip,
    ContractError,
    ManifestRow,
    Mined,
    Paraphrase,
    Row,
    iter_table,
    read_table,
)
from tasks.engine import Item, ItemResult, Stage, each
from tasks.engine.workspace import Workspace
from tasks.manifest.card import CARD, write_dataset_card
from tasks.manifest.config import ManifestConfig
from tasks.manifest.rows import Captions, augmented_row, clip_row

ParentT = TypeVar("ParentT", Clip, Mined, Caption)


@dataclass(frozen=True)
class ManifestStage(Stage):
    """vta rows (clips with video), tta rows (clips without), then aa rows (augmented audio with its new caption).

    Augmented audio whose caption was quarantined has no row; its quarantine row states the reason.
    """

    config: ManifestConfig
    dataset_version: str
    name: ClassVar[str] = "manifest"
    version: ClassVar[int] = 2  # the card's durations
    row_type: ClassVar[type[Row]] = ManifestRow

    def settings(self) -> dict[str, Any]:
        """Returns the dataset version; `include_augmented` changes the items, so it is no setting of theirs."""
        return {"dataset_version": self.dataset_version}

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per row; its payload is the finished row."""
        clips = read_table(workspace.table("ingest", "clips"), Clip)
        rows = [clip_row(clip) for clip in clips]
        if self.config.include_augmented:
            rows.extend(_augmented_rows(clips, workspace))
        return [Item(row.item_id, row.to_dict()) for row in rows]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:  # noqa: ARG002
        """Returns each item's row."""
        yield from each(items, lambda item: [ManifestRow.from_dict(item.payload)])

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> list[ManifestRow]:  # noqa: ARG002
        """Returns the rows. Raises ContractError when a group is in two splits."""
        typed = [ManifestRow.from_dict(row) for row in rows]
        require_one_split(typed)
        return typed

    def outputs(self, workspace: Workspace) -> dict[str, None]:  # noqa: ARG002
        """Names the dataset card."""
        return {CARD: None}

    def on_finished(self, workspace: Workspace) -> str:
        """Writes the dataset card."""
        write_dataset_card(workspace)
        return ""


def require_one_split(rows: Sequence[ManifestRow]) -> None:
    """Raises ContractError unless every group, and so everything made from one recording, is in one split."""
    first_rows: dict[str, ManifestRow] = {}
    for row in rows:
        first = first_rows.setdefault(row.group_id, row)
        if first.split != row.split:
            raise ContractError(
                f"manifest: group {row.group_id!r} is in {first.split} ({first.item_id}) and in {row.split} "
                f"({row.item_id}); give it one split in the source table"
            )


def _augmented_rows(clips: Sequence[Clip], workspace: Workspace) -> list[ManifestRow]:
    augmented = read_table(workspace.table("augment", "augmented"), Augmented)
    captions = {row.parent_id: row for row in iter_table(workspace.table("recaption", "captions"), Caption)}
    paraphrases: dict[str, list[Paraphrase]] = {}
    for paraphrase in iter_table(workspace.table("paraphrase", "paraphrases"), Paraphrase):
        paraphrases.setdefault(paraphrase.parent_id, []).append(paraphrase)
    mined = {row.item_id: row for row in iter_table(workspace.table("mine", "mined"), Mined)}
    clips_by_id = {clip.item_id: clip for clip in clips}
    rows = []
    for row in augmented:
        caption = captions.get(row.item_id)
        if caption is None:
            continue
        texts = Captions(caption=caption, paraphrases=paraphrases.get(caption.item_id, []))
        clip = _parent(clips_by_id, row.clip_id, row.item_id)
        rows.append(augmented_row(clip, _parent(mined, row.parent_id, row.item_id), row, texts))
    return rows


def _parent(rows: dict[str, ParentT], parent_id: str, child_id: str) -> ParentT:
    try:
        return rows[parent_id]
    except KeyError:
        raise ContractError(
            f"manifest: {child_id} was made from {parent_id}, which is not in its table any more; run augment again"
        ) from None
