"""Where a config and a workspace are: shipped names, files, and the error for a folder that is no workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from flows.locations import config_path, existing, shipped_config


@pytest.mark.parametrize("name", ["demo", "paper", "codec"])
def test_a_bare_name_is_a_shipped_config_unless_a_file_has_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert config_path(Path(name)) == shipped_config(f"{name}.yaml") and config_path(Path(name)).is_file()
    (tmp_path / name).write_text("")
    assert config_path(Path(name)) == Path(name)


def test_any_other_path_stays_as_it_is() -> None:
    for path in (Path("none"), Path("folder/demo"), Path("demo.yaml")):
        assert config_path(path) == path


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
