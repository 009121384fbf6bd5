"""Which programs a stage needs on the machine that runs it, asked before it starts."""

from __future__ import annotations

import shutil

from data_contracts import UsageError
from tasks.config import PipelineConfig


def step_tools(step: str, config: PipelineConfig) -> tuple[str, ...]:
    """Returns the programs that a step starts under these settings: only augmentation may, and not by default."""
    if step != "augment":
        return ()
    by_programs = config.augment.backend == "tool"
    sox = ("sox",) if by_programs or config.augment.speed_method == "tempo" else ()
    return (*sox, "ffmpeg") if by_programs else sox


def check_step_tools(step: str, config: PipelineConfig) -> None:
    """Raises UsageError, with the command that installs them, when programs are missing."""
    if missing := [name for name in step_tools(step, config) if shutil.which(name) is None]:
        raise UsageError(
            f"stage {step}: {' and '.join(missing)} not found; `apt-get install sox libsox-fmt-all ffmpeg` "
            "installs them, or set augment.backend=fast and augment.speed_method=speed"
        )
