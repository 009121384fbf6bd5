"""The columns that judges give: which judge, which of its outputs, what is computed of them, and under which name.

The paper's names stand only for the paper's judges. A metric of an embedded judge carries the judge's own name, as in
`FD-corpus-cnn`. Source: SPEC E1, E2.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Literal

from data_contracts import UsageError
from tasks.evaluate.metrics.catalogue import UNBOUNDED, Metric

Measure = Literal[
    "frechet", "frechet-infinity", "kernel", "kl", "inception", "likeness", "text", "video", "desync", "speaker",
    "axis", "flag", "speech", "music",
]  # fmt: skip
SET_MEASURES: Final[tuple[Measure, ...]] = ("frechet", "frechet-infinity", "kernel", "inception")
"""Those of all clips together; the others have a value per clip."""
DISTANCES: Final[tuple[Measure, ...]] = ("frechet", "frechet-infinity", "kernel")
"""Those between two sets; they are biased by the number of clips, so only equal numbers are compared."""
_COSINES: Final[tuple[Measure, ...]] = ("likeness", "text", "video", "speaker")
_POSSIBLE: Final[dict[Measure, tuple[float, float]]] = {
    **dict.fromkeys(_COSINES, (-1.0, 1.0)), "kl": (0.0, math.inf), "desync": (0.0, math.inf)
}  # fmt: skip

_WHAT: Final[dict[Measure, str]] = {
    "frechet": "Fréchet distance of the {output}s to the reference's; grows as clips get fewer",
    "frechet-infinity": "Fréchet distance extrapolated to infinitely many clips",
    "kernel": "unbiased kernel distance (MMD) of the {output}s to the reference's, times 100",
    "kl": "KL divergence from the reference's class probabilities, softmax, mean over clips",
    "inception": "exponent of the mean KL divergence to the mean class probabilities, 10 splits",
    "likeness": "cosine of the {output} and the reference's, mean over clips",
    "text": "cosine of the audio's and the caption's embedding, mean over clips",
    "video": "cosine of the audio's and the video's embedding, mean over clips",
    "desync": "absolute offset between audio and video in seconds, mean over {windows} of each clip",
    "speaker": "cosine of the speaker embedding and the reference's, mean over clips",
    "axis": "the judge's own scale, mean over clips",
    "flag": "share of clips for which the judge says {output}",
    "speech": "share of clips with speech, by the {output}, whose reference has none",
    "music": "share of clips with music, by the {output}, whose reference has none",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One metric of one judge. `output` is the judge's output that it is computed from, `place` a position in it."""

    name: str
    judge: str
    measure: Measure
    output: str = "embedding"
    place: int | None = None
    higher_is_better: bool = True

    @property
    def is_per_clip(self) -> bool:
        """Whether each clip has a value."""
        return self.measure not in SET_MEASURES

    @property
    def is_share(self) -> bool:
        """Whether it is the share of clips for which something is true: values are 0 and 1."""
        return self.measure in ("flag", "speech", "music")

    @property
    def is_likeness(self) -> bool:
        """Whether it says how alike a clip and the audio that it should resemble are."""
        return self.measure in ("likeness", "speaker")

    @property
    def is_distance(self) -> bool:
        """Whether it is a distance between two sets."""
        return self.measure in DISTANCES

    @property
    def metric(self) -> Metric:
        """The column as an entry of the table of metrics."""
        possible = _POSSIBLE.get(self.measure, UNBOUNDED)
        return Metric(self.backend, self.higher_is_better, is_share=self.is_share, possible=possible)

    @property
    def backend(self) -> str:
        """What computes it, for tables."""
        windows = "two windows" if self.place is None else "one window"
        return f"{_WHAT[self.measure].format(output=self.output, windows=windows)}; judge {self.judge}"


def _distances(judge: str, suffix: str) -> Iterator[Column]:
    yield Column(name=f"FD{suffix}", judge=judge, measure="frechet", higher_is_better=False)
    yield Column(name=f"FD-inf{suffix}", judge=judge, measure="frechet-infinity", higher_is_better=False)
    yield Column(name=f"KAD{suffix}", judge=judge, measure="kernel", higher_is_better=False)


def _classes(judge: str, suffix: str) -> Iterator[Column]:
    yield Column(name=f"KL{suffix}", judge=judge, measure="kl", output="logits", higher_is_better=False)
    yield Column(name=f"IS{suffix}", judge=judge, measure="inception", output="logits")


def _unwanted(judge: str, suffix: str) -> Iterator[Column]:
    kinds: tuple[Measure, ...] = ("speech", "music")
    for what in kinds:
        yield Column(
            name=f"unwanted {what}{suffix}", judge=judge, measure=what, output="logits", higher_is_better=False
        )


def _likeness(judge: str) -> Column:
    return Column(name=f"likeness-{judge}", judge=judge, measure="likeness")


def _own(judge: str) -> Iterable[Column]:
    return (*_distances(judge, f"-{judge}"), *_classes(judge, f"-{judge}"), _likeness(judge))


def _labels(judge: str) -> Iterator[Column]:
    """Yields the likeness of a judge's labels to the caption and to the labels of the video's frames."""
    yield Column(name=f"labels-{judge}, caption", judge=f"labels-{judge}", measure="text")
    yield Column(name=f"labels-{judge}, video", judge=f"labels-{judge}", measure="video")


_AXES: Final = ("CE", "CU", "PC", "PQ")

COLUMNS: Final[tuple[Column, ...]] = (
    *_own("corpus-cnn"),
    Column(name="Resemblyzer", judge="resemblyzer", measure="speaker"),
    Column(name="Resemblyzer-VAD", judge="resemblyzer-vad", measure="speaker"),
    Column(
        name="Resemblyzer-VAD emptied",
        judge="resemblyzer-vad",
        measure="flag",
        output="emptied",
        higher_is_better=False,
    ),
    *_labels("corpus-cnn"),
    *_own("mn04"),
    *_unwanted("mn04", "-mn04"),
    *_labels("mn04"),
    *_distances("vggish", "_VGG"),
    *_distances("panns", "_PANNs"),
    *_classes("panns", "_PANNs"),
    *_unwanted("panns", "_PANNs"),
    *_distances("passt", "_PaSST"),
    *_classes("passt", "_PaSST"),
    Column(name="IB-score", judge="imagebind", measure="video"),
    Column(name="DeSync", judge="synchformer", measure="desync", output="segments", higher_is_better=False),
    Column(name="CLAP_T", judge="laion-clap", measure="text"),
    Column(name="CLAP_A", judge="laion-clap", measure="likeness"),
    Column(name="MS-CLAP", judge="ms-clap", measure="text"),
    Column(name="PE-AV", judge="pe-av", measure="video"),
    Column(name="PE-AV_T", judge="pe-av", measure="text"),
    *(
        Column(name=f"Audiobox {axis}", judge="audiobox-aesthetics", measure="axis", output="axes", place=place)
        for place, axis in enumerate(_AXES)
    ),
)
"""In table order."""
DESYNC_WINDOWS: Final = ("DeSync, first window", "DeSync, last window")
_ON_REQUEST: Final[tuple[Column, ...]] = tuple(
    Column(name=name, judge="synchformer", measure="desync", output="segments", place=place, higher_is_better=False)
    for place, name in enumerate(DESYNC_WINDOWS)
)
"""Made only where they are named."""
COLUMN_OF: Final = {column.name: column for column in (*COLUMNS, *_ON_REQUEST)}
"""By name."""
LIKENESS: Final = tuple(column.name for column in COLUMNS if column.is_likeness)
"""How alike a clip and the audio that it should resemble are; first by the judge that needs no download."""
JUDGE_NAMES: Final = tuple(dict.fromkeys(column.judge for column in COLUMNS))
"""The judges that have a column."""

PACKAGES: Final = {
    "resemblyzer-vad": ("webrtcvad", "pip install webrtcvad-wheels"),
    "audiobox-aesthetics": ("audiobox_aesthetics", "pip install 'foleygenex[eval]'"),
}
"""Judges whose packages are not always installed: the module, and the command."""
EMBEDDED: Final = "embedded"
NONE: Final = "none"
AUTO: Final = "auto"


def parse_judges(asked: Iterable[str]) -> list[str]:
    """Returns the names of judges in texts that separate them by commas, `auto` where there are none.

    Raises UsageError for an unknown one, and for a judge that is named with different weights.
    """
    names = [one.strip() for text in asked for one in text.split(",") if one.strip()] or [AUTO]
    if unknown := [name for name in names if plain_name(name) not in (*JUDGE_NAMES, AUTO, EMBEDDED, NONE)]:
        known = ", ".join((AUTO, EMBEDDED, NONE, *sorted(JUDGE_NAMES)))
        raise UsageError(f"judge {unknown[0]!r} is unknown; known are {known}, and NAME:PATH for your own weights")
    chosen: dict[str, str] = {}
    for name in names:
        if (other := chosen.setdefault(plain_name(name), name)) != name:
            raise UsageError(f"judge {plain_name(name)} is named twice, as {other} and {name}; name it once")
    return names


def plain_name(name: str) -> str:
    """Returns a judge's name of NAME:PATH, `_` and `-` being the same."""
    return name.partition(":")[0].replace("_", "-")


def lacks_package(judge: str) -> bool:
    """Whether a judge's package is not installed."""
    return judge in PACKAGES and find_spec(PACKAGES[judge][0]) is None


def columns_of(judge: str, only: Collection[str] = ()) -> tuple[Column, ...]:
    """Returns the columns that a judge gives, by its name without a path; with `only` those of these names."""
    return tuple(column for column in chosen_columns(only) if column.judge == judge)


def chosen_columns(only: Collection[str] = ()) -> tuple[Column, ...]:
    """Returns all columns in table order; with `only` those of these names, also such as are made on request."""
    return tuple(column for column in COLUMN_OF.values() if column.name in only) if only else COLUMNS
