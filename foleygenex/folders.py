"""Generated audio scored against the true audio of the same clips, without a run. Source: SPEC E2."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.evaluate import folders
from tasks.evaluate.folders import FolderScores


def score_folders(
    generated: str | os.PathLike[str],
    truth: str | os.PathLike[str],
    *,
    events_s: Mapping[str, Sequence[float]] | None = None,
) -> FolderScores:
    """Compares each file of `truth` with the file of `generated` that has the same name, whatever both endings are.

    The metrics are those of the clips in a run (docs/scores.md) that need nothing else: OnsetSyncAP and OnsetSyncAcc,
    level and its difference in dB, Timbre-cos where there are 8 audible true clips or more, and EventF1 where
    `events_s` gives a clip's true event times in seconds, by file name without ending. They are not the paper's FD, IS,
    CLAP or DeSync, which need networks that this release does not load. A generated clip is cut, or continued with
    silence, to the true one's length.

    Raises UsageError when a file is missing, cannot be decoded or is not unique.
    """
    return folders.score_folders(Path(generated), Path(truth), events_s=events_s)
