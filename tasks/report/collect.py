"""Everything the report reads from a workspace: the tables that exist, stage counts, weights, tool versions.

A table that is missing or breaks its contract leaves a note, which its section shows; it never stops the report.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from data_contracts import (
    AblationScore,
    Augmented,
    Caption,
    Clip,
    ClipScore,
    ContractError,
    FeatureRow,
    Generated,
    ManifestRow,
    Mined,
    Paraphrase,
    Quarantine,
    Row,
    Score,
    TrainMetric,
    UsageError,
    read_table,
)
from tasks.engine import read_quarantine
from tasks.engine.workspace import Workspace, read_json

RowT = TypeVar("RowT", bound=Row)

STAGES: Final[tuple[tuple[str, str, str], ...]] = (
    ("ingest", "clips", "cut to 8 s clips"),
    ("mine", "mined", "find adverbs"),
    ("augment", "augmented", "change the sound"),
    ("recaption", "captions", "say what changed"),
    ("paraphrase", "paraphrases", "say it differently"),
    ("manifest", "manifest", "training rows"),
    ("precompute", "features", "encode once"),
    ("train", "train_metrics", "flow matching"),
    ("generate", "generated", "make sound"),
    ("score", "clip_scores", "measure clips"),
    ("evaluate", "scores", "score tables"),
)
"""Stage, its table, and what it does in three words, in the order the data flows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """One stage as the pipeline strip shows it. Counts are None where the stage has not finished."""

    name: str
    table: str
    does: str
    rows: int | None
    done: int | None
    quarantined: int
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One model part that was used: its role, name, hash, and whether it is an embedded placeholder."""

    role: str
    name: str
    sha256: str
    placeholder: bool


@dataclass(slots=True, kw_only=True)
class Collected:
    """The whole input of the report, typed."""

    clips: list[Clip] = field(default_factory=list)
    mined: list[Mined] = field(default_factory=list)
    augmented: list[Augmented] = field(default_factory=list)
    captions: list[Caption] = field(default_factory=list)
    paraphrases: list[Paraphrase] = field(default_factory=list)
    manifest: list[ManifestRow] = field(default_factory=list)
    features: list[FeatureRow] = field(default_factory=list)
    metrics: list[TrainMetric] = field(default_factory=list)
    generated: list[Generated] = field(default_factory=list)
    clip_scores: list[ClipScore] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    ablations: list[AblationScore] = field(default_factory=list)
    quarantine: list[Quarantine] = field(default_factory=list)
    stages: list[StageState] = field(default_factory=list)
    weights: list[Weights] = field(default_factory=list)
    checkpoint: dict[str, Any] = field(default_factory=dict)
    tools: list[tuple[str, str]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def note(self, *tables: str) -> str | None:
        """Returns the first note about the tables a section needs, None when all are there."""
        return next((self.notes[table] for table in tables if table in self.notes), None)


def collect(workspace: Workspace) -> Collected:
    """Reads every table that exists. Raises nothing for missing or broken ones: `notes` says so."""
    found = Collected()
    found.clips = _table(workspace, "ingest", Clip, found.notes)
    found.mined = _table(workspace, "mine", Mined, found.notes)
    found.augmented = _table(workspace, "augment", Augmented, found.notes)
    found.captions = _table(workspace, "recaption", Caption, found.notes)
    found.paraphrases = _table(workspace, "paraphrase", Paraphrase, found.notes)
    found.manifest = _table(workspace, "manifest", ManifestRow, found.notes)
    found.features = _table(workspace, "precompute", FeatureRow, found.notes)
    found.metrics = sorted(_table(workspace, "train", TrainMetric, found.notes), key=lambda row: row.step)
    found.generated = _table(workspace, "generate", Generated, found.notes)
    found.clip_scores = _table(workspace, "score", ClipScore, found.notes)
    found.scores = _table(workspace, "evaluate", Score, found.notes)
    if workspace.table("ablations", AblationScore.TABLE).exists():  # not a stage: most runs have none
        found.ablations = _table(workspace, "ablations", AblationScore, found.notes)
    found.quarantine = _quarantine(workspace, found.notes)
    found.stages = [_stage(workspace, found, *stage) for stage in STAGES]
    found.checkpoint = checkpoint_metadata(workspace.path("train", "checkpoint.safetensors"))
    found.weights = _weights(found, _features_specs(workspace.path("precompute", "features.json")))
    found.tools = _tools(found)
    return found


def checkpoint_metadata(path: Path) -> dict[str, Any]:
    """Returns a safetensors file's metadata with JSON values parsed, without reading a tensor; {} when not there."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size)) if size < 100_000_000 else {}
    except (OSError, ValueError):
        return {}
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    return {key: parse_json(value) for key, value in (metadata or {}).items()}


def parse_json(text: Any) -> Any:
    """Returns the value of JSON text, or the text itself when it is not JSON."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def _table(workspace: Workspace, stage: str, row_type: type[RowT], notes: dict[str, str]) -> list[RowT]:
    path = workspace.table(stage, row_type.TABLE)
    if not path.exists():
        notes[row_type.TABLE] = f"The {stage} stage has not run yet."
        return []
    try:
        rows = read_table(path, row_type)
    except ContractError as error:
        notes[row_type.TABLE] = f"The table of the {stage} stage cannot be read: {error}".replace(
            str(workspace.root.resolve()), "<workspace>"
        )
        return []
    if not rows:
        notes[row_type.TABLE] = f"The {stage} stage has finished and its table is empty."
    return rows


def _quarantine(workspace: Workspace, notes: dict[str, str]) -> list[Quarantine]:
    try:
        return sorted(read_quarantine(workspace), key=lambda row: (row.stage, row.reason, row.item_id))
    except ContractError as error:
        notes["quarantine"] = f"A quarantine table cannot be read: {error}"
        return []


def _stage(workspace: Workspace, found: Collected, name: str, table: str, does: str) -> StageState:
    """Counts come from the stage's own summary (`stage.json`), else from its table."""
    tables: dict[str, Sequence[Row]] = {
        "clips": found.clips, "mined": found.mined, "augmented": found.augmented, "captions": found.captions,
        "paraphrases": found.paraphrases, "manifest": found.manifest, "features": found.features,
        "train_metrics": found.metrics, "generated": found.generated, "clip_scores": found.clip_scores,
        "scores": found.scores,
    }  # fmt: skip
    rows = tables[table]
    marker = workspace.path(name, "stage.json")
    try:
        summary = read_json(marker).get("summary", {}) if marker.exists() else {}
    except (UsageError, AttributeError):
        summary = {}
    there = workspace.table(name, table).exists()
    done = summary.get("done") if isinstance(summary, dict) else None
    return StageState(
        name=name,
        table=table,
        does=does,
        rows=len(rows) if there else None,
        done=int(done) if isinstance(done, int) else None,
        quarantined=sum(row.stage == name for row in found.quarantine),
        note=found.notes.get(table),
    )


def _features_specs(path: Path) -> Any:
    """Returns the specs in the features' header; None before precompute has finished."""
    try:
        header = read_json(path)
    except UsageError:
        return None
    return header.get("specs") if isinstance(header, dict) else None


def _weights(found: Collected, feature_specs: Any) -> list[Weights]:
    """Parts named by the features, the checkpoint and the generated rows, one row each."""
    values: dict[tuple[str, str], Weights] = {}
    generated = [parse_json(text) for text in _unique(row.weights_json for row in found.generated)]
    for source in (feature_specs, found.checkpoint.get("specs"), *generated):
        for weights in _parts(source):
            values.setdefault((weights.name, weights.sha256), weights)
    for sha in _unique(row.checkpoint_sha256 for row in found.generated):
        values.setdefault(("checkpoint", sha), Weights(role="network", name="this run", sha256=sha, placeholder=False))
    return sorted(values.values(), key=lambda w: (w.role, w.name, w.sha256))


def _parts(value: Any) -> list[Weights]:
    """Reads `{role: {name, weights_sha256|sha256, placeholder}}` or a list of such parts, as specs are stored."""
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = [(str(part.get("role", "part")), part) for part in value if isinstance(part, dict)]
    else:
        return []
    return [
        Weights(
            role=str(role),
            name=str(part.get("name", role)),
            sha256=str(part.get("weights_sha256") or part.get("sha256") or ""),
            placeholder=bool(part.get("placeholder", False)),
        )
        for role, part in items
        if isinstance(part, dict) and ({"name", "sha256", "weights_sha256"} & part.keys())
    ]


def _tools(found: Collected) -> list[tuple[str, str]]:
    """Tool versions over all rows; a tool that was used in two versions has both."""
    versions: dict[str, Counter[str]] = {}
    for text in _unique([*(row.tools_json for row in found.clips), *(row.tools_json for row in found.augmented)]):
        tools = parse_json(text)
        for name, version in tools.items() if isinstance(tools, dict) else ():
            versions.setdefault(str(name), Counter())[str(version)] += 1
    return [(name, ", ".join(sorted(counts))) for name, counts in sorted(versions.items())]


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
