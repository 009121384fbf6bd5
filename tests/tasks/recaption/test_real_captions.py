"""The rules on real AudioCaps captions: how many get a valid caption. SPEC A6."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from data_contracts import ItemError
from tasks.language.cues import find_cues
from tasks.recaption.rules import rewrites
from tests.tasks.language.captions import LEVELS_OF

pytestmark = pytest.mark.realdata


def test_the_rules_find_a_valid_caption_for_nearly_every_real_one(realdata: Path):
    with (realdata / "captions" / "audiocaps" / "val.csv").open(encoding="utf-8") as file:
        captions = [row["caption"] for row in csv.DictReader(file)]
    pairs = [
        (caption, level)
        for caption in random.Random(7).sample(captions, 1000)
        for side, levels in LEVELS_OF.items()
        if find_cues(caption, side)
        for level in levels
    ]
    failed = []
    for caption, level in pairs:
        try:
            rewrites(caption, level)
        except ItemError:
            failed.append((caption, level))
    assert len(pairs) > 200
    assert len(failed) <= 0.01 * len(pairs), failed
