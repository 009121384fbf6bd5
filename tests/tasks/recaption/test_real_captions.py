"""The rules on real AudioCaps captions: how many get a valid caption, and that nothing else changes. SPEC A6."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from data_contracts import ItemError
from data_contracts.adverbs import changes_for
from tasks.language.content import words
from tasks.language.cues import CuedCaption
from tasks.language.finder import find_mined
from tasks.mine.miner import select
from tasks.recaption.rules import rewrites

pytestmark = pytest.mark.realdata


def without_articles(text: str) -> list[str]:
    return [word for word in words(text) if word not in ("a", "an")]


def test_nearly_every_real_caption_gets_a_valid_one_that_differs_at_the_cue_alone(realdata: Path) -> None:
    with (realdata / "captions" / "audiocaps" / "val.csv").open(encoding="utf-8") as file:
        captions = [row["caption"] for row in csv.DictReader(file)]
    pairs = [
        (CuedCaption(text=caption, cue=cue).with_degrees(), change.level)
        for caption in random.Random(7).sample(captions, 1000)
        for cue in select(find_mined(caption))
        for change in changes_for(cue.side)
    ]
    failed = []
    for caption, level in pairs:
        try:
            new = rewrites(caption, level, limit=1)[0]
        except ItemError:
            failed.append((caption.text, level))
            continue
        kept = (without_articles(caption.outside), without_articles(caption.text))
        assert without_articles(new.outside) in kept, (caption.text, new.text)
    assert len(pairs) > 200
    assert len(failed) <= 0.03 * len(pairs), failed
