"""Where a workspace is: the error for a folder that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from flows.locations import existing


def test_what_is_no_workspace_is_said(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for path, message in (
        (file, "is a file"),
        (tmp_path / "none", "does not exist"),
        (tmp_path, "nothing has run in it"),
    ):
        with pytest.raises(UsageError, match=message):
            existing(path)
    (tmp_path / "config.yaml").write_text("")
    assert existing(tmp_path) == tmp_path
