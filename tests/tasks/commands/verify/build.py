"""A workspace with a manifest of augmented rows, with sounds on request."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data_contracts import Augmented, Clip, read_table
from tasks.engine.workspace import Workspace
from tasks.media.audio import write_flac
from tests.tasks.manifest.build import build, run

RATE_HZ = 16_000


def verified(root: Path, *, per_side: int = 3, caption: str = "A dog barks", sounds: bool = False) -> Workspace:
    """Returns a workspace that is ready for its sheet."""
    workspace = build(root, per_side=per_side, caption=caption)
    run(workspace)
    if sounds:
        rows = [*read_table(workspace.table("ingest", "clips"), Clip)]
        changed = read_table(workspace.table("augment", "augmented"), Augmented)
        for number, row in enumerate([*rows, *changed]):
            tone = 0.3 * np.sin(2 * np.pi * (200 + 10 * number) * np.arange(RATE_HZ // 2) / RATE_HZ)
            path = workspace.path(row.audio_path)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_flac(path, tone.astype(np.float32), RATE_HZ)
    return workspace
