"""The project's own imports, read from its files: which file imports which, in which layer, and a picture of it.

`python -m tests.imports` writes docs/imports.svg anew; `tests/test_architecture.py` fails when it is out of date.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PICTURE: Final = ROOT / "docs" / "imports.svg"
PACKAGES: Final = ("foleygenex", "flows", "tasks", "model", "data_contracts")
STEPS: Final = (
    "ingest", "mine", "augment", "recaption", "paraphrase", "manifest", "precompute", "train", "evaluate", "report",
)  # fmt: skip
LAYERS: Final = (  # from the top; a file imports from its own layer or a lower one
    ("foleygenex",),
    ("flows",),
    ("tasks.commands",),
    ("tasks.steps",),
    ("tasks.reasons",),
    ("tasks.pipeline",),
    ("tasks.inputs",),
    ("tasks.choices",),
    ("tasks.config",),
    tuple(f"tasks.{name}" for name in STEPS),
    ("tasks.llm", "tasks.corpus"),
    ("tasks.language", "tasks.media", "tasks.weights", "tasks.engine"),
    ("model",),
    ("data_contracts",),
)
Graph = dict[str, set[str]]
"""Module name -> the project's modules that it imports, also inside functions."""


def project_files(root: Path = ROOT) -> dict[str, Path]:
    """Returns module name -> file for every Python file of the project's packages."""
    files = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def import_graph(files: Mapping[str, Path]) -> Graph:
    """Returns which module imports which. Names of a package's `__init__` count for the package alone."""
    return {name: _imported(path.read_text("utf-8"), files) - {name} for name, path in files.items()}


def _imported(source: str, known: Mapping[str, Path]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if names <= known.keys() else {node.module, *(names & known.keys())}
    return found & known.keys()


def circles(graph: Graph) -> list[list[str]]:
    """Returns the groups of modules that import each other in a loop (Tarjan's strongly connected components)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return found


def box_of(module: str) -> str:
    """Returns the package that a module is drawn in, e.g. `tasks.mine`, `model`; raises KeyError outside of LAYERS."""
    for layer in LAYERS:
        for box in layer:
            if module == box or module.startswith(f"{box}."):
                return box
    raise KeyError(f"{module} belongs to no layer; add its package to LAYERS in tests/imports.py")


def layer_of(module: str) -> int:
    """Returns the layer's number from the bottom: 0 imports nothing of ours."""
    box = box_of(module)
    return next(number for number, layer in enumerate(reversed(LAYERS)) if box in layer)


def arrows_up(graph: Graph) -> list[str]:
    """Returns the imports from a lower layer to a higher one, as `a -> b`."""
    pairs = ((name, other) for name, others in graph.items() for other in others)
    return sorted(f"{name} -> {other}" for name, other in pairs if layer_of(other) > layer_of(name))


def box_edges(graph: Graph) -> Counter[tuple[str, str]]:
    """Returns how many imports run from one box to another."""
    edges: Counter[tuple[str, str]] = Counter()
    for name, others in graph.items():
        edges.update((box_of(name), box_of(other)) for other in others if box_of(other) != box_of(name))
    return edges


def draw(graph: Graph) -> str:
    """Returns the picture: a row per layer, a box per package with its size, a line per pair of packages."""
    width, row, top = 1080, 92, 46
    layers = [layer for layer in LAYERS if any(_in(graph, box) for box in layer)]
    places: dict[str, tuple[float, float, float]] = {}
    for number, layer in enumerate(layers):
        step = (width - 60) / max(len(layer), 4)
        start = (width - step * len(layer)) / 2
        for place, box in enumerate(layer):
            places[box] = (start + step * (place + 0.5), top + number * row, step - 14)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top + row * len(layers) - 20}" role="img" '
        'font-family="system-ui, sans-serif" aria-label="Packages and their imports, drawn from the code">',
        "<style>.b{fill:#e8f0ee;stroke:#5b8a80}.t{font-weight:600;font-size:12.5px;fill:#1d2a2a}"
        ".s{font-size:10.5px;fill:#46514f}.l{stroke:#8d9892;fill:none;stroke-opacity:.55}</style>",
        f'<rect width="{width}" height="{top + row * len(layers) - 20}" rx="14" fill="#fffdf9"/>',
        '<text class="s" x="20" y="24">Imports run downwards only. A line is as thick as the number of imports.</text>',
    ]
    for (name, other), count in sorted(box_edges(graph).items()):
        (x1, y1, _), (x2, y2, _) = places[name], places[other]
        bend = (y1 + 44 + y2) / 2 if y1 != y2 else y1 + 66
        start, end = (y1 + 44, y2) if y1 != y2 else (y1 + 44, y2 + 44)
        thick = 0.6 + 0.5 * count**0.5
        lines.append(
            f'<path class="l" stroke-width="{thick:.1f}" d="M{x1:.0f} {start:.0f}C{x1:.0f} {bend:.0f} {x2:.0f} '
            f'{bend:.0f} {x2:.0f} {end:.0f}"><title>{name} → {other}: {count}</title></path>'
        )
    for box, (x, y, wide) in places.items():
        title = box.removeprefix("tasks.") if wide < 120 else box
        lines += [
            f'<rect class="b" x="{x - wide / 2:.0f}" y="{y}" width="{wide:.0f}" height="44" rx="8"/>',
            f'<text class="t" x="{x:.0f}" y="{y + 19}" text-anchor="middle">{title}</text>',
            f'<text class="s" x="{x:.0f}" y="{y + 35}" text-anchor="middle">{_files(graph, box)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def _files(graph: Graph, box: str) -> str:
    count = _in(graph, box)
    return "1 file" if count == 1 else f"{count} files"


def _in(graph: Graph, box: str) -> int:
    return sum(box_of(name) == box for name in graph if name != "tasks")


def main() -> None:
    """Writes the picture."""
    files = {name: path for name, path in project_files().items() if name != "tasks"}
    PICTURE.write_text(draw(import_graph(files)), "utf-8")


if __name__ == "__main__":
    main()
