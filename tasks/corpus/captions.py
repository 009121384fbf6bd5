"""Natural captions of a scene: with an adverb, an adjective, a phrase, or none, and always true.

A word of speed, distance or volume is only ever chosen from the side the scene really has (SPEC A1's dimensions).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.corpus.materials import Material

ADVERBS: Final = {
    "fast": ("fast", "quickly", "rapidly", "very fast", "at a fast pace"),
    "slow": ("slowly", "very slowly", "slowly", "at a slow pace"),
    "loud": ("loudly", "very loudly", "loudly"),
    "quiet": ("quietly", "softly", "very quietly", "faintly"),
    "near": ("nearby", "up close", "close by", "nearby"),
    "far": ("in the distance", "far away", "from far away", "off in the distance"),
}
ADJECTIVES: Final = {
    "fast": ("fast", "rapid", "quick"),
    "slow": ("slow",),
    "loud": ("loud", "very loud"),
    "quiet": ("quiet", "soft", "faint"),
    "near": ("nearby",),
    "far": ("distant", "faraway"),
}
_WORDS: Final = {  # verb: third person, participle, noun
    "knock": ("knocks on", "knocked on", "knocking on"),
    "tap": ("taps", "tapped", "tapping on"),
    "hit": ("hits", "hit", "hitting of"),
    "strike": ("strikes", "struck", "strikes on"),
    "bang": ("bangs on", "banged on", "banging on"),
    "beat": ("beats on", "beaten", "beating on"),
    "clink": ("clinks", "clinked", "clinking of"),
}
_AGENTS: Final = ("Someone", "A person", "A stick", "Somebody", "A man with a stick")
_TEXTURES: Final = {  # kind: (sentence, noun phrase)
    "rain": (("Rain falls", "Rain is falling", "Rain patters on a roof"), "rain"),
    "wind": (("Wind blows", "The wind is blowing"), "wind"),
    "engine": (("An engine hums", "A machine is humming", "A motor runs"), "hum of an engine"),
    "beeps": (("An alarm beeps", "A device is beeping", "Something beeps"), "beeping"),
    "clock": (("A clock ticks", "A clock is ticking"), "ticking of a clock"),
    "drips": (("Water drips", "A tap is dripping"), "dripping of water"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The sides that a scene truly has; None is the unremarkable middle."""

    speed: str | None = None
    distance: str | None = None
    volume: str | None = None

    def named(self) -> tuple[str, ...]:
        """Returns the sides in the order in which a sentence names them."""
        return tuple(side for side in (self.speed, self.volume, self.distance) if side)


def strike_caption(material: Material, thing: str, sides: Sides, rng: np.random.Generator) -> str:
    """Returns a sentence about striking `thing`; about one in ten says nothing of speed, distance or volume."""
    said = sides.named() if rng.random() > 0.1 else ()
    verb = str(rng.choice(material.verbs))
    third, participle, noun = _WORDS[verb]
    name = f"{material.adjective} {thing}"
    form = rng.integers(4)
    if form == 0:
        return _sentence(f"{_article(name).capitalize()} is {participle}", said, rng)
    if form == 1 and said:
        adjectives = " ".join(str(rng.choice(ADJECTIVES[side])) for side in said)
        return f"{adjectives} {noun} {_article(name)}".capitalize()
    agent = str(rng.choice(_AGENTS))
    return _sentence(f"{agent} {third} {_article(name)}", said, rng)


def texture_caption(kind: str, sides: Sides, rng: np.random.Generator) -> str:
    """Returns a sentence about a sound that is no strike (a key of the table above)."""
    said = sides.named() if rng.random() > 0.1 else ()
    sentences, noun = _TEXTURES[kind]
    if said and rng.random() < 0.35:
        adjectives = " ".join(str(rng.choice(ADJECTIVES[side])) for side in said)
        return f"{adjectives} {noun}".capitalize()
    return _sentence(str(rng.choice(sentences)), said, rng)


def _sentence(core: str, said: tuple[str, ...], rng: np.random.Generator) -> str:
    """Appends adverbs; a place goes last, two of manner are joined."""
    manner = [str(rng.choice(ADVERBS[side])) for side in said if side not in ("near", "far")]
    place = [str(rng.choice(ADVERBS[side])) for side in said if side in ("near", "far")]
    return " ".join(part for part in (core, " and ".join(manner), *place) if part)


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
