"""av-benchmark's caches: read as they were written, refused where they hold anything but its tensors."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from data_contracts import ContractError, UsageError
from tasks.evaluate.av_benchmark.caches import FILES, PANNS_FILE, read_cache, read_panns, require_cache, write_cache
from tests.tasks.evaluate.av_benchmark.caches import write_random_cache

NAMES = ["b", "a", "0" * 30]


def test_every_file_is_read_in_its_own_order(tmp_path: Path) -> None:
    write_random_cache(tmp_path, NAMES, seed=0, sides=("audio", "video", "text"))
    for file in FILES:
        found = read_cache(tmp_path, file.name)
        assert found is not None and list(found) == NAMES
        stored = torch.load(tmp_path / file.name, weights_only=True)["a"]
        assert torch.equal(found["a"], stored["2048"] if file.name == PANNS_FILE else stored)
    panns = read_panns(tmp_path)
    assert panns is not None and panns["b"].keys() == {"2048", "logits", "clipwise_output"}


def test_what_is_written_is_what_is_read_and_no_more(tmp_path: Path) -> None:
    """A view of a large tensor is written without the rest of it."""
    large = torch.randn(1000, 768)
    path = write_cache(tmp_path, "passt_features_embed.pth", {"x": large[3]})
    found = read_cache(tmp_path, "passt_features_embed.pth")
    assert found is not None and torch.equal(found["x"], large[3]) and path.stat().st_size < 10_000
    write_cache(tmp_path, PANNS_FILE, {"x": {"2048": torch.ones(2048), "logits": torch.ones(527)}})
    assert torch.equal(read_panns(tmp_path)["x"]["logits"], torch.ones(527))  # type: ignore[index]


def test_a_file_that_is_not_there_is_none_and_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    assert read_cache(tmp_path, "vggish_features.pth") is None and read_panns(tmp_path) is None
    with pytest.raises(UsageError, match=r"has no cache of av-benchmark; expected files such as pann_features\.pth"):
        require_cache(tmp_path)
    with pytest.raises(UsageError, match="has no cache"):
        require_cache(tmp_path / "none")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"x": torch.ones(767)}, r"clip 'x' is \(767,\) torch.float32; expected \(768,\) of floats"),
        ({"x": torch.ones(768, dtype=torch.int64)}, "expected .768,. of floats"),
        ({"x": torch.full((768,), torch.nan)}, "clip 'x' has values that are not finite"),
        ({"x": [1.0]}, "clip 'x' is list; expected a tensor"),
        ({3: torch.ones(768)}, "expected a mapping of clips to tensors"),
        (torch.ones(768), "expected a mapping of clips to tensors"),
    ],
    ids=["shape", "integers", "nan", "list", "names", "tensor"],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, content: object, words: str) -> None:
    torch.save(content, tmp_path / "passt_features_embed.pth")
    with pytest.raises(ContractError, match=words):
        read_cache(tmp_path, "passt_features_embed.pth")


def test_panns_without_its_two_tensors_are_refused(tmp_path: Path) -> None:
    for clip in ({"2048": torch.ones(2048)}, torch.ones(2048)):
        torch.save({"x": clip}, tmp_path / PANNS_FILE)
        with pytest.raises(ContractError, match="clip 'x': expected tensors 2048 and logits"):
            read_panns(tmp_path)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1 / 0",)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_code_is_never_run(tmp_path: Path) -> None:
    for write in (torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))):
        write({"x": _Evil()}, tmp_path / "passt_features_embed.pth")
        with pytest.raises(ContractError, match=r"passt_features_embed\.pth"):
            read_cache(tmp_path, "passt_features_embed.pth")


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = write_cache(tmp_path, "passt_features_embed.pth", {"x": torch.ones(768)})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ContractError, match="damaged or no PyTorch file"):
        read_cache(tmp_path, "passt_features_embed.pth")
