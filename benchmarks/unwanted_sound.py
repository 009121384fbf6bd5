"""How often a judge finds speech and music that is there, and finds some where there is none.

    python -m benchmarks.evaluation unwanted --speech DIR --music DIR --other DIR [--other DIR] [--judge mn04]

Every audio file below the folders is heard: of speech and of music alone, and over sounds of the first `--other`
folder at several signal-to-noise ratios; of other folders the false alarms, by subfolder where there are several.
Prints Markdown. No data is shipped: give recordings of your own.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.judge_recordings import Heard
from benchmarks.mixtures import mixed
from benchmarks.real_data import tagger_weights
from data_contracts import ItemError
from model.judges import AudioJudge, load_judge
from model.judges.audioset import music_classes, speech_classes
from tasks.commands.evaluate.inputs import AUDIO_SUFFIXES
from tasks.evaluate.metrics.quality import PRESENT
from tasks.media.audio import decode_audio, resample
from tasks.media.samples import Samples

SECONDS: Final = 8.0
SHORTEST_S: Final = 0.1
RATIOS_DB: Final = (10, 5, 0, -5, -10)
THRESHOLDS: Final = (0.1, 0.2, 0.3, 0.5, 0.7)
RATE_HZ: Final = 32_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a recording; `label`: the subfolder that it is from."""

    samples_T: Samples  # noqa: N815 (shape suffix)
    label: str


def pieces(folder: Path, most: int) -> Iterator[Piece]:
    """Yields the pieces of 8 s of every audio file below a folder, at most so many of a file; short files whole."""
    for path in sorted(one for one in folder.rglob("*") if one.suffix.lower() in AUDIO_SUFFIXES):
        try:
            audio = decode_audio(path)
        except ItemError as error:
            print(f"passed over: {error.message}")
            continue
        samples_T = resample(np.ascontiguousarray(audio.samples_T, np.float32), audio.rate_hz, RATE_HZ)
        length = round(SECONDS * RATE_HZ)
        starts = [start for start in range(0, len(samples_T), length) if len(samples_T) - start >= length] or [0]
        for start in starts[:most]:
            if len(piece_T := samples_T[start : start + length]) >= SHORTEST_S * RATE_HZ:
                yield Piece(piece_T, path.parent.relative_to(folder).as_posix())


@dataclass(frozen=True, slots=True)
class Detector:
    """A judge, and the places of speech and music among its classes."""

    heard: Heard
    places: Mapping[str, Sequence[int]]

    def chances(self, sounds: Sequence[Samples]) -> dict[str, npt.NDArray[np.float64]]:
        """Returns kind -> (N,) the probability of its likeliest class in each sound."""
        logits_NK = np.stack([self.heard.of(one, RATE_HZ)["logits"].numpy() for one in sounds]).astype(np.float64)
        chances_NK = 1 / (1 + np.exp(-logits_NK))
        return {kind: chances_NK[:, list(places)].max(axis=1) for kind, places in self.places.items()}


def rows(detector: Detector, kind: str, wanted: Sequence[Piece], backgrounds: Sequence[Piece]) -> Iterator[list[str]]:
    """Yields the rows of what is found: of the sounds alone, and over backgrounds."""
    yield _row(f"{kind} alone", kind, detector.chances([one.samples_T for one in wanted])[kind])
    for ratio_db in RATIOS_DB if backgrounds else ():
        order = np.random.default_rng(0).integers(0, len(backgrounds), len(wanted))
        sounds = [
            mixed(one.samples_T, backgrounds[n].samples_T, ratio_db) for one, n in zip(wanted, order, strict=True)
        ]
        yield _row(f"{kind} {ratio_db} dB over other sounds", kind, detector.chances(sounds)[kind])


def alarms(detector: Detector, folder: Path, others: Sequence[Piece]) -> Iterator[list[str]]:
    """Yields the rows of false alarms in a folder, and in its subfolders."""
    chances = detector.chances([one.samples_T for one in others])
    labels = np.array([one.label for one in others])
    names = sorted(set(labels.tolist()))
    for name in ["", *(names if len(names) > 1 else ())]:
        for kind, of_kind in chances.items():
            chosen = of_kind if not name else of_kind[labels == name]
            yield _row(f"{folder.name}{'/' if name else ''}{name}", kind, chosen)


def _row(name: str, kind: str, chances_N: npt.NDArray[np.float64]) -> list[str]:
    shares = [f"{np.mean(chances_N >= threshold):.1%}" for threshold in THRESHOLDS]
    return [name, kind, str(len(chances_N)), *shares]


def main(arguments: list[str]) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.evaluation unwanted", description=__doc__)
    for kind in ("speech", "music"):
        parser.add_argument(f"--{kind}", type=Path, help=f"a folder of {kind}")
    parser.add_argument("--other", type=Path, action="append", default=[], help="a folder with neither")
    parser.add_argument("--judge", default=f"mn04:{tagger_weights()}")
    parser.add_argument("--pieces", type=int, default=3, help="pieces of 8 s of a file, at most")
    given = parser.parse_args(arguments)
    judge = load_judge(given.judge)
    assert isinstance(judge, AudioJudge)
    classes = judge.spec.classes
    detector = Detector(Heard(judge), {"speech": speech_classes(classes), "music": music_classes(classes)})
    heads = [f"**{one}**" if one == PRESENT else str(one) for one in THRESHOLDS]
    _print(["sounds", "found", "n", *heads])
    _print(["---"] * (3 + len(heads)))
    others = [list(pieces(folder, given.pieces)) for folder in given.other]
    for kind in ("speech", "music"):
        if (folder := getattr(given, kind)) is not None:
            for row in rows(detector, kind, list(pieces(folder, given.pieces)), others[0] if others else []):
                _print(row)
    for folder, found in zip(given.other, others, strict=True):
        for row in alarms(detector, folder, found):
            _print(row)
    return 0


def _print(cells: Sequence[str]) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)
