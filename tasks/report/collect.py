"""Everything the report reads from a workspace: the tables that exist, stage counts, weights, tool versions.

A table that is missing or breaks its contract becomes a note that its section shows; it never stops the report.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from data_contracts import (
    AblationScore,
    Augmented,
    Caption,
    ClaimResult,
    Clip,
    ClipScore,
    ContractError,
    FeatureRow,
    Generated,
    Judgement,
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
from data_contracts.stages import STAGE_TABLES
from tasks.engine import read_quarantine
from tasks.engine.workspace import Workspace, read_json
from tasks.report.words import checkpoint_name

_DOES: Final = {
    "ingest": "cut to 8 s clips",
    "mine": "find adverbs",
    "augment": "change the audio",
    "recaption": "describe the change",
    "paraphrase": "reword the captions",
    "manifest": "list training rows",
    "precompute": "encode once",
    "train": "flow matching",
    "generate": "generate audio",
    "judge": "ask networks",
    "score": "measure clips",
    "evaluate": "average scores",
}
_FIELDS: Final = {TrainMetric.TABLE: "metrics"}  # the others have their table's name
STAGES: Final[Mapping[str, tuple[str, type[Row], str]]] = {
    stage: (_FIELDS.get(row_type.TABLE, row_type.TABLE), row_type, _DOES[stage])
    for stage, row_type in STAGE_TABLES.items()
}
"""Stage name -> (field of `Collected`, row type of its table, what the stage does), in pipeline order."""
_COMPARISONS: Final[Mapping[str, type[Row]]] = {"ablations": AblationScore, "claims": ClaimResult}
"""Folder of a comparison, which is also its field of `Collected` -> the row type of its table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCounts:
    """One stage in the pipeline overview. `rows` is None before the stage has written its table."""

    name: str
    table: str
    does: str
    rows: int | None
    done: int | None
    quarantined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentWeights:
    """The weights of one model component that was used; `placeholder`: an embedded one in place of the paper's."""

    role: str
    name: str
    sha256: str
    placeholder: bool


@dataclass(slots=True, kw_only=True)
class Collected:
    """The report's whole input. `notes`: table name -> why it is missing, unreadable or empty."""

    clips: list[Clip] = field(default_factory=list)
    mined: list[Mined] = field(default_factory=list)
    augmented: list[Augmented] = field(default_factory=list)
    captions: list[Caption] = field(default_factory=list)
    paraphrases: list[Paraphrase] = field(default_factory=list)
    manifest: list[ManifestRow] = field(default_factory=list)
    features: list[FeatureRow] = field(default_factory=list)
    metrics: list[TrainMetric] = field(default_factory=list)
    generated: list[Generated] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    clip_scores: list[ClipScore] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    ablations: list[AblationScore] = field(default_factory=list)
    claims: list[ClaimResult] = field(default_factory=list)
    quarantine: list[Quarantine] = field(default_factory=list)
    stages: list[StageCounts] = field(default_factory=list)
    weights: list[ComponentWeights] = field(default_factory=list)
    tools: list[tuple[str, str]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def note(self, *tables: str) -> str | None:
        """Returns the first note about these tables; None when all are there."""
        return next((self.notes[table] for table in tables if table in self.notes), None)


def collect(workspace: Workspace) -> Collected:
    """Reads every table that exists. Missing and broken ones raise nothing; they are in `notes`."""
    notes: dict[str, str] = {}
    tables: dict[str, Any] = {
        name: _read(workspace, stage, row_type, notes) for stage, (name, row_type, _) in STAGES.items()
    }
    for name, row_type in _COMPARISONS.items():  # not stages: most runs have none
        if workspace.table(name, row_type.TABLE).exists():
            tables[name] = _read(workspace, name, row_type, notes)
    found = Collected(**tables, notes=notes)
    found.metrics.sort(key=lambda row: row.step)
    found.quarantine = _quarantine(workspace, notes)
    found.stages = [_counts(workspace, found, stage) for stage in STAGES]
    found.weights = _weights(found, _feature_specs(workspace.path("precompute", "features.json")))
    found.tools = _tools(found)
    return found


def parse_json(text: Any) -> Any:
    """Returns the value of JSON text, or the text itself when it is not JSON."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def _read(workspace: Workspace, stage: str, row_type: type[Row], notes: dict[str, str]) -> list[Any]:
    path = workspace.table(stage, row_type.TABLE)
    if not path.exists():
        notes[row_type.TABLE] = f"The {stage} stage has not run yet."
        return []
    try:
        rows = read_table(path, row_type)
    except ContractError as error:
        notes[row_type.TABLE] = f"The table of the {stage} stage cannot be read: {_message(error, workspace)}"
        return []
    if not rows:
        notes[row_type.TABLE] = f"The {stage} stage has finished and its table is empty."
    return rows


def _quarantine(workspace: Workspace, notes: dict[str, str]) -> list[Quarantine]:
    try:
        return sorted(read_quarantine(workspace), key=lambda row: (row.stage, row.reason, row.item_id))
    except ContractError as error:
        notes["quarantine"] = f"A quarantine table cannot be read: {_message(error, workspace)}"
        return []


def _message(error: ContractError, workspace: Workspace) -> str:
    """Returns the error's message without the folder that the workspace is in: reports are shared."""
    return str(error).replace(str(workspace.root.resolve()), "<workspace>")


def _counts(workspace: Workspace, found: Collected, stage: str) -> StageCounts:
    """Returns the counts from the stage's own summary (`stage.json`), else from its table."""
    name, row_type, does = STAGES[stage]
    try:
        summary = read_json(workspace.path(stage, "stage.json")).get("summary")
    except (UsageError, AttributeError):
        summary = None
    done = summary.get("done") if isinstance(summary, dict) else None
    return StageCounts(
        name=stage,
        table=row_type.TABLE,
        does=does,
        rows=len(getattr(found, name)) if workspace.table(stage, row_type.TABLE).exists() else None,
        done=done if isinstance(done, int) else None,
        quarantined=sum(row.stage == stage for row in found.quarantine),
    )


def _feature_specs(path: Path) -> Any:
    """Returns the specs in the features' header; None before precompute has finished."""
    try:
        header = read_json(path)
    except UsageError:
        return None
    return header.get("specs") if isinstance(header, dict) else None


def _weights(found: Collected, feature_specs: Any) -> list[ComponentWeights]:
    """Returns the components named by the features and the generated rows, one row each, and the networks."""
    values: dict[tuple[str, str], ComponentWeights] = {}
    generated = [parse_json(text) for text in _unique(row.weights_json for row in found.generated)]
    for specs in (feature_specs, *generated):
        for weights in _components(specs):
            values.setdefault((weights.name, weights.sha256), weights)
    for name, sha in dict.fromkeys((row.checkpoint, row.checkpoint_sha256) for row in found.generated):
        network = ComponentWeights(role="network", name=checkpoint_name(name), sha256=sha, placeholder=False)
        values.setdefault((name, sha), network)
    return sorted(values.values(), key=lambda weights: (weights.role, weights.name, weights.sha256))


def _components(specs: Any) -> list[ComponentWeights]:
    """Reads `{role: {name, weights_sha256 or sha256, placeholder}}`, as feature headers and checkpoints hold it."""
    return [
        ComponentWeights(
            role=str(role),
            name=str(spec.get("name", role)),
            sha256=str(spec.get("weights_sha256") or spec.get("sha256") or ""),
            placeholder=bool(spec.get("placeholder", False)),
        )
        for role, spec in (specs.items() if isinstance(specs, dict) else ())
        if isinstance(spec, dict) and ({"name", "sha256", "weights_sha256"} & spec.keys())
    ]


def _tools(found: Collected) -> list[tuple[str, str]]:
    """Returns the tool versions over all rows; a tool that was used in two versions has both."""
    versions: dict[str, set[str]] = {}
    for text in _unique([*(row.tools_json for row in found.clips), *(row.tools_json for row in found.augmented)]):
        tools = parse_json(text)
        for name, version in tools.items() if isinstance(tools, dict) else ():
            versions.setdefault(str(name), set()).add(str(version))
    return [(name, ", ".join(sorted(used))) for name, used in sorted(versions.items())]


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
