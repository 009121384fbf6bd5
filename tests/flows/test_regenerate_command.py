"""`foleygenex regenerate`: a line per stage; exit code 1 when one differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows import cli
from tasks.commands.regenerate import job
from tasks.commands.regenerate.job import Comparison, Verdict


@pytest.mark.parametrize(("verdict", "code"), [("same", 0), ("restored", 0), ("not made again", 0), ("differs", 1)])
def test_the_exit_code_says_whether_something_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verdict: Verdict, code: int
) -> None:
    (tmp_path / "config.yaml").write_text("{}")
    found = [Comparison(stage="ingest", item_id="dog", verdict="same"),
             Comparison(stage="manifest", item_id="dog", verdict=verdict, detail="why")]  # fmt: skip
    monkeypatch.setattr(job, "regenerate", lambda _config, _workspace, _item: found)
    assert cli.exit_code(["regenerate", str(tmp_path), "dog"]) == code
    assert capsys.readouterr().out.splitlines() == [one.line() for one in found]


def test_a_workspace_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["regenerate", str(tmp_path / "none"), "dog"]) == 2
    assert "none does not exist; `foleygenex run all CONFIG --workspace` makes one" in capsys.readouterr().err
