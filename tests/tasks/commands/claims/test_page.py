"""The page has every claim, verdict and number, says what is missing, and no date."""

from __future__ import annotations

import re

from tasks.commands.claims.catalogue import claims_between
from tasks.commands.claims.page import COMMAND, claims_page
from tasks.commands.claims.table import claim_rows
from tasks.config import PipelineConfig
from tests.tasks.commands.claims.scores import GROUPS, made_up

VARIANTS = ("full", "m-3", "m-1")
CONFIG = PipelineConfig.model_validate({"claims": {"variants": VARIANTS, "seeds": [4, 5, 6]}, "train": {"steps": 77}})
CLAIMS = claims_between(VARIANTS)
CELLS = list(dict.fromkeys((claim.task, metric) for claim in CLAIMS for metric in claim.metrics))


def value(seed: int, name: str, task: str, metric: str, clip: str) -> float:
    """`full` is higher than the others, which are equal; seeds and objects differ a little, means stay as they are."""
    number = int(clip.removeprefix("clip-")) // 2
    return len(name) / 10 + seed / 1000 + (name == "full") * 0.002 * (number - 2.5) * (-1) ** seed


def page(seeds: tuple[int, ...], variants: tuple[str, ...] = VARIANTS) -> str:
    scores = made_up(seeds, variants, CELLS, value)
    return claims_page(CONFIG, CLAIMS, claim_rows(CLAIMS, scores, GROUPS, 77), scores, GROUPS)


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


def test_a_part_is_a_page_that_says_so() -> None:
    text = page((4,), ("full", "m-3"))
    assert "4 (2 of 3), 5 (0 of 3), 6 (0 of 3)" in text
    assert "not run yet" in text and "**not shown**" in text and "**shown**" not in text
    assert page((4,), ("full", "m-3")) == text
