"""Training states: the newest is read, the last are kept, a damaged one says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model.training.state import read_newest, set_aside, state_files, state_path, write_atomically, write_state


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {"step": 3, "tensor": torch.arange(5.0), "losses": [0.1, 0.2], "none": None, "nested": {"a": torch.ones(2)}}
    assert write_state(tmp_path, 3, state, keep=2) == state_path(tmp_path, 3)
    found = read_newest(tmp_path)
    assert found is not None
    assert torch.equal(found["tensor"], state["tensor"]) and torch.equal(found["nested"]["a"], torch.ones(2))
    assert {name: found[name] for name in ("step", "losses", "none")} == {"step": 3, "losses": [0.1, 0.2], "none": None}


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_the_last_states_are_kept_in_order_of_their_steps(tmp_path: Path, keep: int) -> None:
    for step in (2, 10, 100, 1000):
        write_state(tmp_path, step, {"step": step}, keep=keep)
    assert [step for step, _ in state_files(tmp_path)] == [2, 10, 100, 1000][-keep:]
    assert read_newest(tmp_path) == {"step": 1000}


def test_other_files_are_no_states(tmp_path: Path) -> None:
    for name in ("state-1.pt", "state-00000001.pt.tmp", "state-0000000x.pt", "other.pt"):
        (tmp_path / name).write_bytes(b"")
    assert state_files(tmp_path) == []
    assert read_newest(tmp_path) is None
    assert read_newest(tmp_path / "missing") is None


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = state_path(tmp_path, 1)
    write_atomically(path, {"step": 1})
    before = path.read_bytes()
    with pytest.raises(Exception, match="pickle"):
        write_atomically(path, {"step": lambda: 1})
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_damaged_state_is_named_and_the_one_before_it_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_state(tmp_path, 1, {"step": 1}, keep=5)
    state_path(tmp_path, 2).write_bytes(b"damaged")
    assert read_newest(tmp_path) == {"step": 1}
    assert "state-00000002.pt is not a readable training state" in caplog.text
    assert state_path(tmp_path, 2).exists(), "a person may want to look at it"


def test_a_state_with_other_bits_of_the_same_size_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_state(tmp_path, 1, {"step": 1}, keep=5)
    path = write_state(tmp_path, 2, {"step": 2, "weights": torch.zeros(4000)}, keep=5)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(byte ^ 0x5A for byte in content[middle : middle + 400])
    path.write_bytes(content)
    assert read_newest(tmp_path) == {"step": 1}
    assert "state-00000002.pt is not a readable training state (BadZipFile)" in caplog.text


def test_states_that_cannot_be_read_are_kept_under_another_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    set_aside(tmp_path)
    assert caplog.text == "", "there is nothing to warn of"
    for step in (1, 2):
        state_path(tmp_path, step).write_bytes(b"damaged")
    assert read_newest(tmp_path) is None
    set_aside(tmp_path)
    assert "can be read; they are kept as *.damaged" in caplog.text
    assert state_files(tmp_path) == []
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["state-00000001.pt.damaged", "state-00000002.pt.damaged"]


def test_code_in_a_state_is_not_run(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"step": Harmful()}, state_path(tmp_path, 1))
    assert read_newest(tmp_path) is None
    assert not (tmp_path / "ran").exists()
