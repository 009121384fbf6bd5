"""Captions that cover the ways English names a side, with and without it."""

from __future__ import annotations

from data_contracts import Augmented

PLAIN = (
    "A dog barks",
    "Loud thunder sounds",
    "Rain falling on a roof.",
    "Someone types on a keyboard while a phone rings",
    "Footsteps",
)
SIDED = {
    "fast": (
        "A man knocks on a wooden door quickly",
        "Fast knocking on a door.",
        "A person is tapping on glass at a fast pace",
        "A stick quickly hits a metal bar and a dog barks",
        "Very fast footsteps",
        "The knocking is fast",
        "Rain drips in quick succession",
        "A fast, loud hammering",
        "A quick owl-like whistle and a rapid beep",
    ),
    "slow": (
        "A clock ticks slowly",
        "A slow and quiet tapping on wood",
        "Very slow dripping of water",
        "A man is slowly beating a drum, then people clap",
        "A machine hums at a very slow pace",
        "Voices in slow motion",
    ),
    "near": (
        "A nearby owl hoots",
        "A bell rings up close",
        "An engine hums close by as birds chirp in the distance",
        "Children shout nearby while a man talks close to the microphone",
        "A dog barks near.",
    ),
    "loud": (
        "A dog barks loudly",
        "Loud hammering, then silence",
        "Very loud music and people talking.",
        "An engine hums very loudly, gradually fading away",
        "A siren gets louder and louder",
    ),
}
LEVELS_OF = {
    "fast": ("very_fast", "fast", "medium", "slow", "very_slow"),
    "slow": ("very_fast", "fast", "medium", "slow", "very_slow"),
    "near": ("far",),
    "loud": ("far", "crescendo", "decrescendo"),
}
GRID = [(caption, level) for side, captions in SIDED.items() for caption in captions for level in LEVELS_OF[side]]
ALL = [caption for captions in (PLAIN, *SIDED.values()) for caption in captions]


def augmented(number: int, caption: str, level: str, operation: str = "speed") -> Augmented:
    """One augmented row; only the fields that the recaption stage reads matter."""
    return Augmented(
        item_id=f"a{number:03d}",
        parent_id="m",
        clip_id="c",
        split="train",
        caption=caption,
        dimension="speed",
        side="fast",
        operation=operation,
        level=level,
        recipe_json="{}",
        measured_json="{}",
        audio_path="a.flac",
        audio_sha256="0",
        sample_rate_hz=16000,
        duration_s=8.0,
        event_times_s=None,
        seed=1,
        tools_json="{}",
    )
