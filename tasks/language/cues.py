"""How English says each level: the words and phrases (cues) of fast, slow, far, near, rising, falling.

One table serves the rules, the validator and the prompts' edit hints. A cue has a kind, because "fast knocking" and
"knocks fast" take different replacements; the kind is told from the neighbouring words, without a parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from data_contracts.adverbs import opposites

STRONG: Final = ("very", "extremely", "really", "incredibly", "super", "real")
_INTENSIFIERS: Final = "|".join(
    (*STRONG, "so", "quite", "rather", "fairly", "pretty", "somewhat", "too", "more", "much")
)
_GRADUAL: Final = "(?:(?:gradually|slowly|steadily|progressively|continuously|increasingly|constantly|quickly) )?"
_PACE: Final = "(?:pace|speed|rate|tempo|rhythm)"
_TURNS: Final = "(?:getting|gets|get|growing|grows|grow|becoming|becomes|become|turning|turns)"


def _at_pace(words: str) -> str:
    return rf"at (?:an? )?(?:(?:{_INTENSIFIERS}) )?(?:{words}) {_PACE}"


def _trend(comparatives: str, rates: str) -> tuple[str, ...]:
    """Patterns of a change in loudness, longest first."""
    return (
        rf"{_GRADUAL}{_TURNS} (?:\w+ly |ever |even )?(?:{comparatives})(?: and (?:{comparatives}))?",
        rf"(?:{comparatives}) and (?:{comparatives})",
        rf"with {_GRADUAL}(?:{rates}) (?:volume|loudness|intensity)",
        rf"{_GRADUAL}(?:{rates})(?: \w+ly)? in (?:volume|loudness|intensity)",
        rf"at (?:an? )?{_GRADUAL}(?:{rates}) volume",
    )


_PATTERNS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]]] = {
    # side: (phrases, adverbs, adjectives, words that are either)
    "fast": (
        (
            _at_pace("fast|quick|rapid|high|brisk|swift"),
            "in (?:very )?(?:quick|rapid|fast) succession",
            "at (?:top|full) speed",
        ),
        ("quickly", "rapidly", "swiftly", "speedily", "briskly", "hurriedly"),
        ("quick", "rapid", "swift", "speedy", "brisk", "hurried", "high-speed", "fast-paced"),
        ("fast(?! food| forward)", "faster", "quicker"),
    ),
    "slow": (
        (_at_pace("slow|low|leisurely|sluggish"), "in (?:very |extremely )?slow motion"),
        ("slowly", "sluggishly"),
        ("sluggish", "leisurely", "unhurried", "slow-paced"),
        ("slow", "slower"),
    ),
    "medium": (
        (_at_pace("moderate|medium|normal"),),
        (),
        ("moderately paced", "medium-paced", "moderate-paced", "medium-speed"),
        ("moderately",),
    ),
    "far": (
        (
            "(?:off |far |far off |very far )?in the (?:far |very far )?distance",
            "(?:from )?(?:very )?far (?:away|off)",
            "from (?:afar|a distance)",
            "at a (?:great )?distance",
            "off in the distance",
        ),
        ("distantly",),
        ("distant", "faraway", "far-off"),
        (),
    ),
    "near": (
        (
            "(?:very )?close(?:-| )?up(?! to)",
            "(?:from )?up close",
            "(?:very )?close by",
            "(?:very )?close to the (?:microphone|mic|camera|listener|recorder)",
            "in the foreground",
            "at close range",
            "close at hand",
        ),
        ("closely",),
        ("close-by", "closest", "nearest"),
        ("nearby", r"near(?=\s*(?:[.,;!?]|$))", r"close(?=\s*(?:[.,;!?]|$))"),
    ),
    "crescendo": (
        (
            *_trend("louder|stronger", "increasing|increases|rising|rises|growing|grows|swelling|swells|building"),
            "in an? (?:gradual )?crescendo",
            f"{_GRADUAL}swelling(?: up)?",
            "increasingly loud(?:ly)?",
        ),
        (),
        (),
        ("louder", "crescendo"),
    ),
    "decrescendo": (
        (
            *_trend(
                "quieter|softer|fainter|weaker",
                "decreasing|decreases|diminishing|diminishes|falling|falls|dropping|drops|fading|fades|declining",
            ),
            f"{_GRADUAL}(?:fading|fades|fade|dying|dies|trailing|trails)(?: (?:gradually|slowly|steadily))? "
            "(?:away|out|off|down)(?: into silence)?",
            f"{_GRADUAL}(?:fading|fades)",
            "in an? (?:gradual )?(?:decrescendo|diminuendo)",
            "increasingly (?:quiet|soft|faint)(?:ly)?",
        ),
        (),
        (),
        ("quieter", "softer", "fainter", "decrescendo"),
    ),
    "loud": (("at (?:an? )?(?:high|full) volume",), ("loudly",), (), ("loud",)),
    "quiet": (("at (?:an? )?low volume",), ("quietly", "softly", "faintly"), ("quiet", "faint"), ("soft",)),
}


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FUNCTION: Final = _set(
    "a an the and or but as at by for from in into of off on onto out over to up with while then when where before "
    "after along around across against behind below beside between beyond down during inside near outside past "
    "through toward towards under until followed is are was were be been being that which who its it"
)
_DETERMINERS: Final = _set("a an the some several two three many of with this that another and")
COPULAS: Final = _set("is are was were be been being")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One place of a caption that names a side.

    `kind`: phrase, adverb (after its verb), preverb, adjective or predicate.
    """

    side: str
    start: int
    end: int
    text: str
    core: str  # the text without its intensifier
    kind: str
    strong: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What a caption of a level must say, must not say, and the wordings the rules choose from."""

    side: str
    opposite: tuple[str, ...]
    axis: tuple[str, ...]  # sides whose words may be dropped
    strong: bool
    adverbs: tuple[str, ...]
    adjectives: tuple[str, ...]
    endings: tuple[str, ...]  # appended when the caption names no side


_SPEED: Final = ("fast", "slow", "medium")
_TREND: Final = ("crescendo", "decrescendo", "loud", "quiet")


def _speed(side: str, adverbs: str, adjectives: str, endings: str, *, strong: bool = False) -> Level:
    words = (tuple(text.split("|")) for text in (adverbs, adjectives, endings))
    first, second, third = words
    return Level(
        side=side, opposite=opposites(side), axis=_SPEED, strong=strong, adverbs=first, adjectives=second, endings=third
    )


LEVELS: Final[dict[str, Level]] = {
    "very_fast": _speed(
        "fast",
        "very quickly|very rapidly|extremely fast|at a very fast pace",
        "very fast|very rapid|extremely fast",
        "at a very fast pace|very quickly|very rapidly",
        strong=True,
    ),
    "fast": _speed("fast", "quickly|rapidly|at a fast pace", "fast|rapid|quick", "at a fast pace|quickly|rapidly"),
    "medium": _speed(
        "medium",
        "at a moderate pace|at a medium pace|at a moderate speed",
        "moderately paced|medium-paced",
        "at a moderate pace|at a medium pace|at a moderate speed",
    ),
    "slow": _speed("slow", "slowly|at a slow pace", "slow|slow-paced", "at a slow pace|slowly"),
    "very_slow": _speed(
        "slow",
        "very slowly|extremely slowly|at a very slow pace",
        "very slow|extremely slow",
        "at a very slow pace|very slowly|extremely slowly",
        strong=True,
    ),
    "far": Level(
        side="far",
        opposite=opposites("far"),
        axis=("far", "near"),
        strong=False,
        adverbs=("in the distance", "far away", "off in the distance", "from far away"),
        adjectives=("distant", "faraway"),
        endings=("in the distance", "off in the distance"),
    ),
    "crescendo": Level(
        side="crescendo",
        opposite=opposites("crescendo"),
        axis=_TREND,
        strong=False,
        adverbs=("gradually getting louder", "getting louder and louder", "steadily growing louder"),
        adjectives=("increasingly loud",),
        endings=(", gradually getting louder", ", getting louder and louder", ", steadily growing louder"),
    ),
    "decrescendo": Level(
        side="decrescendo",
        opposite=opposites("decrescendo"),
        axis=_TREND,
        strong=False,
        adverbs=("gradually fading away", "getting quieter and quieter", "slowly fading out"),
        adjectives=("increasingly quiet",),
        endings=(", gradually fading away", ", getting quieter and quieter", ", slowly fading out"),
    ),
}


def _compile(side: str) -> re.Pattern[str]:
    phrases, adverbs, adjectives, either = _PATTERNS[side]
    words = "|".join((*adverbs, *adjectives, *either))
    single = rf"(?:(?:{_INTENSIFIERS})\s+)*(?:{words})" if words else ""
    alternatives = "|".join((*phrases, single)) if single else "|".join(phrases)
    return re.compile(rf"(?<![\w'-])(?:{alternatives})(?![\w'-])", re.IGNORECASE)


_COMPILED: Final = {side: _compile(side) for side in _PATTERNS}
_ANY_INTENSIFIER: Final = re.compile(rf"\b(?:{_INTENSIFIERS})\s+", re.IGNORECASE)
_ANY_STRONG: Final = re.compile(rf"\b(?:{'|'.join(STRONG)})\b", re.IGNORECASE)


def find_cues(caption: str, *sides: str) -> list[Cue]:
    """Returns the cues of the sides in reading order. Longer cues win over cues inside them, across sides too."""
    found = [_cue(caption, side, match) for side in sides for match in _COMPILED[side].finditer(caption)]
    found.sort(key=lambda cue: (-(cue.end - cue.start), cue.start))
    kept: list[Cue] = []
    for cue in found:
        if all(cue.end <= other.start or cue.start >= other.end for other in kept):
            kept.append(cue)
    return sorted(kept, key=lambda cue: cue.start)


def without_cues(caption: str, cues: list[Cue]) -> str:
    """Returns the caption with the cues cut out (not meant to be read: for comparing the remaining words)."""
    for cue in sorted(cues, key=lambda cue: -cue.start):
        caption = f"{caption[: cue.start]} {caption[cue.end :]}"
    return caption


def _cue(caption: str, side: str, match: re.Match[str]) -> Cue:
    text = match.group()
    core = _ANY_INTENSIFIER.sub("", text)
    return Cue(
        side=side,
        start=match.start(),
        end=match.end(),
        text=text,
        core=core,
        kind=_kind(caption, side, match, core.lower()),
        strong=bool(_ANY_STRONG.search(text)),
    )


def _kind(caption: str, side: str, match: re.Match[str], core: str) -> str:
    _phrases, adverbs, adjectives, _either = _PATTERNS[side]
    before = re.findall(r"[\w'-]+", caption[: match.start()].lower())
    after = re.match(r"\s*([\w'-]+)", caption[match.end() :])
    following = after.group(1).lower() if after else ""
    content_follows = bool(following) and following not in _FUNCTION
    passive = core in adverbs and following == "being"  # "is slowly being filled"
    if before and before[-1] in COPULAS and not content_follows and not passive:
        return "predicate"
    if core in adjectives:
        return "adjective"
    if core in adverbs:
        return "preverb" if content_follows or passive else "adverb"
    if " " in core or "-" in core:
        return "phrase"
    listed = caption[: match.start()].rstrip().endswith(",") and caption[match.end() :].startswith(",")
    opens = not before or before[-1] in _DETERMINERS or listed
    return "adjective" if content_follows or (opens and bool(caption[match.end() :].strip(" .!"))) else "adverb"
