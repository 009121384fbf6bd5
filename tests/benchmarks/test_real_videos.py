"""The table of results on real videos: what counts as audible, and agreement beside that of another video."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.real_videos import Made, main, table


def made(name: str, level: float, true_s: list[float], made_s: list[float]) -> Made:
    return Made(name=name, level=level, true_s=true_s, made_s=made_s)


def test_agreement_is_measured_where_the_video_has_onsets_and_against_another_video() -> None:
    results = [made("a", -20.0, [1.0, 2.0], [1.02, 2.05]), made("b", -50.0, [5.0], [1.0]), made("c", -30.0, [], [3.0])]
    text = table(results)
    assert "| a | -20.0 | 2 | 2 | 1.00 | 0.00 |" in text
    assert "| b | -50.0 | 1 | 1 | 0.00 | 0.67 |" in text
    assert "| c | -30.0 | 0 | 1 |  |  |" in text
    assert "audible (over -35 dBFS): 2 of 3; median level -30.0 dBFS" in text
    assert "EventF1@100ms, mean of 2: 0.50; another video's: 0.33" in text


def test_results_of_one_video_are_not_compared_with_themselves() -> None:
    text = table([made("a", -20.0, [1.0], [1.0]), made("a", -20.0, [1.0], [1.2])])
    assert "mean of" not in text and "| a | -20.0 | 1 | 1 | 0.00 |  |" in text


def test_without_a_folder_of_videos_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["real_videos", "--videos", str(tmp_path / "none")])
    main()
    assert capsys.readouterr().out == f"no videos at {tmp_path / 'none'}: skipped\n"
