"""The first and last sections: what the run is made of, the pipeline, the quarantine, and provenance."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import yaml

from data_contracts import Quarantine
from data_contracts.generation import BUILTIN
from data_contracts.quantities import duration_text
from tasks.engine.workspace import Workspace
from tasks.report import Settings
from tasks.report.collect import Collected, ComponentWeights, StageCounts
from tasks.report.words import COMPONENTS

_QUARANTINE_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Hero:
    """The top of the page."""

    workspace: str
    dataset_version: str
    placeholders: list[str]
    statement: str
    numbers: list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Hours of audio of one subset, per split."""

    subset: str
    cells: list[str]
    total: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The stages with their counts, and the hours table."""

    stages: list[StageCounts]
    splits: list[str]
    hours: list[Hours]
    hours_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineView:
    """Counts by stage and reason, then the rows (the first 200)."""

    note: str | None
    counts: list[tuple[str, str, int]]
    rows: list[Quarantine]
    omitted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The config, weights, tools and licences behind the run."""

    config: str
    weights: list[ComponentWeights]
    tools: list[tuple[str, str]]
    licences: list[tuple[str, int]]


def build_hero(found: Collected, workspace: Workspace, settings: Settings) -> Hero:
    """Returns the top: name, placeholders, what the data and components are, and the run in six numbers."""
    placeholders = [f"{COMPONENTS.get(w.role, w.role)}: {w.name}" for w in found.weights if w.placeholder]
    length = duration_text(sum(row.duration_s for row in found.manifest or found.clips))
    by_llm = sum(row.source.startswith("llm") for row in found.captions)
    numbers = [
        ("clips", f"{len(found.clips):,}"),
        ("audio", length),
        ("augmented clips", f"{len(found.augmented):,}"),
        ("captions by a language model", f"{by_llm:,} of {len(found.captions):,}"),
        ("generated clips", f"{len(found.generated):,}"),
        ("in quarantine", f"{len(found.quarantine):,}"),
    ]
    return Hero(
        workspace=workspace.root.resolve().name,
        dataset_version=settings["dataset_version"],
        placeholders=placeholders,
        statement=_statement(found, settings, placeholders),
        numbers=numbers,
    )


def build_pipeline(found: Collected) -> Pipeline:
    """Returns the stages, and hours per subset and split from the manifest, or from the clips before there is one."""
    rows = [(r.subset, r.split, r.duration_s) for r in (found.manifest or found.clips)]
    splits = [s for s in ("train", "val", "test") if any(split == s for _, split, _ in rows)]
    splits += sorted({split for _, split, _ in rows} - set(splits))
    hours = []
    for subset in sorted({subset for subset, _, _ in rows}, key=_subset_order):
        per_split = [sum(d for a, b, d in rows if (a, b) == (subset, split)) for split in splits]
        hours.append(
            Hours(subset=subset, cells=[duration_text(s) for s in per_split], total=duration_text(sum(per_split)))
        )
    return Pipeline(
        stages=found.stages, splits=splits, hours=hours, hours_from="manifest" if found.manifest else "clips"
    )


def build_quarantine(found: Collected) -> QuarantineView:
    """Returns the counts and the first rows."""
    counts = Counter((row.stage, row.reason) for row in found.quarantine)
    return QuarantineView(
        note=found.note("quarantine"),
        counts=[(stage, reason, n) for (stage, reason), n in sorted(counts.items(), key=lambda c: (-c[1], c[0]))],
        rows=found.quarantine[:_QUARANTINE_ROWS],
        omitted=max(0, len(found.quarantine) - _QUARANTINE_ROWS),
    )


def build_provenance(found: Collected, settings: Settings) -> Provenance:
    """Returns the settings as YAML, weights, tools and licences."""
    licences = Counter(row.licence or "not stated" for row in found.clips)
    return Provenance(
        config=yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True),
        weights=found.weights,
        tools=found.tools,
        licences=sorted(licences.items(), key=lambda item: (-item[1], item[0])),
    )


def _statement(found: Collected, settings: Settings, placeholders: list[str]) -> str:
    ingest = settings["ingest"]
    rendered = [corpus["kind"] == "builtin" for corpus in ingest["corpora"] or [ingest["corpus"]]]
    if all(rendered):
        data = "All audio and video is rendered, not recorded."
    elif any(rendered):
        data = "The clips are the user's own; some are rendered, not recorded."
    else:
        data = "The clips are the user's own."
    if any(row.checkpoint == BUILTIN for row in found.generated):
        data += " The shipped weights were trained on rendered sounds."
    if not found.weights:
        return f"{data} No model component has been used yet."
    if placeholders:
        return f"{data} Small embedded components replace the paper's: compare scores within this run only."
    return f"{data} No embedded placeholder was used."


def _subset_order(subset: str) -> tuple[int, str]:
    known = ("vta", "tta", "aa")
    return (known.index(subset) if subset in known else len(known)), subset
