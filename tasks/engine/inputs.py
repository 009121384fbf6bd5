"""Whether a finished stage would do nothing, told from markers and file times: no item is listed, no module imported.

A marker keeps a hash of what its stage's items depended on: the files of the earlier stages, and what the caller knows
besides (settings, code, files outside of the workspace). While that hash is the same, so are the items.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data_contracts import to_json
from tasks.engine.marker import marker_path, whole_marker
from tasks.engine.stage import StageSummary
from tasks.engine.workspace import Workspace, hash_text, write_json


def up_to_date(workspace: Workspace, stage: str, earlier: Sequence[str], known: Any) -> StageSummary | None:
    """Returns the summary of a stage whose inputs are as they were when it finished; None when that is not known.

    `earlier` are the stages before it, `known` is what its items depend on besides, JSON-able (None: not known).
    """
    key = _key(workspace, stage, earlier, known)
    marker = whole_marker(workspace, stage) if key else None
    if marker is None or marker["inputs"] != key:
        return None
    return StageSummary.stored(marker["summary"])


def remember_inputs(workspace: Workspace, stage: str, earlier: Sequence[str], known: Any) -> None:
    """Writes the hash of a finished stage's inputs into its marker. Call it while no other run can change them."""
    key = _key(workspace, stage, earlier, known)
    marker = whole_marker(workspace, stage) if key else None
    if marker is not None and marker["inputs"] != key:
        write_json(marker_path(workspace, stage), {**marker, "inputs": key})


def all_whole(workspace: Workspace, stages: Sequence[str]) -> bool:
    """Whether each of the stages has a marker and the files that it names."""
    return all(whole_marker(workspace, stage) for stage in stages)


def _key(workspace: Workspace, stage: str, earlier: Sequence[str], known: Any) -> str:
    """Returns the hash, also of the stage's own files, whose marker may be damaged; empty when it is not known."""
    if known is None:
        return ""
    markers: list[dict[str, Any]] = []
    for name in (*earlier, stage):
        marker = whole_marker(workspace, name)
        if marker is None:
            return ""
        markers.append(marker)
    hashes = [{file: identity["sha256"] for file, identity in marker["files"].items()} for marker in markers]
    own = markers[-1]
    return hash_text(stage, to_json(hashes), to_json(known), to_json(own["summary"]), own["fingerprint"])
