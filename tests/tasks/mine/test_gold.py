"""Recall and precision on 200 captions of three corpora, labelled before mining was run on them. SPEC A1.

The captions are not ours to give away: `gold_labels.csv` has their ids and labels, the corpora have the words.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tasks.mine.miner import Miner, RuleMiner
from tasks.mine.parser import ParseMiner
from tasks.mine.score import score

pytestmark = pytest.mark.realdata
LABELS = Path(__file__).with_name("gold_labels.csv")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def gold(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labels with their captions, as `mine-captions --gold` reads them."""
    folder = realdata / "captions"
    captions = {
        ("audiocaps", row["audiocap_id"]): row["caption"] for row in rows_of(folder / "audiocaps" / "train.csv")
    }
    for row in rows_of(folder / "clotho" / "train.csv"):
        captions |= {("clotho", f"{row['file_name']}#{number}"): row[f"caption_{number}"] for number in range(1, 6)}
    soundbible = json.loads((folder / "wavcaps" / "soundbible.json").read_text("utf-8"))["data"]
    captions |= {("soundbible", row["id"]): row["caption"] for row in soundbible}
    path = tmp_path_factory.mktemp("gold") / "gold.csv"
    labelled = [{**row, "caption": captions[row["source"], row["id"]]} for row in rows_of(LABELS)]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, labelled[0])
        table.writeheader()
        table.writerows(labelled)
    return path


@pytest.mark.parametrize("kind", ["parser", "rules"])
def test_both_miners_find_the_sides_of_the_labelled_captions(kind: str, gold: Path, parser: ParseMiner) -> None:
    miner: Miner = parser if kind == "parser" else RuleMiner()
    found = score(miner, gold)
    assert sum(side.hits + side.misses for side in found) == 135
    for side in found:
        assert side.recall >= 0.95, side
        assert side.precision >= 0.95, side
        assert side.strict_precision >= 0.90, side
