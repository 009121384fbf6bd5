"""What people see: the table in the terminal, the LaTeX table, the page; n everywhere, names escaped."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from data_contracts import Score
from tasks.commands.evaluate import page as page_module
from tasks.commands.evaluate.cautions import cautions_of
from tasks.commands.evaluate.job import evaluate_folders
from tasks.commands.evaluate.latex import escaped, latex_table
from tasks.commands.evaluate.page import render
from tasks.commands.evaluate.problems import Problem
from tasks.commands.evaluate.result import Comparison, Evaluation
from tasks.commands.evaluate.terminal import aligned, caution_line, number, text
from tests.tasks.commands.evaluate.conftest import TRUTH, noisy, options, write
from tests.tasks.evaluate.fake_judges import FakeJudge

HOSTILE = "<b>a_1&\\x$</b>"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Two systems, one with a name that is markup in HTML and in LaTeX, on clips with such a name."""
    folder = tmp_path_factory.mktemp("shown")
    sounds = {"<i>one</i>": TRUTH["clip0"], "two": TRUTH["clip1"], "three": TRUTH["clip2"]}
    for name, audio in (("truth", sounds), ("a", sounds), ("b", noisy(sounds))):
        write(folder / name, {key.replace("/", "\u2215"): samples for key, samples in audio.items()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.judges.JUDGES", {"corpus-cnn": lambda path, device: FakeJudge()})
        patch.setattr("tasks.evaluate.judging.JUDGES", {"corpus-cnn": None})
        return evaluate_folders(options(folder, systems={HOSTILE: folder / "a", "b": folder / "b"}))


def test_numbers_have_four_digits() -> None:
    assert [number(value) for value in (None, 0.0, 1.0, 0.123456, 12.3456, 1234.56, 98765.4, -2e-7)] == [
        "-", "0", "1", "0.1235", "12.35", "1235", "98,765", "-2e-07",
    ]  # fmt: skip


def test_columns_are_aligned() -> None:
    assert aligned([["a", "n"], ["long", "10"]]) == "a      n\nlong  10"


def test_the_terminal_shows_n_in_every_line_and_a_reason_for_every_empty_metric(found: Evaluation) -> None:
    lines = text(found).splitlines()
    assert lines[0] == "3 clips, the same for all systems"
    header = next(line for line in lines if line.startswith("metric"))
    assert HOSTILE in header and "silence" in header
    shown = {line.split("  ")[0]: line for line in lines}
    assert " 3 vs 3 " in shown["FD-corpus-cnn"] and " 3 " in shown["KL-corpus-cnn"]
    (empty,) = [line for line in lines if line.startswith("FD_VGG")]
    assert "not computed: this release has no judge vggish" in empty
    assert any("against b (paired, Holm over" in line for line in lines)


def test_only_differences_that_are_shown_name_the_better_system(found: Evaluation) -> None:
    one = Comparison(
        metric="KL-corpus-cnn", first=HOSTILE, second="b", difference=-1.0, p_value=0.001, least_p=0.001, p_holm=0.002,
        n=3, n_groups=3, better=HOSTILE,
    )  # fmt: skip
    assert f"KL-corpus-cnn ({HOSTILE}, p 0.002)" in text(replace(found, comparisons=(one,)))
    none = replace(found, comparisons=(replace(one, better=""),))
    assert "no difference shown on any metric" in text(none)


def test_a_worthless_baseline_that_does_well_is_said_in_the_terminal_and_on_the_page(found: Evaluation) -> None:
    assert not cautions_of(replace(found, scores=()))
    lines = [caution_line(one) for one in cautions_of(found)]
    (onsets,) = [line for line in lines if line.startswith("OnsetSyncAP: silence (1) is no worse than ")]
    assert HOSTILE in onsets and onsets.endswith(" here: do not read this metric alone")
    assert all(line in text(found) for line in lines)
    page = render(found)
    assert "OnsetSyncAP: silence (1) is no worse than " in page and "<b>a_1" not in page
    assert 'id="cautions"' not in render(replace(found, scores=()))


def test_a_verdict_on_a_metric_on_which_silence_beats_a_system_is_to_be_read_with_care(found: Evaluation) -> None:
    def shown(metric: str) -> Evaluation:
        one = replace(next(one for one in found.comparisons if one.metric == metric), p_holm=0.01, better="b")
        return replace(found, comparisons=(one,))

    assert "OnsetSyncAP (b, p 0.01, read with care)" in text(shown("OnsetSyncAP"))
    assert "b, read with care" in render(shown("OnsetSyncAP"))
    assert "KL-corpus-cnn (b, p 0.01)" in text(shown("KL-corpus-cnn"))
    assert "b, read with care" not in render(shown("KL-corpus-cnn"))


def test_the_family_of_tests_is_said(found: Evaluation) -> None:
    """Three clips are too few for any verdict, which is said with the numbers; primary metrics are fewer tests."""
    family = len(found.comparisons)
    assert found.family == family > 5
    said = f"none can be shown: 3 groups of clips give a p of 0.25 at least, and {family} tests need one below "
    assert said in text(found) and f"all {family} tests" in render(found)
    chosen = tuple(
        one if one.metric == "KL-corpus-cnn" else replace(one, p_holm=None, better="") for one in found.comparisons
    )
    few = replace(found, comparisons=chosen, primary=("KL-corpus-cnn", "CLAP_T"))
    assert "Holm over 1 test of primary metrics" in text(few)
    assert "primary metrics without a test: CLAP_T" in text(few)
    page = render(few)
    assert "the 1 test of the primary metrics (KL-corpus-cnn; CLAP_T)" in page and "not primary" in page
    assert "Primary metrics without a test: CLAP_T." in page
    none = replace(few, comparisons=tuple(replace(one, p_holm=None, better="") for one in found.comparisons))
    assert "Holm over 0 tests of primary metrics, 0.05): nothing was tested" in text(none)


def test_latex_is_escaped_and_balanced(found: Evaluation) -> None:
    table = latex_table(found)
    assert r"\textless{}b\textgreater{}a\_1\&\textbackslash{}x\$" in table and "<b>" not in table
    rows = [line for line in table.splitlines() if line.endswith(r"\\")]
    assert len({re.sub(r"\\&", "", row).count("&") for row in rows}) == 1
    assert re.match(rf"% foleygenex [\d.]+ evaluate, seed {found.seed}\n", table)
    assert table.count("{") == table.count("}") and "% KL-corpus-cnn: n 3; weights aaaaaaaaaaaa" in table


@pytest.mark.parametrize("character", list("\\{}$&#%_^~<>"))
def test_every_special_character_of_latex_is_escaped(character: str) -> None:
    text = escaped(f"a{character}b")
    assert text.startswith("a\\") and text.endswith("b") and len(text) > 3


def test_the_page_is_self_contained_and_escaped(found: Evaluation) -> None:
    page = render(found)
    assert "<b>a_1" not in page and "&lt;b&gt;a_1&amp;" in page
    assert "<i>one" not in page and "&lt;i&gt;one" in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page) and "default-src 'none'" in page
    assert page.count("<audio") >= 2 * 3 and page.count("data:audio/mp4") >= 6
    for name in ("scores", "comparisons", "worst", "empty", "judges"):
        assert f'<section id="{name}"' in page and f'href="#{name}"' in page
    assert 'id="problems"' not in page and "a" * 64 in page
    assert page.count("this release has no judge vggish") == 1  # in the list of what is not computed alone
    assert 'id="judges"' not in render(replace(found, judges=found.judges[1:]))


def test_equal_results_give_equal_pages(found: Evaluation) -> None:
    assert render(found) == render(found)


def test_problems_are_listed_and_audio_over_the_budget_is_left_out(
    found: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "PAGE_CHARS", 1000)
    problems = tuple(Problem(kind="short", where="b", name=f"<u>{n}</u>", detail="0.5 s of 1 s") for n in range(60))
    page = render(replace(found, problems=problems, left_out=("gone",)))
    assert "left out to limit its size" in page and "1 left out" in page
    assert page.count("&lt;u&gt;") == 50 and "<u>" not in page and "problems.csv has every one" in page


def test_a_file_that_is_gone_meanwhile_is_said_on_the_page(found: Evaluation) -> None:
    clips = tuple(replace(clip, reference=Path("/nowhere/x.wav")) for clip in found.clips)
    assert "is not there" in render(replace(found, clips=clips))


def test_n_is_a_range_where_systems_differ(found: Evaluation) -> None:
    def changed(score: Score) -> Score:
        return replace(score, n=2) if (score.metric, score.system) == ("KL-corpus-cnn", "silence") else score

    line = next(
        line
        for line in text(replace(found, scores=tuple(map(changed, found.scores)))).splitlines()
        if line.startswith("KL-corpus-cnn")
    )
    assert " 2-3 " in line
