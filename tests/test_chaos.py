"""Mine to manifest with broken sounds, a failing endpoint and SIGKILL: the clean result minus the quarantine."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.chaos import chaos


@pytest.mark.slow
@pytest.mark.tools
def test_the_manifest_after_kills_failures_and_broken_files_is_the_clean_one_less_the_quarantine(
    tmp_path: Path,
) -> None:
    found = chaos(60, fail=0.2, broken=0.3, kills=3, folder=tmp_path)
    assert found.wrong == []
    assert found.written["llm"] > 5
    assert found.rows == found.expected > 70 and found.quarantined >= 3
