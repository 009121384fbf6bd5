"""The words of the six sides (SPEC A1), and the words that only look like them.

Plain data: regular expressions over lower-case text with single blanks. A *cue* names a side; a *look-alike* takes its
characters away before cues are looked for. Raise VERSION whenever an entry changes: mined rows depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VERSION: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One way to name a side. `pattern` has word boundaries added; longer phrases stand before their parts."""

    side: str
    pos: str  # adverb, adjective, phrase
    pattern: str


# Adjectives that may stand between a cue and its noun: "a quick distant tapping".
_BETWEEN: Final = r"(?:,? (?:and |very )?(?:loud|quiet|soft|faint|distant|nearby|faraway|steady|light))*"
_NOT_PREPOSITION: Final = (
    r"(?!,? (?:and|then|as|with|while|from|in|into|on|onto|at|by|through|over|past|followed|off|away|down|across|"
    r"around|before|after|along|up|out|for|when|during|against|to)\b)"
)
# A comparative counts where it stands before its noun ("a softer horn"); elsewhere it is a trend.
_BEFORE_NOUN: Final = (
    r"(?= (?!and\b|then\b|as\b|with\b|while\b|to\b|in\b|on\b|at\b|by\b|over\b|until\b|than\b|or\b|before\b|after\b|"
    r"when\b|during\b|along\b|from\b|for\b|away\b|off\b)\w)"
)
LISTENER: Final = r"(?:the |a |an )?(?:mic|mike|microphone|camera|recorder|recording|listener|phone)\w*"

_PACE: Final = r"(?:rate|speeds?|pace|tempo)"


def _side(side: str, *entries: tuple[str, str]) -> tuple[Cue, ...]:
    return tuple(Cue(side=side, pos=pos, pattern=pattern) for pos, pattern in entries)


CUES: Final = (
    *_side(
        "fast",
        (
            "phrase",
            rf"(?:at|with) (?:a |an )?(?:very )?(?:high|fast|rapid|quick|great|full|top) {_PACE}(?: of speed)?|"
            r"(?:high|full|top) speeds?|in (?:quick|rapid|fast) succession|high-speed",
        ),
        ("adverb", r"quickly|rapidly|swiftly|speedily|briskly|hurriedly|hastily"),
        ("adjective", r"rapid|speedy|swift|brisk|hurried"),
        ("adjective", r"fast(?:-paced|-moving)|fast(?=,? \w)" + _NOT_PREPOSITION),
        ("adverb", r"fast"),
        (
            "adjective",
            rf"quick(?={_BETWEEN} (?:\w{{3,}}ing|(?:foot)?steps|{_PACE}|rhythm|speech|breath\w*|knocks|taps)\b)",
        ),
        ("adjective", rf"(?:faster|quicker){_BEFORE_NOUN}"),
    ),
    *_side(
        "slow",
        (
            "phrase",
            rf"(?:at|on|with) (?:a |an )?(?:very )?(?:low|slow|leisurely) {_PACE}|"
            r"low speeds?|low-speed|in slow succession",
        ),
        ("adverb", r"slowly|sluggishly|unhurriedly"),
        ("adjective", rf"slower{_BEFORE_NOUN}"),
        ("adverb", r"slow(?=$|[.;]| (?:and|as|with|while|then|followed)\b)"),
        ("adjective", r"slow-moving|slow|sluggish|leisurely|unhurried"),
    ),
    *_side(
        "near",
        (
            "phrase",
            r"(?:in|from|at) (?:a |the )?(?:near|close|short) (?:distance|range|proximity)|(?:a )?short distance away|"
            rf"up[ -]close|close[ -]up|(?:close|near) at hand|(?:close|near)(?: up)? to {LISTENER}|near {LISTENER}",
        ),
        ("adverb", r"nearby|near[ -]by|close[ -]by|closeby"),
        ("adverb", r"near(?= and far)|(?<=far and )near|(?<=and )near(?=$|[.,;])"),
        ("adverb", r"(?:(?<=very )|(?<=quite )|(?<=fairly )|(?<=pretty )|(?<=really ))close(?! to\b| together\b)"),
        ("adverb", r"(?<=[a-z][a-z]ing )close(?=$|[.,;]| (?:and|as|while|with|then|followed|overhead)\b)"),
    ),
    *_side(
        "far",
        (
            "phrase",
            r"(?:off |far |away |far off |way off |from far )*(?:in|from|at) (?:the |a )?"
            r"(?:far |great |long |further |farther |distant |remote )*distances?|in distance|"
            r"in the (?:far|distant|further|farther) background|far in the background",
        ),
        (
            "phrase",
            rf"(?:from )?(?:far|farther|further)[ -](?:away|off)(?: from {LISTENER})?|"
            rf"from (?:a)?far|far from {LISTENER}",
        ),
        ("adverb", r"distantly|afar"),
        ("adjective", r"distant|faraway|far-?off"),
        ("adverb", r"(?<=near and )far|far(?= and near)|far(?=$|[.,;])"),
    ),
    *_side(
        "loud",
        (
            "phrase",
            r"(?:at|of|in|with) (?:a |an )?(?:very )?(?:high|full|loud|great|maximum) volumes?|"
            r"(?:high|full|maximum) volume|high-volume|at full blast",
        ),
        ("adverb", r"loudly|deafeningly|thunderously"),
        ("adjective", rf"(?:louder|noisier){_BEFORE_NOUN}|loud|loudest|deafening|thunderous|ear[- ]?splitting"),
    ),
    *_side(
        "quiet",
        (
            "phrase",
            r"(?:at|of|in|with) (?:a |an )?(?:very )?(?:low|quiet|soft) volumes?|"
            r"low volume|low-volume|barely audibl[ey]",
        ),
        ("adverb", r"quietly|softly|faintly"),
        ("adjective", rf"(?:quieter|softer|fainter){_BEFORE_NOUN}|quiet|soft|faint|hushed"),
    ),
)

PLACE: Final = (
    r"(?:environment|place|room|area|setting|space|street|night|day|morning|evening|house|home|hall|outdoors|"
    r"neighbou?rhood|office|scene|forest|woods|town|village|location|surroundings|library|park|field|road|atmosphere)s?"
)
MATERIAL: Final = (
    r"(?:surfaces?|materials?|grounds?|plastics?|toys?|fabrics?|cloths?|carpets?|grass|objects?|drinks?|beds?|pillows?|"
    r"sand|snow|rock|earth|soil|dirt|mud|floors?|mattress(?:es)?|leather|paper|foods?|shoes?|soles?|skin|wood|foam|"
    r"rubber|cushions?|blankets?|towels?|landing|substance|balls?|cheese|fruit)"
)
_CHANGE: Final = (
    r"(?:get\w*|got|becom\w*|became|grow\w*|grew|increas\w*|decreas\w*|fad\w*|intensif\w*|ris(?:es?|ing)|build\w*|"
    r"diminish\w*|dwindl\w*|dying|dies|slow(?:s|ing)?(?= down)|speed(?:s|ing) up)"
)

LOOK_ALIKES: Final = (
    # Nouns, devices, fixed expressions
    r"fast[ -]foods?|fast asleep|fast[ -]forward\w*|(?:stuck|hold\w*|held|stand\w*|steady) fast",
    r"(?:as|so) (?:fast|quickly|soon) as|speed ?boats?",
    r"loud ?speakers?|out loud|loud hailers?|soft ?balls?|soft ?ware",
    rf"(?:soft|softer)(?: and \w+| \w+)? {MATERIAL}",
    rf"(?:quiet|quieter|distant|faint)(?: \w+)? {PLACE}",
    rf"{PLACE} (?:is|are|was|were|remains?|stays?) (?:\w+ )?quiet",
    r"(?:goes|go|went|going|falls?|fell|falling|gone|keeps?|stays?|remains?|be|it is|it's|then) quiet"
    r"(?=$|[.,;]| (?:and|then|again|after|before|as|until)\b)",
    r"(?:of|the|some|in) quiet(?=$|[.,;]| (?:and|then|after|before|as|until|followed)\b)",
    r"(?:a |the )?distant (?:future|past|relatives?)",
    # Succession and the rate of a change, not the speed of a sound
    r"(?:quickly|closely|swiftly|quick) (?:followed|after\w*|succeed\w*|interrupted|joined)",
    r"(?:followed|succeeded) (?:very )?(?:quickly|rapidly|closely|swiftly)(?= by\b|$)",
    rf"(?:quickly|rapidly|slowly|swiftly|fast) {_CHANGE}",
    rf"{_CHANGE} (?:\w+ )?(?:quickly|rapidly|slowly|swiftly)",
    # Verbs
    r"(?:slid\w*|sw[iu]ng\w*|open\w*|slam\w*|pull\w*|push\w*|doors?) close",
    r"slow(?= down\b| to (?:a|an|the)\b| and (?:stops?|comes?)\b)|(?:to|will|would|can|may) slow",
    r"near(?:s|ed|ing)\b",
    # Where something is, not how near the listener
    r"(?:so|as|by|how|too) far(?! away)",
    r"far (?:more|less|too|as|better|worse|louder|quieter|softer|faster|slower|along|apart)",
    r"(?:into|toward|towards|some|certain|walking|long|over) (?:the |a )?distance",
)  # fmt: skip

NEGATION: Final = (
    r"(?:\b(?:not|never|hardly|barely|scarcely|isn't|aren't|wasn't|doesn't|don't|didn't|neither|nor|without|no|"
    r"nothing|less|non|cannot|can't|rarely) )(?:(?:too|very|so|that|as|particularly|really|quite|overly|extremely|"
    r"at all|a|an|any|be|is|are|all) )*$"
)
"""What may stand before a cue so that it is denied: "not too loudly"."""

_MORE: Final = (
    r"(?:and|then|or|even|much|slightly|a|bit|little|progressively|increasingly|gradually|more|closer|nearer|farther|"
    r"further|faster|slower|quicker|louder|softer|quieter|fainter|away|off|fast|slow|quiet|loud|soft|faint|distant|very)"
)
_CHANGES: Final = (
    r"get|gets|getting|got|grow|grows|growing|grew|become|becomes|becoming|became|turn|turns|turning|gradually|"
    r"increasingly|fad(?:e|es|ing)|increas(?:e|es|ing)|decreas(?:e|es|ing)"
)
_MOVES: Final = (
    r"mov(?:e|es|ing)|driv(?:e|es|ing)|com(?:e|es|ing)|go|goes|going|draw(?:s|ing)?|fl(?:y|ies|ying)|travel(?:s|ing)"
)
CHANGE: Final = rf"\b(?:{_CHANGES})(?:,? {_MORE})*,? $"
"""What may stand before a cue so that it is a change over time: "gets louder"."""

MOVE: Final = rf"\b(?:{_CHANGES}|{_MOVES})(?:,? {_MORE})*,? $"
"""What may stand before a distance so that it is a movement: "moves closer and then farther away"."""

CHANGEABLE: Final = frozenset({"louder", "softer", "quieter", "fainter", "faster", "slower", "quicker", "quiet", "loud",
                               "soft", "faint", "distant", "fast", "slow"})  # fmt: skip
"""Cues that a verb of change turns into a trend; an adverb ("moves slowly") stays what it is."""

MOVABLE: Final = frozenset(
    {"farther away", "further away", "farther off", "further off", "far away", "far off", "close"}
)
"""Cues that a verb of movement turns into a trend."""
