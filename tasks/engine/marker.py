"""The marker of a finished stage, `<stage>/stage.json`: of which items its files are made, and each file's identity.

A stage is finished when the marker names the items as they are now and every file is whole. Each look compares size and
modification time; where only the time differs (a copied workspace) the hash decides. A check by hash reads every file.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_contracts import UsageError
from data_contracts.files import hash_file
from tasks.engine.stage import Stage, StageSummary
from tasks.engine.workspace import Workspace, read_json, write_json

QUARANTINE: Final = "quarantine"


_Count = Annotated[int, Field(ge=0)]


class _Whole(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _File(_Whole):
    bytes: _Count
    mtime_ns: int
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Share(_Whole):
    name: str
    count: _Count
    of: _Count
    most: float
    setting: str
    fallbacks: bool


class _Summary(_Whole):
    stage: str
    done: _Count
    new: _Count
    quarantined: _Count
    rows: _Count
    reasons: dict[str, _Count]
    note: str
    shares: list[_Share] = []


class _Marker(_Whole):
    fingerprint: Annotated[str, Field(min_length=1)]
    summary: _Summary
    files: dict[str, _File]
    inputs: str = ""  # what the items depended on (`inputs.py`); empty where that is not known


def marker_path(workspace: Workspace, stage_name: str) -> Path:
    """Returns the path of a stage's marker."""
    return workspace.path(stage_name, "stage.json")


def table_paths(stage: Stage, workspace: Workspace) -> list[Path]:
    """Returns the paths of the tables that the engine writes for a stage."""
    names = [stage.row_type.TABLE] if stage.row_type else []
    return [workspace.table(stage.name, name) for name in (*names, *(() if stage.single else (QUARANTINE,)))]


def write_marker(stage: Stage, workspace: Workspace, fingerprint: str, summary: StageSummary) -> None:
    """Records that the stage is finished, with the size, time and hash of each of its files."""
    hashes: dict[str, str | None] = {path.name: None for path in table_paths(stage, workspace)}
    hashes |= stage.outputs(workspace)
    files = {name: _identity(workspace.path(stage.name, name), known) for name, known in hashes.items()}
    content = {"fingerprint": fingerprint, "summary": asdict(summary), "files": files, "inputs": ""}
    write_json(marker_path(workspace, stage.name), content)


def read_marker(stage: Stage, workspace: Workspace) -> dict[str, Any] | None:
    """Returns the marker's content; None where there is none, a damaged one, or one of another release."""
    content = _content(workspace, stage.name)
    complete = content and {path.name for path in table_paths(stage, workspace)} <= content["files"].keys()
    return content if complete else None


def whole_marker(workspace: Workspace, stage_name: str) -> dict[str, Any] | None:
    """Returns the marker's content; None unless it can be read and the files that it names are whole."""
    content = _content(workspace, stage_name)
    return content if content and not _damaged(workspace, stage_name, content, by_hash=False) else None


def damaged_files(stage: Stage, workspace: Workspace, marker: dict[str, Any], *, by_hash: bool = False) -> list[Path]:
    """Returns which of the files that a marker names are missing or are not as they were written."""
    return _damaged(workspace, stage.name, marker, by_hash=by_hash)


def renew_times(stage: Stage, workspace: Workspace) -> None:
    """Records the times of whole files anew where a copy has changed them, so that the next look is quick."""
    marker = read_marker(stage, workspace)
    if marker is None:
        return
    folder, before = workspace.path(stage.name), marker["files"]
    after = {name: _identity(folder / name, identity["sha256"]) for name, identity in before.items()}
    if after != before:
        write_json(marker_path(workspace, stage.name), {**marker, "files": after})


def _content(workspace: Workspace, stage_name: str) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = read_json(marker_path(workspace, stage_name))
        content = _Marker.model_validate(content).model_dump()
        for name in content["files"]:
            workspace.path(stage_name, name)
    except (UsageError, ValidationError, OSError):
        return None
    return content


def _damaged(workspace: Workspace, stage_name: str, marker: dict[str, Any], *, by_hash: bool) -> list[Path]:
    files = {workspace.path(stage_name, name): identity for name, identity in marker["files"].items()}
    return [path for path, identity in files.items() if not _is_whole(path, identity, by_hash=by_hash)]


def _identity(path: Path, sha256: str | None = None) -> dict[str, Any]:
    status = path.stat()
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": sha256 or hash_file(path)}


def _is_whole(path: Path, identity: dict[str, Any], *, by_hash: bool) -> bool:
    if not path.is_file():
        return False
    status = path.stat()
    if status.st_size != identity["bytes"]:
        return False
    same_time = status.st_mtime_ns == identity["mtime_ns"]
    return bool(same_time and not by_hash) or hash_file(path) == identity["sha256"]
