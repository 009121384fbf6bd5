"""Which judges are asked, why the others are not, and what each says of sounds, videos and captions, cached by content.

Legend: T samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import numpy as np
import torch
from torch.nn import functional

from data_contracts import ItemError, WeightsError
from model.judges import JUDGES, AudioJudge, Judge, Outputs, TextJudge, VideoJudge, load_judge
from model.judges.sounds import prepare
from model.weights.catalogue import Component, component_named
from model.weights.locate import available
from tasks.engine.workspace import hash_text
from tasks.evaluate.columns import (
    AUTO,
    EMBEDDED,
    JUDGE_NAMES,
    NONE,
    PACKAGES,
    lacks_package,
    parse_judges,
    plain_name,
)
from tasks.evaluate.judge_cache import Arrays, JudgeCache, cache_key
from tasks.evaluate.sounds import Sound
from tasks.media.frames import read_frames

_BATCH: Final = 16
_VERSION: Final = 3  # of the judges' outputs: raised when the same input gives others
_BEFORE_S: Final = 0.001  # a frame that is shown from just this moment on is the earlier one's successor
_ROUNDED: Final = 0.01  # of a frame: what a rounded duration may lack of its last one
_CANNOT: Final = "cannot: "

Said = Arrays | str
"""What a judge says of one input, or why it says nothing (too short, for example)."""
InputT = TypeVar("InputT")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeChoice:
    """Judges to ask, as `load_judge` takes them, and why the others with a column are not asked."""

    asked: tuple[str, ...]
    why_not: Mapping[str, str]


def choose_judges(asked: Iterable[str]) -> JudgeChoice:
    """Returns the judges that are asked: names or NAME:PATH, separated by commas.

    `auto`, the default: every one whose weights are on this machine, but those without commercial use only when they
    are named. `embedded`: those that need no download. `none`: none. Raises UsageError for an unknown name.
    """
    names = parse_judges(asked)
    named = [name for name in names if name not in (AUTO, EMBEDDED, NONE)]
    chosen = {plain_name(name): name for name in named}
    why_not = {}
    for judge in JUDGE_NAMES:
        reason = "" if judge in chosen else _why_not(judge, names)
        if reason:
            why_not[judge] = f"not computed: {reason}"
        else:
            chosen.setdefault(judge, judge)
    return JudgeChoice(asked=tuple(chosen.values()), why_not=why_not)


def judges_here(asked: Iterable[str]) -> JudgeChoice:
    """Returns as `choose_judges`, but of `auto` only the judges whose files and packages are on this machine."""
    texts = tuple(asked)
    choice, named = choose_judges(texts), {plain_name(name) for name in parse_judges(texts)}
    why_not = {name: why for name in choice.asked if name not in named and (why := _why_absent(name))}
    here = tuple(name for name in choice.asked if name not in why_not)
    return JudgeChoice(asked=here, why_not={**choice.why_not, **why_not})


def _why_absent(judge: str) -> str:
    if component := absent_component(judge):
        return f"not computed: {judge} weights absent; licence {component.licence}; {component.fetch_command}"
    return f"not computed: {judge} needs a package; {PACKAGES[judge][1]}" if lacks_package(judge) else ""


def absent_component(judge: str) -> Component | None:
    """Returns the component of a judge whose files are not on this machine."""
    component = component_named(plain_name(judge))
    is_absent = ":" not in judge and component is not None and not available(component.name)
    return component if is_absent else None


def _why_not(judge: str, names: Sequence[str]) -> str:
    """Returns why a judge that is not named is not asked; empty when it is."""
    component = component_named(judge)
    if judge not in JUDGES:
        return f"this release has no judge {judge}"
    is_published = component is not None and component.kind == "published"
    if AUTO in names:
        if component is not None and not component.is_commercial:
            return f"{judge}: licence {component.licence}, no commercial use; name it to use it: --judges {judge}"
        return ""
    if EMBEDDED in names and not is_published:
        return ""
    return f"judge {judge} was not asked for"


def absent(judge: str, error: WeightsError) -> str:
    """Returns why the columns of a judge are empty whose weights cannot be loaded, in one line."""
    component = component_named(judge)
    if component is None or "is not downloaded" not in str(error):
        return f"not computed: {error}"
    return f"not computed: {judge} weights absent; licence {component.licence}; {component.fetch_command}"


class _Asked(NamedTuple):
    """A sound as a judge gets it."""

    sound_T: torch.Tensor  # noqa: N815 (shape suffix)
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedJudge:
    """A judge whose answers are kept by content, weights and settings."""

    judge: Judge
    cache: JudgeCache
    device: torch.device | str = "cpu"

    @classmethod
    def load(cls, name: str, cache: JudgeCache, device: torch.device | str) -> CachedJudge:
        """Loads a judge. Raises WeightsError where its weights are absent or are not the expected ones."""
        return cls(judge=load_judge(name, device), cache=cache, device=device)

    @property
    def name(self) -> str:
        """The judge's name."""
        return self.judge.spec.name

    def key(self, kind: str, content: str, **settings: float) -> str:
        """Returns the key of what the judge says of a content."""
        spec = self.judge.spec
        return cache_key(
            kind,
            version=_VERSION,
            judge=spec.name,
            weights=spec.weights_sha256,
            rate_hz=spec.rate_hz,
            fps=spec.fps,
            device=torch.device(self.device).type,
            content=content,
            **settings,
        )

    def sound_key(self, sound: Sound) -> str:
        """Returns the key of what the judge says of a sound."""
        return self.key(
            "sound", sound.content, from_s=round(sound.from_s, 6), to_s=round(sound.to_s, 6), is_file=sound.is_file
        )

    def video_key(self, sha256: str, duration_s: float) -> str:
        """Returns the key of what the judge says of the beginning of a video."""
        return self.key("video", sha256, duration_s=round(duration_s, 6))

    def text_key(self, text: str) -> str:
        """Returns the key of what the judge says of a text."""
        return self.key("text", hash_text(text))

    def hear(self, sounds: Sequence[Sound]) -> list[Said]:
        """Returns what the judge says of each sound; those that are not in the cache are asked in batches.

        That a file cannot be read is not kept: it may be there the next time.
        """
        keys = [self.sound_key(sound) for sound in sounds]
        found: dict[str, Said] = {key: said for key in dict.fromkeys(keys) if (said := self._known(key)) is not None}
        new = {key: sound for key, sound in zip(keys, sounds, strict=True) if key not in found}
        for batch in _batches(list(new.items())):
            read: dict[str, _Asked] = {}
            for key, sound in batch:
                try:
                    read[key] = _Asked(self._tensor(sound), _seed(sound))
                except ItemError as error:
                    found[key] = error.message
            for key, said in zip(read, self._heard(list(read.values())), strict=True):
                found[key] = self._keep(key, said)
        return [found[key] for key in keys]

    def see(self, path: Path, sha256: str, duration_s: float) -> Said:
        """Returns what the judge says of the first `duration_s` of a video; that it cannot be read is not kept."""
        assert isinstance(self.judge, VideoJudge)
        spec = self.judge.spec
        assert spec.fps is not None
        key = self.video_key(sha256, duration_s)
        if (known := self._known(key)) is not None:
            return known
        try:
            frames = read_frames(
                path,
                fps=spec.fps,
                size=self.judge.size,
                fit=self.judge.fit,
                start_s=0.5 / spec.fps - _BEFORE_S,  # as FFmpeg's fps filter rounds
                duration_s=_whole_frames_s(duration_s, spec.fps),
            )
        except ItemError as error:
            return error.message
        try:
            return self._keep(key, _arrays(self.judge.judge_video(frames)))
        except ItemError as error:
            return self._keep(key, error.message)

    def read(self, texts: Sequence[str]) -> list[Said]:
        """Returns what the judge says of each text."""
        assert isinstance(self.judge, TextJudge)
        keys = [self.text_key(text) for text in texts]
        found = {key: said for key in dict.fromkeys(keys) if (said := self._known(key)) is not None}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        for batch in _batches(list(new.items())):
            for (key, _), outputs in zip(batch, self.judge.judge_text([text for _, text in batch]), strict=True):
                found[key] = self._keep(key, _arrays(outputs))
        return [found[key] for key in keys]

    def _heard(self, asked: Sequence[_Asked]) -> list[Said]:
        """Returns what the judge says of a batch; where it refuses one sound, of each alone."""
        assert isinstance(self.judge, AudioJudge)
        if not asked:
            return []
        try:
            heard = self.judge.judge_audio([one.sound_T for one in asked], seeds=[one.seed for one in asked])
        except ItemError as error:
            return [error.message] if len(asked) == 1 else [said for one in asked for said in self._heard([one])]
        return [_arrays(said) for said in heard]

    def _tensor(self, sound: Sound) -> torch.Tensor:
        """Returns a sound as the judge's original loads it, followed by silence where a file is too short."""
        spec = self.judge.spec
        assert spec.rate_hz is not None
        samples_T, rate_hz = sound.whole() if sound.is_file else sound.samples()
        channels_CT = torch.from_numpy(np.ascontiguousarray(samples_T))[None]
        if not sound.is_file:
            return prepare(channels_CT, rate_hz, spec)
        sound_T = prepare(channels_CT, rate_hz, spec, sound.duration_s)
        missing = round(sound.duration_s * spec.rate_hz) - len(sound_T)
        return functional.pad(sound_T, (0, max(0, missing)))

    def _known(self, key: str) -> Said | None:
        arrays = self.cache.get(key)
        if arrays is None or _CANNOT not in arrays:
            return arrays
        return arrays[_CANNOT].tobytes().decode()

    def _keep(self, key: str, said: Said) -> Said:
        kept = {_CANNOT: np.frombuffer(said.encode(), np.uint8)} if isinstance(said, str) else said
        self.cache.put(key, kept)
        return said


def _whole_frames_s(duration_s: float, fps: float) -> float:
    """Returns the seconds that whole frames take, as av-benchmark counts them: 3 frames at 0.5 fps of 7 s."""
    return math.floor(duration_s * fps + _ROUNDED) / fps


def _seed(sound: Sound) -> int:
    """Returns a 63-bit seed from what the sound is."""
    return int(hash_text("judge", sound.content, repr(sound.from_s), repr(sound.to_s))[:16], 16) >> 1


def _batches(values: list[InputT]) -> Iterator[list[InputT]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]


def _arrays(outputs: Outputs) -> Arrays:
    return {name: value.numpy() for name, value in outputs.items()}
