"""Checks, before a stage starts, that the programs which it needs are installed."""

from __future__ import annotations

import shutil

from data_contracts import UsageError
from tasks.augment.config import MISSING_PROGRAMS
from tasks.engine import Stage


def require_programs(stage: Stage) -> None:
    """Raises UsageError, with the command that installs them, when programs of the stage are missing."""
    if missing := [name for name in stage.programs() if shutil.which(name) is None]:
        raise UsageError(f"stage {stage.name}: {' and '.join(missing)} not found; {MISSING_PROGRAMS}")
