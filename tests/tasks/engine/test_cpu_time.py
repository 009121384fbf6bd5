"""CPU time counts what this process has started."""

from __future__ import annotations

import subprocess
import sys

from tasks.engine.cpu_time import cpu_seconds

_BUSY = "import time\nwhile time.process_time() < 0.3: pass"


def test_the_programs_that_a_stage_starts_are_counted() -> None:
    before = cpu_seconds()
    subprocess.run([sys.executable, "-c", _BUSY], check=True)
    assert cpu_seconds() - before >= 0.25  # the system counts in hundredths
