"""The page has every claim, verdict and number, says what is missing, and no date."""

from __future__ import annotations

import re

from tasks.commands.claims.catalogue import claims_between
from tasks.commands.claims.page import COMMAND, Found, claims_page
from tasks.commands.claims.table import claim_rows
from tasks.config import PipelineConfig
from tests.tasks.commands.claims.scores import GROUPS, made_up
from tests.tasks.rows import clip_score_row

VARIANTS = ("full", "m-3", "m-1")
CONFIG = PipelineConfig.model_validate({"claims": {"variants": VARIANTS, "seeds": [4, 5, 6]}, "train": {"steps": 77}})
CLAIMS = claims_between(VARIANTS)
CELLS = list(dict.fromkeys((claim.task, metric) for claim in CLAIMS for metric in claim.metrics))
JUDGES = {"corpus-cnn": "ab" * 32, "mn04": "cd" * 32}


def value(seed: int, name: str, task: str, metric: str, clip: str) -> float:
    """`full` is higher than the others, which are equal; seeds and objects differ a little, means stay as they are."""
    number = int(clip.removeprefix("clip-")) // 2
    return len(name) / 10 + seed / 1000 + (name == "full") * 0.002 * (number - 2.5) * (-1) ** seed


def page(seeds: tuple[int, ...], variants: tuple[str, ...] = VARIANTS) -> str:
    scores = made_up(seeds, variants, CELLS, value)
    rows = claim_rows(CLAIMS, scores, GROUPS, 77)
    return claims_page(CONFIG, CLAIMS, rows, Found(scores=scores, groups=GROUPS, judges=JUDGES))


def test_every_claim_has_a_line_with_its_verdict_and_the_command_is_named() -> None:
    text = page((4, 5, 6))
    assert f"`{COMMAND}`" in text and "77 steps of 16 rows" in text and "{" not in text
    verdicts = text[text.index("## Verdicts") : text.index("## All metrics")]
    for claim in CLAIMS:
        (line,) = [line for line in verdicts.splitlines() if line.startswith(f"| {claim.statement} ({claim.source}) |")]
        shown = claim.better == "full"  # its name is longer, so its scores are higher; m-3 and m-1 are equal
        assert ("| **shown** |" in line) == shown and ("| **not shown** |" in line) == (not shown)
        assert "12 clips of 6 objects, 3 seeds" in line
    assert "4 (3 of 3), 5 (3 of 3), 6 (3 of 3)" in text
    assert "full over no-sum in ac-vta (table 7)" in text[text.index("Not tested") :]
    assert not re.search(r"20\d\d-\d\d", text)


def test_every_number_is_there_and_a_table_has_equal_rows() -> None:
    text = page((4, 5))
    for task, metric in CELLS:
        assert any(re.match(rf"\| {task} \| {re.escape(metric)} \| full \| 0\.404 \| 0\.405 \|", line)
                   for line in text.splitlines())  # fmt: skip
    for block in text.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1


def test_the_page_says_which_judges_heard_the_audio_and_what_stands_for_what() -> None:
    text = page((4,))
    assert "| judges (SHA-256 of the weights) | corpus-cnn (abababababab), mn04 (cdcdcdcdcdcd) |" in text
    assert "likeness-corpus-cnn stands for Resemblyzer and CLAP_A" in text
    verdicts = text[text.index("## Verdicts") : text.index("## All metrics")]
    assert "likeness-corpus-cnn in ac-vta: m-3 minus m-1" in verdicts and "mn04" not in verdicts


def test_judges_that_were_not_asked_have_no_lines() -> None:
    cells = [cell for cell in CELLS if cell[1] in ("EventF1@50ms", "likeness-corpus-cnn")]
    scores = made_up((4, 5), VARIANTS, cells, value)
    rows = claim_rows(CLAIMS, scores, GROUPS, 77)
    text = claims_page(CONFIG, CLAIMS, rows, Found(scores=scores, groups=GROUPS, judges={}))
    assert "| ac-vta | likeness-corpus-cnn | full |" in text
    assert "likeness-mn04" not in text and "| CLAP_A |" not in text


def test_baselines_give_the_values_a_scale() -> None:
    scores = made_up((4, 5), VARIANTS, [("fe", "likeness-corpus-cnn")], value)
    scores[5]["m-3"] += [
        clip_score_row(clip, level, "fe", "likeness-corpus-cnn", system=system)
        for clip in GROUPS
        for system, level in (("truth", 0.99), ("shuffled pairing", 0.1), ("silence", 0.0))
    ]
    scores[4] = {}
    scores[5] = {"m-3": scores[5]["m-3"]}
    text = claims_page(CONFIG, CLAIMS, [], Found(scores=scores, groups=GROUPS, judges={}))
    scale = text[text.index("## What the values mean") : text.index("Not tested")]
    assert "| task | metric | truth | codec(truth) | reference pasted | shuffled pairing |" in scale
    assert "| fe | likeness-corpus-cnn | 0.990 | - | - | 0.100 | - | - | 0.000 |" in scale


def test_a_part_is_a_page_that_says_so() -> None:
    text = page((4,), ("full", "m-3"))
    assert "4 (2 of 3), 5 (0 of 3), 6 (0 of 3)" in text
    assert "not run yet" in text and "**not shown**" in text and "**shown**" not in text
    assert page((4,), ("full", "m-3")) == text
