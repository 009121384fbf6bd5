"""An evaluation as a LaTeX table (booktabs): systems in lines, metrics in columns, all names escaped."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

from data_contracts import Score
from tasks.commands.evaluate.options import ALL_CLIPS
from tasks.commands.evaluate.result import Evaluation
from tasks.commands.evaluate.terminal import SPREAD, lines_of, name_with_seeds, number, systems_shown

_ARROWS: Final = {True: r"$\uparrow$", False: r"$\downarrow$", None: ""}
_ESCAPES: Final = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "\n": " ",
        "\r": " ",
    }
)


def escaped(text: str) -> str:
    """Returns text whose characters LaTeX prints as they are."""
    return text.translate(_ESCAPES)


def latex_table(found: Evaluation) -> str:
    """Returns one tabular of the metrics that were computed; above it, in comments, what to cite: release, seed, n and
    the judges' weights."""
    table = {
        metric: cells
        for metric, cells in found.scores_of(ALL_CLIPS).items()
        if any(score.value is not None for score in cells.values())
    }
    comments = [f"% foleygenex {version('foleygenex')} evaluate, seed {found.seed}"]
    comments += [f"% {SPREAD}"] if found.seeds else []
    comments += [f"% {escaped(metric)}: n {lines_of(cells)}; {_weights(cells)}" for metric, cells in table.items()]
    heads = [f"{escaped(metric)} {_ARROWS[_better(cells)]}".strip() for metric, cells in table.items()]
    lines = [
        *comments,
        rf"\begin{{tabular}}{{l{'r' * len(table)}}}",
        r"\toprule",
        _line(["System", *heads]),
        r"\midrule",
        *(
            _line([escaped(name_with_seeds(found, system)), *(_cell(cells, system) for cells in table.values())])
            for system in systems_shown(found, ALL_CLIPS)
        ),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(cells: Mapping[str, Score], system: str) -> str:
    score = cells.get(system)
    if score is None or score.value is None:
        return "--"
    spread = "" if score.seed_sd is None else rf" \pm {_math(score.seed_sd)}"
    return f"${_math(score.value)}{spread}$"


def _math(value: float) -> str:
    return number(value).replace(",", "{,}")


def _better(cells: Mapping[str, Score]) -> bool | None:
    return next(iter(cells.values())).higher_is_better


def _weights(cells: Mapping[str, Score]) -> str:
    sha256 = next(iter(cells.values())).weights_sha256
    return "no weights" if sha256 is None else f"weights {sha256[:12]}"
