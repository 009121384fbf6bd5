"""Makes one item of a finished workspace again, alone, from its source, and compares byte for byte.

The lineage columns name every row and file that an item was made from. Each stage of that chain is run for the one item
in a temporary folder; the rows must equal those of the tables, and the files' hashes those in the rows. A file that is
missing or damaged in the workspace is then restored. A file whose hash is another than its row says is never written.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from data_contracts import (
    Augmented,
    Caption,
    Clip,
    ContractError,
    ItemError,
    ManifestRow,
    Mined,
    Paraphrase,
    UsageError,
    iter_table,
)
from data_contracts.files import atomic_path, hash_file
from data_contracts.stages import STAGE_TABLES
from tasks.choices import with_choices
from tasks.config import PipelineConfig
from tasks.engine import Item, Stage
from tasks.engine.workspace import Workspace
from tasks.ingest.duplicates import REPORT as DUPLICATES
from tasks.ingest.duplicates import placed_clip
from tasks.manifest.rows import Captions, augmented_row, clip_row
from tasks.pipeline import find_step

Verdict = Literal["same", "restored", "differs", "not made again"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How what one stage makes now compares with the workspace. `detail` says what differs or was restored."""

    stage: str
    item_id: str
    verdict: Verdict
    detail: str = ""

    def line(self) -> str:
        """Returns the line that the command prints."""
        return f"{self.stage:<11}{self.verdict:<10}{self.item_id}" + (f"  ({self.detail})" if self.detail else "")


def regenerate(config: PipelineConfig, workspace: Workspace, item_id: str) -> list[Comparison]:
    """Makes a manifest row again, stage by stage, and returns how each stage compares with the workspace.

    Raises UsageError for an id that is not in the manifest, ContractError when a table of the chain is missing.
    """
    row = _manifest_row(workspace, item_id)
    scratch_root = Path(tempfile.mkdtemp(prefix=".tmp-regenerate-", dir=workspace.root))
    try:
        chain = _Chain(config, workspace, Workspace(scratch_root))
        compared = [chain.make("ingest", _source_ids(row.clip_id), {row.clip_id})]
        if row.subset == "aa":
            compared += [
                chain.make("mine", (row.clip_id,), {_mined_id(workspace, row)}),
                chain.make("augment", (row.item_id,), {row.item_id}),
                chain.make("recaption", (row.item_id,), None),
                chain.make("paraphrase", tuple(caption["item_id"] for caption in chain.rows["recaption"]), None),
            ]
        return [*compared, chain.manifest(row)]
    finally:
        shutil.rmtree(scratch_root, ignore_errors=True)


class _Chain:
    """The stages of one item. `rows`: stage -> the rows that it made in the temporary folder."""

    def __init__(self, config: PipelineConfig, workspace: Workspace, scratch: Workspace) -> None:
        self.config, self.workspace, self.scratch = with_choices(config, workspace), workspace, scratch
        self.rows: dict[str, list[dict[str, Any]]] = {}

    def make(self, name: str, item_ids: Sequence[str], wanted: set[str] | None) -> Comparison:
        """Runs one stage for one item; `wanted` are the ids of the rows to compare, None for all of them."""
        stage = find_step(name).make(self.config)
        item = _find_item(stage, self.workspace, item_ids)
        try:
            made = self._process(stage, item)
        except ItemError as error:
            return self._from_workspace(stage, item.item_id, wanted, error)
        made = [row for row in made if wanted is None or row["item_id"] in wanted]
        self.rows[name] = made
        stored = _stored(self.workspace, name, {row["item_id"] for row in made} if wanted is None else wanted)
        if difference := _difference(stored, made):
            return Comparison(stage=name, item_id=item.item_id, verdict="differs", detail=difference)
        restored = [path for row in made for path in self._restore(stage.item_files(row))]
        verdict: Verdict = "restored" if restored else "same"
        return Comparison(stage=name, item_id=item.item_id, verdict=verdict, detail=", ".join(restored))

    def manifest(self, row: ManifestRow) -> Comparison:
        """Joins what was made into the manifest's row, and compares."""
        clip = Clip.from_dict(self.rows["ingest"][0])
        made = clip_row(clip)
        if row.subset == "aa":
            caption = Caption.from_dict(self.rows["recaption"][0])
            paraphrases = [Paraphrase.from_dict(values) for values in self.rows["paraphrase"]]
            made = augmented_row(
                clip,
                Mined.from_dict(self.rows["mine"][0]),
                Augmented.from_dict(self.rows["augment"][0]),
                Captions(caption=caption, paraphrases=paraphrases),
            )
        difference = _difference([row.to_dict()], [made.to_dict()])
        return Comparison(
            stage="manifest", item_id=row.item_id, verdict="differs" if difference else "same", detail=difference
        )

    def _process(self, stage: Stage, item: Item) -> list[dict[str, Any]]:
        # Captions are made from the workspace's stored completions, so that no language model is asked again.
        place = self.workspace if stage.name in ("recaption", "paraphrase") else self.scratch
        rows: list[dict[str, Any]] = []
        for result in stage.process([item], place):
            if result.error is not None:
                raise result.error
            rows.extend(result.rows)
        if stage.name == "ingest":
            return [placed_clip(row, self.workspace.path("ingest", DUPLICATES)).to_dict() for row in rows]
        return [STAGE_TABLES[stage.name].from_dict(row).to_dict() for row in rows]

    def _from_workspace(self, stage: Stage, item_id: str, wanted: set[str] | None, error: ItemError) -> Comparison:
        """Continues from the workspace's own rows and files where the source recording is missing, and says so."""
        if wanted is None or stage.name != "ingest":
            raise ContractError(f"{stage.name} of {item_id} fails now: {error.message}")
        rows = _stored(self.workspace, stage.name, wanted)
        for row in rows:
            for path, sha256 in stage.item_files(row).items():
                source, copy = self.workspace.path(path), self.scratch.path(path)
                if not source.is_file() or hash_file(source) != sha256:
                    raise ContractError(f"{path} is missing or damaged and cannot be made again: {error.message}")
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
        self.rows[stage.name] = rows
        detail = f"{error.message}; continued from the workspace's clip, whose hash is right"
        return Comparison(stage=stage.name, item_id=item_id, verdict="not made again", detail=detail)

    def _restore(self, hashes: Mapping[str, str]) -> Iterator[str]:
        """Restores files that are missing or damaged. `hashes`: path -> SHA-256. Yields the restored paths."""
        for path, expected in hashes.items():
            target, made = self.workspace.path(path), self.scratch.path(path)
            if target.is_file() and hash_file(target) == expected:
                continue
            if hash_file(made) != expected:
                raise ContractError(f"{path}: the file made again has another hash than its own row; a stage is broken")
            with atomic_path(target) as temporary:
                shutil.copyfile(made, temporary)
            yield path


def _manifest_row(workspace: Workspace, item_id: str) -> ManifestRow:
    for row in iter_table(workspace.table("manifest", "manifest"), ManifestRow):
        if row.item_id == item_id:
            return row
    raise UsageError(
        f"{item_id[:80]!r} is not an item of the manifest; column item_id of manifest/manifest.parquet lists them"
    )


def _source_ids(clip_id: str) -> tuple[str, ...]:
    """Returns the ids that ingest may list the clip's recording by: the clip's, or that without the portion number."""
    head, separator, number = clip_id.rpartition("~p")
    return (clip_id, head) if separator and number.isdigit() else (clip_id,)


def _mined_id(workspace: Workspace, row: ManifestRow) -> str:
    for augmented in iter_table(workspace.table("augment", "augmented"), Augmented):
        if augmented.item_id == row.parent_id:
            return augmented.parent_id
    raise ContractError(
        f"{row.parent_id}, which {row.item_id} was made from, is no longer in augmented.parquet; run augment again"
    )


def _find_item(stage: Stage, workspace: Workspace, item_ids: Sequence[str]) -> Item:
    found = {item.item_id: item for item in stage.items(workspace) if item.item_id in item_ids}
    for item_id in item_ids:
        if item_id in found:
            return found[item_id]
    raise ContractError(f"stage {stage.name} no longer lists {item_ids[0]}; its input or the corpus has changed")


def _stored(workspace: Workspace, stage: str, ids: set[str]) -> list[dict[str, Any]]:
    row_type = STAGE_TABLES[stage]
    table = iter_table(workspace.table(stage, row_type.TABLE), row_type)
    return [values for row in table if (values := row.to_dict())["item_id"] in ids]


def _difference(stored: Sequence[dict[str, Any]], made: Sequence[dict[str, Any]]) -> str:
    """Returns the first difference, empty when there is none."""
    known = {row["item_id"]: row for row in stored}
    if not made or known.keys() != {row["item_id"] for row in made}:
        return f"{len(made)} rows now, {len(stored)} in the table"
    for row in made:
        for column, value in row.items():
            before = known[row["item_id"]][column]
            if before != value:
                return f"{column}: {_short(before)} in the table, {_short(value)} now"
    return ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
