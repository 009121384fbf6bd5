"""What the parser is asked about: every form that may name a side, and the fixed expressions (SPEC A1).

Wider than `tasks.mine.lexicon`: no look at the neighbours, since the parse decides. A *family* is the plain form that
`tasks.mine.syntax` has a law for. Raise VERSION whenever an entry or a law changes: mined rows depend on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tasks.mine.lexicon import LISTENER

VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Words that may name a side. `pos` is empty where the parse decides between adverb and adjective."""

    side: str
    family: str
    pattern: re.Pattern[str]
    pos: str = ""


def _words(side: str, family: str, pattern: str, pos: str = "") -> Candidate:
    bounded = re.compile(rf"(?<![\w'-])(?:{pattern})(?![\w'-])")
    return Candidate(side=side, family=family, pattern=bounded, pos=pos)


def _phrase(side: str, pattern: str, pos: str = "phrase") -> Candidate:
    return _words(side, "phrase", pattern, pos)


_PACE: Final = r"(?:rate|speeds?|pace|tempo|rhythm|manner)"
_VERY: Final = r"(?:(?:very|quite|fairly|really|rather|pretty|somewhat|moderately) )?"

EXPRESSIONS: Final = tuple(
    re.compile(rf"(?<![\w'-])(?:{pattern})(?![\w'-])")
    for pattern in (
        r"fast[ -]foods?|fast asleep|fast[ -]forward\w*|speed ?boats?|loud ?speakers?|(?:out|read(?:s|ing)?) loud",
        r"loud ?hailers?|soft ?ware|soft ?balls?|soft drinks?|soft[- ]spoken(?= person)",
        r"(?:as|so) (?:fast|quickly|soon|far|close) as|(?:so|by|how) far(?! away)",
        r"far (?:more|less|too|better|worse|louder|quieter|softer|faster|slower|along|apart)",
        r"far (?:side|end|corner|left|right)",
        r"(?:in)?to(?:wards?)? (?:the |a )?distance|(?:increasing|certain|walking|over|covers?) (?:a |the )?distance",
        r"close (?:together|to (?:each|one)|friends?|behind|call|harmony|captions?)|(?:near|close) to(?= the end)",
        r"near (?:the )?(?:end|beginning|start|middle|silence|silent|constant|continuous)|near-?(?:silent|constant)",
        r"quiet down|quiets? down|slows? down|slow(?:s|ed|ing)? (?:down|to)|close(?:s|d)? (?:down|off|out|the|a)",
        r"(?:peace and|some|the|of|in) quiet(?=$|[.,;]| (?:and|then|after|before|until|followed)\b)",
    )
)
"""Fixed expressions that name no side, whatever the parse says."""

CANDIDATES: Final = (
    _phrase(
        "fast",
        rf"(?:at|with|in) (?:a |an )?{_VERY}(?:high|fast|rapid|quick|great|full|top|brisk) {_PACE}(?: of speed)?|"
        r"(?:high|full|top) speeds?|in (?:quick|rapid|fast) succession|at full throttle",
    ),
    _phrase("fast", r"high-speed|(?:fast|quick)[- ]?paced|fast-moving|rapid-fire", "adjective"),
    _words("fast", "rapid", r"quickly|rapidly|swiftly|speedily|briskly|hurriedly|hastily|fastly"),
    _words("fast", "rapid", r"rapid|speedy|swift|brisk|hurried|hasty"),
    _words("fast", "fast", r"fast|faster|fastest"),
    _words("fast", "quick", r"quick|quicker|quickest"),
    _phrase(
        "slow",
        rf"(?:at|on|with|in) (?:a |an )?{_VERY}(?:low|slow|leisurely) {_PACE}|low speeds?|in slow succession",
    ),
    _phrase("slow", r"low-speed|slow-(?:moving|paced)", "adjective"),
    _words("slow", "slow", r"slowly|slow|slower|slowest|sluggish|sluggishly|leisurely|unhurried|unhurriedly"),
    _phrase(
        "near",
        r"(?:in|from|at|within) (?:a |the |very |such )*(?:near|close|short) (?:distance|range|quarters)|"
        rf"(?:in|at|within) (?:a |the |very |such )*close proximity(?! to (?!{LISTENER}))|"
        r"(?:a )?short (?:distance|way) (?:away|off)|up[ -]close|close[ -]up|(?:close|near) at hand|"
        rf"(?:close|near|next)(?: up)? to {LISTENER}|near {LISTENER}|"
        r"(?:fairly |very |quite |pretty )?close in distance",
    ),
    _words("near", "nearby", r"nearby|near[ -]by|close[ -]by|closeby", ""),
    _words("near", "close", r"close|closer|closest|closely"),
    _words("near", "near", r"near|nearer|nearest"),
    _phrase(
        "far",
        r"(?:off |far |away |far off |way off |from far )*(?:in|from|at) (?:the |a |some )?"
        r"(?:far |great |long |further |farther |distant |remote |good |considerable |large )*distances?|"
        r"(?:a|some|a long|a good|a great) (?:distance|way|ways) (?:away|off)|"
        r"in (?:the )?(?:far|distant|further|farther) (?:background|distance)|far in the background",
    ),
    _phrase(
        "far",
        rf"(?:from )?(?:far|farther|further|way|long way)[ -](?:away|off)(?: from {LISTENER})?|"
        rf"from (?:a)?far|far from {LISTENER}|far back",
    ),
    _phrase("far", r"faraway|far-?off", "adjective"),
    _words("far", "distant", r"distantly|distant|afar"),
    _words("far", "far", r"far"),
    _words("far", "distance", r"distance", "adjective"),
    _phrase(
        "loud",
        rf"(?:at|of|in|with) (?:a |an )?{_VERY}(?:high|full|loud|great|maximum|top) volumes?|"
        r"(?:high|full|maximum) volume|at full blast",
    ),
    _phrase("loud", r"high-volume|ear[- ]?splitting|deafening|thunderous", "adjective"),
    _words("loud", "loud", r"loudly|loud|louder|loudest|noisily|noisier|deafeningly|thunderously"),
    _phrase(
        "quiet",
        rf"(?:at|of|in|with) (?:a |an )?{_VERY}(?:low|quiet|soft) volumes?|low volume|barely (?:audibl[ey]|heard)",
    ),
    _phrase("quiet", r"low-volume|hushed|barely-audible", "adjective"),
    _words("quiet", "quiet", r"quietly|quiet|quieter|quietest"),
    _words("quiet", "soft", r"softly|soft|softer|softest"),
    _words("quiet", "faint", r"faintly|faint|fainter|faintest"),
)
"""Longer expressions stand before their parts: characters that one entry took are not looked at again."""

STEMS: Final = re.compile(
    r"fast|quick|rapid|swift|speed|brisk|hurried|hast[iy]|succession|slow|sluggish|leisurely|near|clos|distan|far|"
    r"(?:short|way)(?: way)? (?:away|off)|range|proximity|quarters|next to|loud|nois|volume|blast|deafen|thunderous|"
    r"splitting|quiet|soft|faint|hush|audibl|barely|throttle|\bpace|tempo|\brate\b|manner"
)
"""A cheap first look at the lower-case caption: without a hit no candidate can match."""
