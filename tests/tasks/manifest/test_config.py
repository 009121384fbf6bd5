"""Settings of the manifest: which rows it has, and that nothing else can be set."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.manifest.config import ManifestConfig
from tests.tasks.manifest.build import build, run


def test_a_setting_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="include_augmentd"):
        ManifestConfig.model_validate({"include_augmentd": False})


def test_leaving_augmented_rows_out_changes_no_other_row(tmp_path: Path) -> None:
    with_them, without = (run(build(tmp_path / name), include_augmented=name == "a") for name in ("a", "b"))
    assert [row for row in with_them if row.subset != "aa"] == without
    assert len(with_them) > len(without) > 0
