"""What a listening study compares: for each caption a sound of system A and one of system B, kept as a CSV.

`STUDY/study.csv` has captions, files and hashes; each rater's answers are in `STUDY/ratings/NAME.csv`. The 50 captions
that come with this project (`captions.csv`) are its own: the paper's were not published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Final

from data_contracts import UsageError
from data_contracts.files import hash_file
from data_contracts.quantities import counted
from tasks.commands.spreadsheet import read_cells, write_cells

SHEET: Final = "study.csv"
SUFFIXES: Final = (".flac", ".mp3", ".mp4", ".ogg", ".opus", ".wav", ".webm")
"""Sounds that browsers play."""
_COLUMNS: Final = ("name", "caption", "adverb")
_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One caption with both systems' sounds. `adverb`: its kind, by which results are also given."""

    item_id: str
    caption: str
    adverb: str
    audio_a: str
    sha256_a: str
    audio_b: str
    sha256_b: str

    @property
    def identity(self) -> dict[str, str]:
        """What was compared: an answer counts only while these cells are the same."""
        return {"caption": self.caption, "sha256_a": self.sha256_a, "sha256_b": self.sha256_b}


def own_captions() -> Path:
    """Returns the path of the 50 captions that come with this project."""
    return Path(str(files("tasks.commands.compare") / "captions.csv"))


def read_captions(path: Path) -> dict[str, tuple[str, str]]:
    """Returns name -> (caption, kind of adverb).

    Raises UsageError naming the line of a name that is empty or twice, and of a name or an adverb that a terminal
    cannot show.
    """
    found: dict[str, tuple[str, str]] = {}
    for where, cells in read_cells(path, _COLUMNS, "it needs the columns name, caption, adverb"):
        name = cells["name"].strip()
        if not name or not cells["caption"].strip():
            raise UsageError(f"{where}: name or caption is empty")
        for column in ("name", "adverb"):
            if not cells[column].isprintable():
                raise UsageError(f"{where}: the {column} is not printable: {cells[column]!a}")
        if name in found:
            raise UsageError(f"{where}: name {name!r} is there twice")
        found[name] = (cells["caption"].strip(), cells["adverb"].strip())
    if not found:
        raise UsageError(f"{path} has no caption")
    return found


def write_jobs(path: Path, captions: Mapping[str, tuple[str, str]], duration_s: float = 8.0) -> int:
    """Writes the captions as a table for `foleygenex generate jobs`, which names each sound after its caption's name.

    Returns how many there are.
    """
    rows = [
        {"task": "tta", "text": caption, "duration": duration_s, "out": f"{name}.flac"}
        for name, (caption, _) in captions.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_cells(path, ("task", "text", "duration", "out"), rows)
    return len(rows)


def make_study(study: Path, a: Path, b: Path, captions: Mapping[str, tuple[str, str]]) -> list[Pair]:
    """Writes the sheet: for each caption the files of both folders that have its name. Returns the pairs.

    Raises UsageError naming what is missing or not unique, and where another study is there already.
    """
    sounds = {folder: _by_name(folder) for folder in (a, b)}
    for folder, found in sounds.items():
        if missing := [name for name in captions if name not in found]:
            raise UsageError(f"{folder} has no sound for {counted(len(missing), 'caption')}: {_some(missing)}")
    pairs = [
        Pair(
            item_id=name,
            caption=caption,
            adverb=adverb,
            audio_a=str(sounds[a][name]),
            sha256_a=hash_file(sounds[a][name]),
            audio_b=str(sounds[b][name]),
            sha256_b=hash_file(sounds[b][name]),
        )
        for name, (caption, adverb) in captions.items()
    ]
    path = study / SHEET
    if path.exists() and read_study(study) != pairs:
        raise UsageError(f"{path} is another comparison; give another folder, or remove that one")
    study.mkdir(parents=True, exist_ok=True)
    write_cells(path, [field.name for field in fields(Pair)], [asdict(pair) for pair in pairs])
    return pairs


def read_study(study: Path) -> list[Pair]:
    """Returns the pairs. Raises UsageError when there is no study, or naming a file that has changed or is gone."""
    columns = [field.name for field in fields(Pair)]
    hint = "make it with --a FOLDER --b FOLDER"
    return [Pair(**{name: cells[name] for name in columns}) for _, cells in read_cells(study / SHEET, columns, hint)]


def require_unchanged(pairs: Sequence[Pair]) -> None:
    """Raises UsageError naming the sounds that are gone or are not those of the study."""
    files_ = [(pair.audio_a, pair.sha256_a) for pair in pairs] + [(pair.audio_b, pair.sha256_b) for pair in pairs]
    changed = [name for name, sha256 in files_ if not Path(name).is_file() or hash_file(Path(name)) != sha256]
    if changed:
        raise UsageError(f"{counted(len(changed), 'sound')} of the study changed or gone: {_some(changed)}")


def _by_name(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            if path.stem in found:
                raise UsageError(f"{folder} has two sounds of one name: {found[path.stem].name}, {path.name}")
            found[path.stem] = path.resolve()
    return found


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
