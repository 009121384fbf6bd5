"""The check of a machine's GPUs: every part is a row, whatever happens in it; `--quick` runs on a CPU."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from benchmarks import gpu_check

CPU = torch.device("cpu")


@pytest.fixture
def parts(monkeypatch):
    def broken(*_, quick):
        raise RuntimeError("CUDA error: an illegal memory access |\nwas encountered")

    found = {"fine": lambda *_, quick: {"seconds": 0.12345, "mfu": None}, "broken": broken}
    monkeypatch.setattr(gpu_check, "PARTS", found)
    return list(found)


def test_a_part_that_fails_is_a_row_and_the_next_one_runs(parts):
    rows = gpu_check.check(CPU, quick=True, parts=["broken", "fine"])
    assert [row["part"] for row in rows] == ["broken", "fine"]
    assert rows[0]["error"] == "RuntimeError: CUDA error: an illegal memory access | was encountered"
    assert rows[1]["result"] == {"seconds": 0.12345, "mfu": None}
    lines = gpu_check.table({"device": "none"}, rows).splitlines()
    assert lines[4].startswith("| broken | RuntimeError: CUDA error: an illegal memory access / was encountered | ")
    assert lines[5].startswith("| fine | seconds 0.1235, mfu None | ")


def test_table_json_and_exit_code(parts, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(gpu_check.check, "__kwdefaults__", {"parts": ("fine",)})
    assert gpu_check.main(["--device", "cpu", "--quick", "--out", str(tmp_path / "a.json")]) == 0
    printed = capsys.readouterr().out
    assert f"torch {torch.__version__}" in printed and "driver none" in printed and "| fine |" in printed
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["machine"]["torch"] == torch.__version__ and written["parts"][0]["part"] == "fine"
    monkeypatch.setattr(gpu_check.check, "__kwdefaults__", {"parts": ("broken",)})
    assert gpu_check.main(["--device", "cpu", "--quick"]) == 1


def test_a_part_in_its_own_process_that_dies_hangs_or_answers(monkeypatch):
    def answered(code: str, limit_s: float = 30.0):
        return gpu_check._last_json([sys.executable, "-c", code], limit_s)

    assert answered("print('noise'); print('{\"seconds\": 1.5}')") == {"seconds": 1.5}
    with pytest.raises(RuntimeError, match="no GPU here"):
        answered("raise SystemExit('no GPU here')")
    monkeypatch.setattr(gpu_check, "_run", lambda *_, **__: answered("import time; time.sleep(60)", 0.2))
    (row,) = gpu_check.check(CPU, quick=True, parts=["fine"])
    assert "TimeoutExpired" in row["error"]


def test_what_does_not_fit_into_the_time_is_said(parts, monkeypatch):
    monkeypatch.setattr(gpu_check, "LIMIT_S", 0.0)
    (row,) = gpu_check.check(CPU, quick=True, parts=["fine"])
    assert row["error"] == "TimeoutError: not run: the check has taken 0 s"


def test_the_measured_parts_run_on_a_cpu():
    chosen = ["training step, fp32", "training step, bf16, compiled", "sampling, fp32"]
    step, compiled, sampled = gpu_check.check(CPU, quick=True, parts=chosen)
    assert step["result"]["seconds"] > 0 and step["result"]["mfu"] is None
    assert compiled["result"] == {"note": "not compiled: a quick check runs no compiler"}
    assert sampled["result"]["times_matmul"] > 0


@pytest.mark.slow
def test_a_step_over_several_processes_leaves_them_with_the_same_weights():
    (row,) = gpu_check.check(CPU, quick=True, parts=["DDP step"])
    assert row["result"]["processes"] == 2 and row["result"]["ranks_apart"] == 0.0
