"""`foleygenex evaluate` on the command line: exit codes, listings, the bridge to av-benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from data_contracts.errors import UsageError
from flows import cli
from tasks.commands.evaluate import job
from tasks.evaluate.av_benchmark.caches import read_panns
from tests.conftest import REPOSITORY
from tests.tasks.commands.evaluate.conftest import TRUTH, noisy, write
from tests.tasks.evaluate.av_benchmark.caches import write_random_cache
from tests.tasks.evaluate.av_benchmark.test_checkout import fake_checkout
from tests.tasks.evaluate.fake_judges import FakeJudge

NAMES = [f"clip{number}" for number in range(11)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sounds = {name: TRUTH[name] for name in ("clip0", "clip1", "clip2")}
    write(tmp_path / "truth", sounds)
    write(tmp_path / "a", sounds)
    write(tmp_path / "b", noisy(sounds))
    return tmp_path


def arguments(folder: Path, *more: str) -> list[str]:
    systems = ["--generated", str(folder / "a"), "--generated", f"noise={folder / 'b'}"]
    return ["evaluate", *systems, "--reference", str(folder / "truth"), "--out", str(folder / "out"), *more]


def test_two_folders_give_a_table_and_five_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(arguments(folder, "--judges", "none")) == 0
    out = capsys.readouterr().out
    assert "3 clips, the same for all systems" in out and "a against noise" in out
    assert "not computed: judge vggish was not asked for" in out
    for name in ("scores.json", "clips.parquet", "table.tex", "index.html", "problems.csv"):
        assert (folder / "out" / name).stat().st_size > 0 and name in out


def test_a_primary_metric_is_the_family_and_an_unknown_one_is_refused_before_any_file_is_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.exit_code(arguments(folder, "--judges", "none", "--primary", "OnsetSync")) == 2
    said = capsys.readouterr().err
    assert "--primary OnsetSync: is no metric that two systems are compared on; did you mean OnsetSyncA" in said
    assert cli.exit_code(arguments(folder, "--judges", "none")) == 0
    assert "of primary metrics" not in capsys.readouterr().out
    assert cli.exit_code(arguments(folder, "--judges", "none", "--primary", "OnsetSyncAP")) == 0
    assert "Holm over 1 test of primary metrics" in capsys.readouterr().out  # not what the first run kept
    written = json.loads((folder / "out" / "scores.json").read_text())
    assert written["primary"] == ["OnsetSyncAP"]
    assert {one["metric"]: one["p_holm"] is None for one in written["comparisons"]}["OnsetSyncAcc"]
    assert written["cautions"][0].keys() == {"metric", "baseline", "value", "beaten"}


def test_bad_files_are_listed_by_name_with_exit_code_1_and_nothing_is_scored(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "b" / "clip1.wav").unlink()
    (folder / "a" / "clip2.wav").write_bytes(b"no audio")
    assert cli.exit_code(arguments(folder, "--judges", "none")) == 1
    said = capsys.readouterr().err
    assert "noise: 1 clip missing" in said and "  clip1" in said and "--allow missing --allow unreadable" in said
    assert (folder / "out" / "problems.csv").read_text().count("\n") == 3
    assert not (folder / "out" / "scores.json").exists()
    assert cli.exit_code(arguments(folder, "--judges", "none", "--allow", "missing,unreadable")) == 0
    shown = capsys.readouterr()
    assert "1 clip, the same for all systems; 2 clips left out" in shown.out and "clip1" in shown.err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["evaluate", "--out", "o"], "evaluate needs --generated DIR and --reference DIR"),
        (
            ["evaluate", "--out", "o", "--generated-cache", "x"],
            "caches need --generated-cache DIR and",
        ),
        (
            ["evaluate", "--out", "o", "--generated-cache", "x", "--reference-cache", "y", "--generated", "z"],
            "and no folders of audio",
        ),
        (["evaluate", "--out", "o", "--generated", "x", "--reference", "y", "--allow", "z"], "is no kind of problem"),
        (["evaluate", "--out", "o", "--generated", "x", "--reference", "y", "--judges", "z"], "judge 'z' is unknown"),
        (
            ["evaluate", "--out", "o", "--generated", "x", "--reference", "y", "--judges", "none,vggish:z.pth"],
            "judge vggish: z.pth does not exist; give the file with its weights",
        ),
        (
            ["evaluate", "--out", __file__, "--generated", "x", "--reference", "y"],
            "test_evaluate_command.py is a file; the scores need a folder",
        ),
    ],
)
def test_wrong_usage_is_one_line_with_exit_code_2(
    given: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.exit_code(given) == 2
    assert words in capsys.readouterr().err


def test_caches_of_av_benchmark_give_its_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a", 0), ("b", 1)):
        write_random_cache(tmp_path / name, NAMES, seed=seed)
        (tmp_path / name / "pann_features.pth").unlink()  # 2048 columns take seconds
    given = ["--generated-cache", str(tmp_path / "a"), "--reference-cache", str(tmp_path / "b")]
    assert cli.exit_code(["evaluate", *given, "--out", str(tmp_path / "out")]) == 0
    written = json.loads((tmp_path / "out" / "a" / "output_metrics.json").read_text())
    assert list(written) == ["FD-VGG", "FD-PASST", "KL-PASST-softmax", "ISC-PASST-mean", "ISC-PASST-std"]
    assert "FD-PANN: not computed" in capsys.readouterr().out


def test_a_checkout_runs_beside_and_the_judges_write_its_caches(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Panns(FakeJudge):
        def judge_audio(self, sounds: list, *, seeds: list) -> list:  # type: ignore[type-arg]
            said = super().judge_audio(sounds, seeds=seeds)
            wide = [one["embedding"].repeat(128) for one in said]
            return [{"embedding": one, "logits": one[:527]} for one in wide]

    monkeypatch.setattr("model.judges.JUDGES", {"panns": lambda path, device: Panns(name="panns")})
    monkeypatch.setattr("tasks.evaluate.judging.JUDGES", {"panns": None})
    monkeypatch.setattr("tasks.evaluate.judged.feature_distance", lambda made, true: float(abs(made - true).sum()))
    monkeypatch.setattr("tasks.commands.evaluate.bridge.cache_scores", _no_features)
    one = fake_checkout(folder / "checkout")
    for program in ("truth", "a", "b"):
        for path in sorted((folder / program).iterdir())[1:]:
            path.unlink()  # the fake checkout wants one file
    more = ["--with-av-benchmark", str(one.folder), "--av-benchmark-python", sys.executable, "--write-av-caches"]
    assert cli.exit_code(arguments(folder, *more)) == 0
    out = capsys.readouterr().out
    assert "av-benchmark  ours, its features  difference" in out and out.count("FD-VGG") == 2
    for place in ("reference", "a/generated", "noise/generated"):
        found = read_panns(folder / "out" / "av-benchmark" / place)
        assert found is not None and list(found) == ["clip0"]
        entry = found["clip0"]
        assert entry["2048"].shape == (2048,) and torch.equal(entry["clipwise_output"], entry["logits"].sigmoid())


def _no_features(generated: Path, reference: Path) -> object:
    from tasks.evaluate.av_benchmark.scores import CacheScores

    return CacheScores(values={"FD-VGG": 1.25})


def test_the_help_needs_no_network_and_no_torch() -> None:
    code = "import sys; from flows.cli import exit_code; exit_code(['evaluate', '--help']); "
    code += "sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, check=False)
    assert done.returncode == 0 and b"--av-benchmark-python" in done.stdout


def test_a_second_run_computes_nothing_and_a_changed_one_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments(folder, "--judges", "none")
    assert cli.exit_code(given) == 0
    first = capsys.readouterr().out
    with monkeypatch.context() as patch:
        patch.setattr("tasks.commands.evaluate.job.evaluate_prepared", lambda *given: pytest.fail("computed again"))
        assert cli.exit_code(given) == 0
    assert capsys.readouterr().out == first
    calls: list[int] = []
    original = job.evaluate_prepared
    monkeypatch.setattr(job, "evaluate_prepared", lambda *given: calls.append(1) or original(*given))
    (folder / "out" / "table.tex").write_text("changed")  # is made again
    assert cli.exit_code(given) == 0 and len(calls) == 1
    assert (folder / "out" / "table.tex").read_text().startswith("%")
    write(folder / "b", {"clip0": TRUTH["clip1"]})  # another content
    assert cli.exit_code(given) == 0 and len(calls) == 2
    assert cli.exit_code([*given, "--seed", "8"]) == 0 and len(calls) == 3
    (folder / "out" / "cache" / "finished.json").write_text("[]")  # a damaged record
    assert cli.exit_code([*given, "--seed", "8"]) == 0 and len(calls) == 4
    monkeypatch.setattr(job, "evaluate_prepared", _computed)
    codes = []
    for found in (None, "installed"):  # the packages of judges: one of the two is as it was
        monkeypatch.setattr("tasks.evaluate.columns.find_spec", lambda name, found=found: found)
        codes.append(cli.exit_code([*given, "--seed", "8"]))
    assert UsageError.exit_code in codes


def _computed(*given: object) -> object:
    raise UsageError("computed again")
