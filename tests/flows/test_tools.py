"""A stage asks for the programs that it starts, before Prefect starts."""

from __future__ import annotations

import pytest

from data_contracts import UsageError
from flows import tools
from tasks.config import PipelineConfig
from tasks.pipeline import find_step


@pytest.mark.parametrize(
    ("stage", "settings", "needed"),
    [
        ("ingest", [], ()),
        ("augment", [], ()),  # in process
        ("augment", ["augment.speed_method=tempo"], ("sox",)),
        ("augment", ["augment.backend=tool"], ("sox", "ffmpeg")),
        ("mine", ["augment.backend=tool"], ()),
        ("train", ["augment.backend=tool"], ()),
    ],
)
def test_a_stage_asks_for_the_programs_that_it_starts(
    stage: str, settings: list[str], needed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = find_step(stage).make(PipelineConfig.load(None, settings))
    assert tuple(made.programs()) == needed
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    if needed:
        with pytest.raises(UsageError, match=f"stage {stage}: {' and '.join(needed)} not found.*apt-get install sox"):
            tools.require_programs(made)
    else:
        tools.require_programs(made)
