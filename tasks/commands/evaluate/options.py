"""What `foleygenex evaluate` is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from data_contracts import UsageError
from tasks.engine.progress import OnProgress, silent
from tasks.evaluate import baselines
from tasks.evaluate.metrics.set_baselines import OTHER_HALF

REFERENCE: Final = "reference"
ALL_CLIPS: Final = "all"
"""The task of scores over all clips; with --by there is one more for each category."""
_TAKEN: Final = (
    baselines.TRUTH, baselines.SHUFFLED, baselines.NOISE, baselines.SILENCE, baselines.CLICKS, baselines.RANDOM_EVENTS,
    OTHER_HALF, REFERENCE, "captions", "events", "video",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """Folders to compare and how. `systems`: name -> folder of generated audio; `judges`: as `choose_judges` takes.
    `events`: a table, or clip -> times in seconds. `seeds`: system -> names in `systems` that are its generation seeds,
    which are scored together; a folder that is none of a seed is a system of its own.

    `by`: a column of the captions, for a table per value. `seconds`: only so much of each clip's beginning is scored.
    `only`: these metrics alone, without baselines and comparisons; empty: all. `primary`: the metrics that decide which
    system is better (`primary_metrics`); empty: all.
    `cache`: where judges' outputs are kept.
    """

    systems: dict[str, Path]
    reference: Path
    cache: Path
    seeds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    video: Path | None = None
    captions: Path | None = None
    events: Path | Mapping[str, Sequence[float]] | None = None
    judges: tuple[str, ...] = ()
    by: str | None = None
    seconds: float | None = None
    allowed: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    primary: tuple[str, ...] = ()
    seed: int = 7
    device: str = "auto"
    on_progress: OnProgress = field(default=silent, repr=False)

    def __post_init__(self) -> None:
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise UsageError(f"seconds is {self.seconds}; expected more than 0, or none for whole clips")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; expected 0 or more")

    @property
    def folders_of(self) -> dict[str, tuple[str, ...]]:
        """System -> names in `systems` of its seeds, one where it has a single folder; in the order of `systems`."""
        owner = {folder: system for system, folders in self.seeds.items() for folder in folders}
        systems = dict.fromkeys(owner.get(folder, folder) for folder in self.systems)
        return {system: tuple(self.seeds.get(system, (system,))) for system in systems}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSystems:
    """Folders by the name of what is in them: a system, or one generation seed of a system.

    `seeds`: of the systems with several folders, the folders' names in order.
    """

    folders: dict[str, Path]
    seeds: dict[str, tuple[str, ...]] = field(default_factory=dict)


def named_systems(generated: Sequence[str]) -> NamedSystems:
    """Returns the systems of `DIR` or `NAME=DIR`, as `unique_systems`."""
    return unique_systems([_named(text) for text in generated])


def unique_systems(named: Sequence[tuple[str, Path]]) -> NamedSystems:
    """Returns the folders by name; an empty name is the folder's own, with its parents where two agree.

    A name that is given again is another generation seed of that system: `NAME, seed 1`, `NAME, seed 2`. Raises
    UsageError for a name that is taken or cannot be shown, a folder that is named twice, and without folders.
    """
    if not named:
        raise UsageError("there is no folder of generated audio to score; give at least one")
    times = Counter(name for name, _ in named if name)
    found: dict[str, Path] = {}
    seeds: dict[str, tuple[str, ...]] = {}
    for name, path in named:
        if not (name or path.name).isprintable():
            raise UsageError(f"--generated {path}: the name is not printable; give it another one: NAME=DIR")
        chosen = name or _short_name(path, [other for _, other in named])
        if times[name] > 1:
            if any(path.resolve() == found[one].resolve() for one in seeds.get(name, ())):
                raise UsageError(f"--generated {name}={path}: is named twice; give the folder of another seed")
            chosen = f"{name}, seed {len(seeds.get(name, ())) + 1}"
            seeds[name] = (*seeds.get(name, ()), chosen)
        if chosen in found or chosen in _TAKEN or name in _TAKEN or (not name and chosen in times):
            raise UsageError(f"--generated {path}: the name {chosen!r} is taken; give it another one: NAME={path}")
        found[chosen] = path
    return NamedSystems(folders=found, seeds=seeds)


def require_single_folders(named: NamedSystems, option: str) -> dict[str, Path]:
    """Returns system -> folder. Raises UsageError for a system of several seeds, which `option` does not take."""
    for system, folders in named.seeds.items():
        raise UsageError(f"{option} takes one folder of a system; {system!r} is given {len(folders)} times")
    return named.folders


def _named(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not equals or Path(text).is_dir():
        return "", Path(text)
    if not name or not folder:
        raise UsageError(f"--generated {text}: expected DIR or NAME=DIR")
    return name, Path(folder)


def _short_name(path: Path, others: Sequence[Path]) -> str:
    """Returns the shortest end of the path that no other folder's path has."""
    parts = path.resolve().parts
    rest = [other.resolve().parts for other in others]
    for count in range(1, len(parts)):
        if sum(other[-count:] == parts[-count:] for other in rest) == 1:
            return "/".join(parts[-count:])
    return path.name or str(path.resolve())
