"""Changes from one side to the other inside a caption: "goes from fast to slow", "starts slowly, then speeds up".

Both ends are named, so both sides are found, and both cues are marked as a change: audio that is slow and then fast is
none of the speeds of augmentation. "gets louder" alone names no end and is no change here. Source: SPEC A1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tasks.language.cues import Cue
from tasks.language.words import DEGREES, bounded

_TURNS: Final = (
    r"(?:(?:gradually|slowly|quickly|rapidly|steadily|suddenly) )?(?:gets?|getting|grows?|growing|becom(?:es?|ing)|"
    r"turn(?:s|ing)?(?: to)?|goes|going)(?: (?:gradually|slowly|quickly|more|much|even|very|and))*"
)
_MOVES: Final = r"(?:moves?|moving|drives?|driving|comes?|coming|gets?|getting|goes|going|flies|flying|draws?|drawing)"
_ENDS: Final = {
    "fast": bounded(
        rf"speed(?:s|ing)? up|pick(?:s|ing)? up (?:speed|the pace|pace)|accelerat(?:es?|ing)|"
        rf"{_TURNS} (?:faster|quicker|fast|rapid)|(?:increas|gain)(?:es?|s|ing)(?: in| the| its)* (?:speed|pace|tempo)|"
        r"quickens?|quickening|faster(?: and faster)?"
    ),
    "slow": bounded(
        rf"slow(?:s|ing)?(?: down)|slows|decelerat(?:es?|ing)|{_TURNS} (?:slower|slow)|"
        r"(?:decreas|los)(?:es?|ing)(?: in| the| its)* (?:speed|pace|tempo)|slower(?: and slower)?"
    ),
    "loud": bounded(
        rf"{_TURNS} (?:louder|loud|noisier)|(?:increas|ris|grow|swell)(?:es?|s|ing)(?: \w+ly)? in (?:volume|loudness)|"
        r"intensif(?:ies|y|ying)|louder(?: and louder)?"
    ),
    "quiet": bounded(
        rf"{_TURNS} (?:quieter|softer|fainter|quiet|soft|faint)|(?:decreas|fall|drop)(?:es?|s|ing)(?: \w+ly)? in "
        r"(?:volume|loudness)|fad(?:es?|ing)(?: (?:away|out|off|down))?|(?:dies|dying) (?:down|away|out)|"
        r"quiets(?: down)?|quiet down|quietens?|(?:quieter|softer|fainter)(?: and (?:quieter|softer|fainter))?"
    ),
    "near": bounded(rf"{_MOVES} (?:\w+ )?(?:closer|nearer|near|close)|approach(?:es|ing)?|closer(?: and closer)?"),
    "far": bounded(
        rf"{_MOVES} (?:\w+ )?(?:farther|further|far|off|away|in(?:to)? the distance)"
        r"(?: (?:away|off|into the distance))?|"
        r"reced(?:es?|ing)|fad(?:es?|ing) (?:off |away )?in(?:to)? the distance|"
        r"(?:farther|further) (?:away|off)"
    ),
}
"""What says that a sound comes to a side."""
_WORDS: Final = {
    "fast": r"(?:fast|quick|rapid|quickly|rapidly|faster|high speeds?)",
    "slow": r"(?:slow|slowly|slower|low speeds?)",
    "loud": r"(?:loud|loudly|louder|noisy)",
    "quiet": r"(?:quiet|quietly|quieter|soft|softly|softer|faint|faintly)",
    "near": r"(?:near|nearby|close|close by|closer|up close)",
    "far": r"(?:far|far away|far off|distant|afar|further away|farther away)",
}
_FILLERS: Final = rf"(?:(?:a|an|the|being|more|a more|{'|'.join(DEGREES)}) )*"
_OPPOSITE: Final = {"fast": "slow", "slow": "fast", "loud": "quiet", "quiet": "loud", "near": "far", "far": "near"}
_FROM_TO: Final = {
    side: bounded(
        rf"from {_FILLERS}(?P<one>{_WORDS[side]})(?: [\w-]+){{0,2}} (?:to|into) {_FILLERS}(?P<two>{_WORDS[other]})"
    )
    for side, other in _OPPOSITE.items()
}
_BECOMES: Final = {
    side: bounded(rf"{_TURNS} (?P<end>{'|'.join(plain)})")
    for side, plain in {
        "fast": ("fast", "rapid", "quick"), "slow": ("slow",), "loud": ("loud",), "quiet": ("quiet", "soft", "faint")
    }.items()
}  # fmt: skip
_ANOTHER_SOUND: Final = re.compile(
    r"\b(?:a|an|the|another|some|several|while|as|with|followed|by|people|someone|man|men|woman|women|birds?|music)\b|[.;]"
)
_MOST_WORDS: Final = 8  # between the two ends
_STEMS: Final = re.compile(
    r"\bfrom\b|speed|accel|slow|fast|quick|loud|nois|intensif|volume|quiet|soft|faint|fad|clos|near|approach|dist|away|"
    r"further|farther|reced|dies|dying"
)


def with_changes(caption: str, text: str, cues: Iterable[Cue]) -> list[Cue]:
    """Returns the cues in reading order, those of a change marked, with the ends of changes that were no cues.

    `text` is the caption in lower case, every character at its offset.
    """
    found = list(cues)
    if _STEMS.search(text):
        for one, two in (*_from_to(text), *_started(text, found), *_became(text)):
            found = [cue for cue in found if not (cue.overlaps(one) or cue.overlaps(two))] + [
                replace(end, words=caption[end.start : end.end]) for end in (one, two)
            ]
    return sorted(found, key=lambda cue: cue.start)


def _from_to(text: str) -> list[tuple[Cue, Cue]]:
    return [
        (_end(text, side, *match.span("one")), _end(text, _OPPOSITE[side], *match.span("two")))
        for side, pattern in _FROM_TO.items()
        for match in pattern.finditer(text)
    ]


def _started(text: str, cues: Iterable[Cue]) -> list[tuple[Cue, Cue]]:
    """A cue and, in the same event after it, what brings the sound to the opposite side."""
    pairs = []
    for cue in cues:
        side = _OPPOSITE[cue.side]
        match = _ENDS[side].search(text, cue.end)
        between = text[cue.end : match.start()] if match else ""
        if match and len(between.split()) <= _MOST_WORDS and not _ANOTHER_SOUND.search(between):
            pairs.append((replace(cue, change=True), _end(text, side, *match.span())))
    return pairs


def _became(text: str) -> list[tuple[Cue, Cue]]:
    """ "gets loud and then becomes quiet": a sound that comes to both sides."""
    pairs = []
    for side, pattern in _BECOMES.items():
        for first in pattern.finditer(text):
            second = _BECOMES[_OPPOSITE[side]].search(text, first.end())
            if second and not _ANOTHER_SOUND.search(text[first.end() : second.start()]):
                pairs.append((_end(text, side, *first.span("end")), _end(text, _OPPOSITE[side], *second.span("end"))))
    return pairs


def _end(text: str, side: str, start: int, end: int) -> Cue:
    return Cue(side=side, words=text[start:end], start=start, end=end, pos="phrase", change=True)
