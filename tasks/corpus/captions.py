"""Natural captions of a scene: with an adverb, an adjective, a phrase, or none, and always true.

A word of speed, distance or volume is only ever chosen for the side that the scene really has (the dimensions of SPEC
A1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.corpus.materials import Material
from tasks.corpus.textures import TEXTURES

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
_VERB_FORMS: Final = {  # third person, participle, noun
    "knock": ("knocks on", "knocked on", "knocking on"),
    "tap": ("taps", "tapped", "tapping on"),
    "hit": ("hits", "hit", "hitting of"),
    "strike": ("strikes", "struck", "strikes on"),
    "bang": ("bangs on", "banged on", "banging on"),
    "beat": ("beats on", "beaten", "beating on"),
    "clink": ("clinks", "clinked", "clinking of"),
}
_AGENTS: Final = ("Someone", "A person", "A stick", "Somebody", "A man with a stick")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The sides that a scene has; None is neither side."""

    speed: str | None = None
    distance: str | None = None
    volume: str | None = None

    def named(self) -> tuple[str, ...]:
        """Returns the sides in the order in which a caption names them."""
        return tuple(side for side in (self.speed, self.volume, self.distance) if side)


def strike_caption(material: Material, thing: str, sides: Sides, rng: np.random.Generator) -> str:
    """Returns a caption about striking `thing`; about one in ten names no speed, distance or volume."""
    said = sides.named() if rng.random() > 0.1 else ()
    verb = str(rng.choice(material.verbs))
    third, participle, noun = _VERB_FORMS[verb]
    name = f"{material.adjective} {thing}"
    form = rng.integers(4)
    if form == 0:
        return _with_adverbs(f"{_article(name).capitalize()} is {participle}", said, rng)
    if form == 1 and said:
        return f"{_adjectives(said, rng)} {noun} {_article(name)}".capitalize()
    agent = str(rng.choice(_AGENTS))
    return _with_adverbs(f"{agent} {third} {_article(name)}", said, rng)


def texture_caption(kind: str, sides: Sides, rng: np.random.Generator) -> str:
    """Returns a caption about a texture, a name of `TEXTURES`."""
    said = sides.named() if rng.random() > 0.1 else ()
    texture = TEXTURES[kind]
    if said and rng.random() < 0.35:
        return f"{_adjectives(said, rng)} {texture.noun}".capitalize()
    return _with_adverbs(str(rng.choice(texture.captions)), said, rng)


def _with_adverbs(core: str, said: tuple[str, ...], rng: np.random.Generator) -> str:
    """Returns the caption with an adverb per side; a place comes last, two adverbs of manner are joined."""
    manner = [str(rng.choice(ADVERBS[side])) for side in said if side not in ("near", "far")]
    place = [str(rng.choice(ADVERBS[side])) for side in said if side in ("near", "far")]
    return " ".join(words for words in (core, " and ".join(manner), *place) if words)


def _adjectives(said: tuple[str, ...], rng: np.random.Generator) -> str:
    return " ".join(str(rng.choice(ADJECTIVES[side])) for side in said)


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
