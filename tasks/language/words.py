"""The words and phrases that may name a side: one list for mining, rewriting and validation. Source: SPEC A1.

Patterns match lower-case text with single spaces. Whether a match does name the side in its caption is decided by the
parse (`tasks.mine.syntax`) or, without a parser, by the words beside it (`tasks.language.finder`). Raise VERSION
whenever an entry changes: mined rows depend on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

VERSION: Final = 7

STRONG: Final = (
    "very", "extremely", "really", "incredibly", "super", "real", "exceptionally", "remarkably", "exceedingly",
    "extraordinarily", "unbelievably", "insanely", "painfully", "ever so",
    "blisteringly", "blindingly", "ridiculously", "excruciatingly", "terribly", "astonishingly", "frighteningly"
)  # fmt: skip
"""Intensifiers that make "fast" the level "very fast"."""
VERY_FAST_PACES: Final = (
    "breakneck", "lightning", "blistering", "furious", "frantic", "frenzied", "frenetic", "dizzying", "tremendous",
    "terrific", "blinding", "feverish", "hectic"
)  # fmt: skip
"""What a very fast pace may be called: "at breakneck speed"."""
STRONG_WORDS: Final = (
    *VERY_FAST_PACES, "furiously", "frantically", "frenetically", "great speed", "top speed", "full speed",
    "full tilt", "flat out", "as possible", "it can", "he can", "she can", "they can", "super-fast", "superfast",
    "snail", "snail's", "crawl", "crawling", "glacial"
)  # fmt: skip
"""Words inside a cue that make it as strong as an intensifier does."""
DEGREES: Final = (
    *STRONG, "so", "quite", "rather", "fairly", "pretty", "somewhat", "slightly", "relatively", "moderately", "too",
    "more", "much", "kind of", "sort of"
)  # fmt: skip
"""Intensifiers that belong to the word that follows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Words that may name a side. `family` is their plain form ("slow" for slowly, slow, slower), or "phrase".

    `pos` is empty where the caption decides between adverb and adjective.
    """

    side: str
    family: str
    pattern: re.Pattern[str]
    pos: str = ""


def bounded(pattern: str) -> re.Pattern[str]:
    """Returns the pattern with word boundaries that take hyphens and apostrophes for letters."""
    return re.compile(rf"(?<![\w'-])(?:{pattern})(?![\w'-])")


def word_form(side: str, family: str, pattern: str, pos: str = "") -> Form:
    """Returns the form of single words."""
    return Form(side=side, family=family, pattern=bounded(pattern), pos=pos)


def phrase_form(side: str, pattern: str, pos: str = "phrase") -> Form:
    """Returns the form of a fixed expression."""
    return word_form(side, "phrase", pattern, pos)


PACE: Final = r"(?:rate|speeds?|pace|tempo|rhythm|manner)"
VERY: Final = rf"(?:(?:{'|'.join(DEGREES)}) )?"
LISTENER: Final = r"(?:the |a |an )?(?:mic|mike|microphone|camera|recorder|recording|listener|phone)\w*"

PLACE: Final = (
    r"(?:environment|place|room|area|setting|space|street|night|day|morning|evening|house|home|hall|outdoors|"
    r"neighbou?rhood|office|scene|forest|woods|town|village|location|surroundings|library|park|field|road|atmosphere)s?"
)
MATERIAL: Final = (
    r"(?:surfaces?|materials?|grounds?|plastics?|toys?|fabrics?|cloths?|carpets?|grass|objects?|drinks?|beds?|pillows?|"
    r"sand|snow|rock|earth|soil|dirt|mud|floors?|mattress(?:es)?|leather|paper|foods?|shoes?|soles?|skin|wood|foam|"
    r"rubber|cushions?|blankets?|towels?|landing|substance|balls?|cheese|fruit)"
)

EXPRESSIONS: Final = tuple(
    bounded(pattern)
    for pattern in (
        r"fast[ -]foods?|fast lanes?|slow cookers?|fast asleep|fast[ -]forward\w*|speed ?boats?|loud ?speakers?",
        r"(?:out|read(?:s|ing)?) loud",
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

MINED_FORMS: Final = (
    phrase_form(
        "fast",
        rf"(?:at|with|in) (?:a |an )?{VERY}(?:high|fast|rapid|quick|great|full|top|brisk) {PACE}(?: of speed)?|"
        r"(?:high|fast|rapid|great) rates? of (?:speed|pace)|(?:high|full|top) speeds?|"
        rf"in {VERY}(?:quick|rapid|fast) succession|at full throttle",
    ),
    phrase_form("fast", r"high-speed|(?:fast|quick)[- ]?paced|fast[- ]moving|rapid-fire", "adjective"),
    word_form("fast", "rapid", r"quickly|rapidly|swiftly|speedily|briskly|hurriedly|hastily|fastly"),
    word_form("fast", "rapid", r"rapid|speedy|swift|brisk|hurried|hasty"),
    word_form("fast", "fast", r"fast|faster|fastest"),
    word_form("fast", "quick", r"quick|quicker|quickest"),
    phrase_form(
        "slow",
        rf"(?:at|on|with|in) (?:a |an )?{VERY}(?:low|slow|leisurely) {PACE}|low speeds?|in slow succession|"
        rf"in {VERY}slow motion",
    ),
    phrase_form("slow", r"low-speed|slow[- ](?:moving|paced)", "adjective"),
    word_form("slow", "slow", r"slowly|slow|slower|slowest|sluggish|sluggishly|leisurely|unhurried|unhurriedly"),
    phrase_form(
        "near",
        r"(?:in|from|at|within) (?:a |the |very |such )*(?:near|close|short) (?:distance|range|quarters)|"
        rf"(?:in|at|within) (?:a |the |very |such )*close proximity(?! to (?!{LISTENER}))|"
        r"(?:a )?short (?:distance|way) (?:away|off)|(?:right )?up[ -]close|close[ -]up|(?:close|near) at hand|"
        rf"(?:right )?(?:close|near|next)(?: up)? to {LISTENER}|near {LISTENER}|"
        r"(?:fairly |very |quite |pretty )?close in distance",
    ),
    word_form("near", "nearby", r"(?:right )?(?:nearby|near[ -]by|close[ -]by)|closeby", ""),
    word_form("near", "close", r"close|closer|closest|closely"),
    word_form("near", "near", r"near|nearer|nearest"),
    phrase_form(
        "far",
        r"(?:off |far |away |far off |way off |from far )*(?:in|from|at) (?:the |a |some )?"
        r"(?:far |great |long |further |farther |distant |remote |good |considerable |large )*distances?|"
        r"(?:a|some|a long|a good|a great) (?:distance|way|ways) (?:away|off)|"
        r"in (?:the )?(?:far|distant|further|farther) (?:background|distance)|"
        r"(?:far|farther|further|way|far off) in the background|(?:far|farther|further|way) back in the background",
    ),
    phrase_form(
        "far",
        rf"(?:from )?(?:far|farther|further|way|long way)[ -](?:away|off)(?: from {LISTENER})?|"
        rf"from (?:a)?far|far from {LISTENER}|far back",
    ),
    phrase_form("far", r"faraway|far-?off", "adjective"),
    word_form("far", "distant", r"distantly|distant|afar"),
    word_form("far", "far", r"far"),
    word_form("far", "distance", r"distance", "adjective"),
    phrase_form(
        "loud",
        rf"(?:at|of|in|with) (?:a |an )?{VERY}(?:high|full|loud|great|maximum|top) volumes?|"
        r"(?:high|full|maximum) volume|at full blast",
    ),
    phrase_form("loud", r"high-volume|ear[- ]?splitting|deafening|thunderous", "adjective"),
    word_form("loud", "loud", r"loudly|loud|louder|loudest|noisily|noisier|deafeningly|thunderously"),
    phrase_form(
        "quiet",
        rf"(?:at|of|in|with) (?:a |an )?{VERY}(?:low|quiet|soft) volumes?|low volume|barely (?:audibl[ey]|heard)",
    ),
    phrase_form("quiet", r"low-volume|hushed|barely-audible", "adjective"),
    word_form("quiet", "quiet", r"quietly|quiet|quieter|quietest"),
    word_form("quiet", "soft", r"softly|soft|softer|softest"),
    word_form("quiet", "faint", r"faintly|faint|fainter|faintest"),
)
"""Longer expressions come before the words in them: characters that one form matched are matched by no other."""

STEMS: Final = re.compile(
    r"fast|quick|rapid|swift|speed|brisk|hurried|hast[iy]|succession|slow|sluggish|leisurely|near|clos|distan|far|"
    r"further|(?:short|ways?)(?: way)?[ -](?:away|off)|background|range|proximity|quarters|next (?:up )?to|loud|nois|"
    r"volume|blast|deafen|thunderous|splitting|quiet|soft|faint|hush|audibl|barely|throttle|\bpace|tempo|rhythm|\brate\b|manner"
)
"""Most captions have none of these stems, and then no form of a mined side matches: one search instead of forty."""
