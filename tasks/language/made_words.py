"""Words for what augmentation makes and mining does not look for: trends of loudness, the speed between fast and slow,
and the freer words in which a language model says that something is very fast, very slow or far away.

Patterns match lower-case text with single spaces, as in `tasks.language.words`. A trend's pattern takes in what belongs
to it ("loudly at first, then gradually becomes quieter"), so that no word in it is read as a level of its own.
"""

from __future__ import annotations

from typing import Final

from tasks.language.words import LISTENER, PACE, STRONG, VERY, VERY_FAST_PACES, Form, phrase_form, word_form

_STRONGLY: Final = rf"(?:{'|'.join(STRONG)})"
_FAST: Final = "fast|quick|rapid|quickly|rapidly"
_SLOW: Final = "slow|slowly"

_SLOWLY: Final = (
    r"(?:(?:gradually|slowly|steadily|progressively|continuously|continually|increasingly|constantly|consistently|"
    r"quickly|rapidly|noticeably|ever|even|still|much|only|then|and|but|bit by bit|little by little|slightly|a little|"
    r"a bit|somewhat|gently|considerably|dramatically|markedly|sharply|strongly),? )*"
)
_TURNS: Final = (
    r"(?:(?:keeps?|begins?|starts?|continues?|beginning|starting) (?:to |on )?)?"
    r"(?:getting|gets|get|growing|grows|grow|becoming|becomes|become|turning|turns|turn|going|goes|sounding|sounds)"
)
_NOUN: Final = r"(?:volume|loudness|intensity|strength|level|sound|noise)"
_WHILE: Final = (
    r"(?:,? (?:over time|as time goes (?:on|by)|as it goes on|with time|bit by bit|little by little|all the while|"
    r"all the time|from (?:beginning|start) to (?:end|finish)|throughout|by degrees|"
    r"towards the end)| (?:gradually|steadily|slowly)(?=$|[.,;](?! \w+ing)))?"
)
_THEN: Final = r",? (?:(?:and |but )?then |and |but |before |until )?(?:it |they )?"


def _first(words: str) -> str:
    """ "quietly at first, then", "starts off quietly and": the beginning of a trend, when it is said."""
    return (
        rf"(?:(?:(?:starts?|begins?|starting|beginning) (?:off |out )?(?:being )?{VERY}(?:{words})"
        rf"(?: at first)?|{VERY}(?:{words})"
        rf"(?: (?:at first|initially|in the beginning|to begin with)|(?=,? (?:and |but )?then ))){_THEN})?"
    )


def _trend(side: str, more: str, adverbs: str, rates: str, first: str, noun: str, *others: str) -> tuple[Form, ...]:
    """`more` are comparatives, `adverbs` what stands for "loudly", `rates` what a volume does, `first` how it began."""
    compared = rf"{_SLOWLY}(?:{more})"
    bodies = (
        rf"{_SLOWLY}{_TURNS} {_SLOWLY}(?:{more})(?: and {_SLOWLY}(?:{more}))?",
        rf"{compared} and (?:{more})",
        rf"{compared}(?= (?:over time|with time|bit by bit)\b)",
        rf"(?:{_SLOWLY}|(?:more and more|ever more|increasingly) )(?:{adverbs})",
        rf"(?:{_SLOWLY})?(?:{rates})(?: up| down)? {_SLOWLY}in {_NOUN}",
        rf"with (?:an? |ever )*{_SLOWLY}(?:{rates}) {_NOUN}",
        rf"at (?:an? )?{_SLOWLY}(?:{rates}) volume",
        rf"(?:its|their|the|whose) {_NOUN} {_SLOWLY}(?:(?:keeps?|continues?) (?:on |to )?)?(?:{rates})",
        rf"in an? (?:\w+ )?(?:{noun})",
        rf"(?:ever|steadily|gradually|slowly|progressively|continually|increasingly) {_SLOWLY}(?:{more})",
        *others,
    )
    body = "|".join(bodies)
    alone = rf"{more}|{noun}"
    return (
        phrase_form(side, rf"{_first(first)}(?:{body}){_WHILE}"),
        phrase_form(side, rf"{_first(first)}(?:{alone}){_WHILE}"),
    )


def _neither(one: str, other: str) -> str:
    """ "neither fast nor slow", "at a pace that is neither too slow nor too fast"."""
    degree = "(?:too |very |an? |at an? )?"
    first, second = (rf"{degree}(?:{words})(?: {PACE})?" for words in (one, other))
    return rf"(?:at )?(?:an? {PACE} that is )?neither {first} n?or {second}"


MADE_FORMS: Final = (
    *_trend(
        "crescendo",
        "louder|stronger|noisier|more intense|more loud",
        "more and more loudly|ever more loudly|increasingly loud(?:ly)?|more and more loud",
        "increasing|increases|increase|rising|rises|growing|grows|swelling|swells|building|builds|climbing|climbs|"
        "gaining|gains|mounting|mounts",
        "quietly|softly|faintly|quiet|soft|faint|low",
        "crescendo",
        rf"{_SLOWLY}(?:swelling|swells|swell|intensifying|intensifies|intensify|building up|builds up|mounting)"
        rf"(?: up| steadily| gradually| slowly)*",
        rf"{_SLOWLY}(?:builds|building)(?: up)?(?: (?:gradually|slowly|steadily))+",
        rf"{_SLOWLY}(?:fades|fading) in",
        r"(?:from )?(?:a )?(?:quiet|soft|faint|low)(?: \w+)? to (?:a )?loud",
    ),
    *_trend(
        "decrescendo",
        "quieter|softer|fainter|weaker|less loud|more quiet",
        r"more and more (?:quietly|softly|faintly|quiet|soft|faint)|ever more (?:quietly|softly|faintly)|"
        r"(?:ever )?less and less loud(?:ly)?|increasingly (?:quiet|soft|faint)(?:ly)?",
        "decreasing|decreases|decrease|diminishing|diminishes|falling|falls|dropping|drops|fading|fades|declining|"
        "declines|lessening|lessens|sinking|sinks|waning|wanes|dwindling|dwindles|shrinking",
        "loudly|loud|strong|strongly|noisily",
        "decrescendo|diminuendo",
        rf"{_SLOWLY}(?:fading|fades|fade|dying|dies|die|trailing|trails|trail|tapering|tapers|taper|petering|peters|"
        rf"melting|ebbing|ebbs)(?: (?:gradually|slowly|steadily))* (?:away|out|off|down)"
        rf"(?: (?:in|to|into) (?:silence|nothing))?",
        rf"{_SLOWLY}(?:fading|fades|fade|dwindling|dwindles|subsiding|subsides|subside|abating|abates|waning|wanes|"
        rf"diminishing|diminishes|weakening|weakens)(?: (?:in|to|into) (?:silence|nothing))?",
        rf"{_SLOWLY}(?:quiets|quieting|quietens|quietening|quiet|calms|calming|softens|softening)(?: down)",
        rf"{_SLOWLY}(?:quietens|quietening|softens|softening|quiets)",
        r"(?:from )?(?:a )?loud(?: \w+)? to (?:a )?(?:quiet|soft|faint|silence|whisper)",
    ),
    phrase_form(
        "medium",
        rf"(?:at|with|in) (?:quite )?(?:an? )?{VERY}(?:\w+, )?(?:comfortable |steady |even )?"
        rf"(?:moderate|medium|normal|average|middling|intermediate|ordinary|middle|regular)"
        rf"(?:,? (?:steady|even))? {PACE}|"
        rf"{_neither(_FAST, _SLOW)}|{_neither(_SLOW, _FAST)}|"
        rf"(?:at )?(?:an? )?{PACE} (?:that is )?between fast and slow|"
        rf"(?:at|in) (?:an? )?{VERY}moderation",
    ),
    phrase_form(
        "medium",
        "(?:moderately|medium|moderate|normally|average|mid)[ -]paced|"
        "(?:medium|moderate|average|mid|normal)-(?:speed|tempo)",
        "adjective",
    ),
    word_form(
        "medium",
        "medium",
        r"moderately(?! (?:fast|quick|rapid|slow|loud|quiet|soft|faint|distant|near|close)|[- ]sized)",
        "adverb",
    ),
)
"""Trends of loudness and the speed between fast and slow."""

LEVEL_FORMS: Final = (
    phrase_form(
        "fast",
        rf"(?:at|with) (?:an? |the )?{VERY}(?:{'|'.join(VERY_FAST_PACES)}|great|racing)(?: fast)? {PACE}|"
        r"as (?:fast|quickly|rapidly) as (?:possible|(?:it|he|she|they) can)|at full tilt|flat out|"
        rf"in {_STRONGLY} (?:quick|rapid|fast|swift) succession",
    ),
    word_form("fast", "rapid", "frantically|furiously|frenetically", "adverb"),
    word_form("fast", "rapid", "frantic|frenetic|frenzied|lightning[- ]fast|super-fast|superfast", "adjective"),
    phrase_form(
        "slow",
        rf"at (?:an? )?{VERY}(?:snail's|snail|crawling|glacial|plodding|sluggish|leisurely|unhurried|lazy|"
        rf"languid) (?:pace|speed|rate|tempo)|at a crawl",
    ),
    word_form("slow", "slow", "languidly|lazily", "adverb"),
    phrase_form(
        "far",
        r"(?:from )?(?:somewhere |off |far |way |well )*"
        r"(?:a|some|a little|a long|a very long|a great|a very great|a good|a considerable|a fair|quite a)"
        r" (?:distance|ways?) (?:away|off)(?: in the distance)?|"
        r"(?:a little|a bit|slightly|somewhat) (?:further|farther) (?:away|off)|far back in the distance|"
        r"(?:from )?(?:somewhere |off |far |way |well |out |away )*(?:in|at|from) (?:the |a |some )?"
        r"(?:far |very |great |long |further |farther |distant |remote |good |considerable |large |fair |moderate |"
        r"slight )*"
        r"distances?"
        r"(?: (?:away|off))?|"
        rf"(?:from )?(?:somewhere |very |quite |so )*(?:far|miles|way)[ -](?:away|off)"
        r"(?: in the (?:far )?distance)?"
        rf"(?: from {LISTENER})?",
    ),
    word_form("far", "distant", r"remote(?!(?: \w+)? (?:control|key|place|area))", "adjective"),
)
"""Freer words for levels. Mining leaves them out: "remote" and "furious" say a level only where one is expected."""
