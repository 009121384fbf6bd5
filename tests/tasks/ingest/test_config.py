"""Settings of ingest: the paper's rules by default, and values that make no sense refused by name (SPEC D1 to D3)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.ingest.config import IngestConfig
from tasks.ingest.cut import audio_cuts, video_cut


def test_the_defaults_are_the_papers_rules() -> None:
    config = IngestConfig()
    assert video_cut(100.0, config).duration_s == 8.0
    assert len(audio_cuts(15.9, config)) == 1 and len(audio_cuts(16.0, config)) == 2
    assert max(len(audio_cuts(float(seconds), config)) for seconds in range(16, 400)) == 5


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"clip_s": 0}, "clip_s"),
        ({"clip_s": 31}, "clip_s"),
        ({"min_s": 0}, "min_s"),
        ({"max_portions": 0}, "max_portions"),
        ({"max_side": 10}, "max_side"),
        ({"val_share": 0.5}, "val_share"),
        ({"test_share": -0.1}, "test_share"),
        ({"corpora": [{"kind": "radio"}]}, "corpora.0.kind"),
        ({"clip_seconds": 8}, "clip_seconds"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError) as caught:
        IngestConfig.model_validate(values)
    assert named in [".".join(map(str, error["loc"])) for error in caught.value.errors()]


def test_settings_do_not_change_after_they_were_read() -> None:
    with pytest.raises(ValidationError):
        IngestConfig().clip_s = 4.0  # type: ignore[misc]
