"""Reading weights files: tensors and plain metadata from three formats, never code, and one line for what is wrong."""

from __future__ import annotations

import json
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from data_contracts import WeightsError
from model.weights.files import build, read_config, read_tensors


class Ran:
    """An object that leaves a trace when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("import pathlib; pathlib.Path('ran').touch()",)


def tensors() -> dict[str, Tensor]:
    """The tensors of a linear layer from 3 to 2."""
    return {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


@pytest.fixture(params=["zip.pth", "legacy.pth", "w.safetensors"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same tensors in each of the three formats."""
    made = tmp_path / request.param
    if made.suffix == ".safetensors":
        save_file(tensors(), made)
    else:
        torch.save(tensors(), made, _use_new_zipfile_serialization=made.stem == "zip")
    return made


def test_each_format_gives_the_same_tensors(path: Path) -> None:
    found = read_tensors(path)
    assert found.metadata == {} and not found.random and found.kwargs == {}
    assert set(found.tensors) == set(tensors())
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in tensors().items())


def test_a_network_built_from_a_file_computes_with_its_tensors_and_learns_nothing(path: Path) -> None:
    network = build(lambda: nn.Linear(3, 2), read_tensors(path).tensors, path)
    assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())
    expected = torch.tensor([1.0, 2.0, 3.0]) @ tensors()["weight"].T + 1
    assert torch.equal(network(torch.tensor([1.0, 2.0, 3.0])), expected)


@pytest.mark.parametrize("wrapper", ["state_dict", "generator", "model"])
def test_a_wrapper_around_the_state_dict_is_opened(wrapper: str, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({wrapper: tensors(), "metadata": {"kwargs": {"width": 3}, "random": True}}, path)
    found = read_tensors(path)
    assert set(found.tensors) == set(tensors())
    assert found.kwargs == {"width": 3} and found.random


def test_the_metadata_of_safetensors_is_json_where_it_is_and_text_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(tensors(), path, metadata={"kwargs": '{"width": 3}', "random": "true", "note": "made by hand"})
    found = read_tensors(path)
    assert found.kwargs == {"width": 3} and found.random and found.metadata["note"] == "made by hand"


def test_new_names_of_weight_norm_are_read_as_the_old_ones(tmp_path: Path) -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    torch.save(layer.state_dict(), tmp_path / "w.pth")
    found = read_tensors(tmp_path / "w.pth").tensors
    # one layer at the top has no prefix; inside a network there is one
    torch.save({f"layer.{name}": tensor for name, tensor in layer.state_dict().items()}, tmp_path / "n.pth")
    assert len(found) == 3
    assert set(read_tensors(tmp_path / "n.pth").tensors) == {"layer.bias", "layer.weight_g", "layer.weight_v"}


@pytest.mark.parametrize("zipped", [True, False])
def test_objects_besides_tensors_are_refused_and_not_run(
    zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({**tensors(), "extra": Ran()}, "w.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match=r"Python objects besides tensors.*refused.*safetensors"):
        read_tensors(Path("w.pth"))
    assert not Path("ran").exists()


@pytest.mark.parametrize("core", [b"numpy._core.", b"numpy.core."])
def test_numbers_and_arrays_of_numpy_beside_the_weights_are_plain_data(core: bytes, tmp_path: Path) -> None:
    """Published checkpoints have some, such as PANNs' sampler; NumPy 1 and 2 write them under different paths."""
    path = tmp_path / "w.pth"
    beside = {
        "best": np.float64(0.5),
        "epoch": np.int64(3),
        "sampler": {"indices": [np.arange(4), np.zeros(2, np.float32)]},
    }
    torch.save({"model": tensors(), **beside}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    assert b"numpy._core.multiarray" in content
    path.write_bytes(content.replace(b"numpy._core.", core))
    assert set(read_tensors(path).tensors) == set(tensors())
    torch.save({**tensors(), "extra": np.zeros(3)}, path)  # among the weights they are still no tensors
    with pytest.raises(WeightsError, match="have extra beside the tensors"):
        read_tensors(path)


def test_a_thread_that_is_done_does_not_take_numpys_names_from_one_that_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of names that may be read is torch's, one for the process."""
    path, inside, most = tmp_path / "w.pth", [], []
    torch.save({"model": tensors(), "best": np.float64(0.5)}, path)
    load = torch.load

    def slow(*given: object, **named: object) -> object:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.02)
        loaded = load(*given, **named)  # type: ignore[arg-type]
        inside.pop()
        return loaded

    monkeypatch.setattr(torch, "load", slow)
    with ThreadPoolExecutor(4) as pool:
        assert all(set(file.tensors) == set(tensors()) for file in pool.map(read_tensors, [path] * 4))
    assert most == [1] * 4


def test_a_pickle_protocol_that_torch_reads_only_by_running_code_is_named(tmp_path: Path) -> None:
    torch.save(tensors(), tmp_path / "w.pth", pickle_protocol=4)
    with pytest.raises(WeightsError, match=r"w\.pth were saved with a newer pickle protocol.*as safetensors"):
        read_tensors(tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["archive/code/network.py", "archive/extern_modules"])
def test_an_archive_with_code_is_refused(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        archive.writestr(name, "raise SystemExit")
    with pytest.raises(WeightsError, match="runs code when loaded; it is refused"):
        read_tensors(tmp_path / "w.pt")


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 but no archive", bytes(1000)])
def test_damaged_files_are_one_line(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"w.{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=str(path)) as raised:
        read_tensors(path)
    assert "\n" not in str(raised.value)


def test_a_truncated_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(WeightsError, match=str(path)):
        read_tensors(path)


@pytest.mark.parametrize("content", [{}, {"weight": 3}, [torch.ones(1)], torch.ones(1), {"state_dict": {}}])
def test_a_file_without_a_state_dict_says_what_was_expected(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="expected a mapping of names to tensors"):
        read_tensors(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("change", "named"),
    [({"bias": None}, "bias"), ({"extra": torch.ones(1)}, "extra"), ({"weight": torch.ones(5, 5)}, "weight")],
)
def test_tensors_that_do_not_fit_are_named(change: dict[str, Tensor | None], named: str) -> None:
    given = {name: tensor for name, tensor in {**tensors(), **change}.items() if tensor is not None}
    with pytest.raises(WeightsError, match=f"w.pth do not fit their layout.*{named}") as raised:
        build(lambda: nn.Linear(3, 2), given, Path("w.pth"))
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 500


def test_a_missing_file_says_how_to_find_out_what_is_needed(tmp_path: Path) -> None:
    for read, name in ((read_tensors, "w.pth"), (read_config, "config.json")):
        with pytest.raises(WeightsError, match=f"{name}.*missing; `foleygenex weights` lists"):
            read(tmp_path / name)


def test_settings_are_a_json_object(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"width": 3}), "utf-8")
    assert read_config(path) == {"width": 3}
    path.write_text("[3]", "utf-8")
    with pytest.raises(WeightsError, match="is a JSON list; expected an object"):
        read_config(path)
    for content in (b"{", b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="cannot be read as JSON"):
            read_config(path)
