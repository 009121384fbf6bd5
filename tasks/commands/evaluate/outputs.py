"""Writes an evaluation: scores.json, clips.parquet, table.tex, problems.csv and index.html. Same result, same bytes."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from data_contracts import ClipScore, write_table
from data_contracts.files import atomic_path
from tasks.commands.evaluate.cautions import cautions_of
from tasks.commands.evaluate.latex import latex_table
from tasks.commands.evaluate.page import render
from tasks.commands.evaluate.problems import PROBLEMS, write_problems
from tasks.commands.evaluate.result import Evaluation
from tasks.engine.workspace import write_json

SCORES: Final = "scores.json"
CLIPS: Final = "clips.parquet"
LATEX: Final = "table.tex"
PAGE: Final = "index.html"


def write_evaluation(found: Evaluation, out: Path) -> list[Path]:
    """Writes all files of an evaluation into a folder and returns their paths."""
    write_json(out / SCORES, as_json(found))
    write_table(out / CLIPS, ClipScore, found.clip_scores)
    for name, text in ((LATEX, latex_table(found)), (PAGE, render(found))):
        with atomic_path(out / name) as temporary:
            temporary.write_text(text, "utf-8")
    write_problems(found.problems, out)
    return [out / name for name in (SCORES, CLIPS, LATEX, PAGE, PROBLEMS)]


def as_json(found: Evaluation) -> dict[str, Any]:
    """Returns what scores.json holds: every score with its judge, weights, n and reason; comparisons; judges; seed."""
    return {
        "foleygenex": version("foleygenex"),
        "systems": list(found.systems),
        "seeds": {system: list(names) for system, names in found.seeds.items()},
        "n_clips": len(found.clips),
        "left_out": list(found.left_out),
        "problems": [asdict(problem) for problem in found.problems],
        "judges": [asdict(judge) for judge in found.judges],
        "scores": [score.to_dict() for score in found.scores],
        "cautions": [asdict(caution) for caution in cautions_of(found)],
        "primary": list(found.primary),
        "comparisons": [asdict(comparison) for comparison in found.comparisons],
        "worst": [asdict(clip) for clip in found.worst],
        "seed": found.seed,
    }
