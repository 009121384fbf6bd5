"""Whatever a media library raises for a file is that item's error; what is wrong with the machine ends the run."""

from __future__ import annotations

import errno
from functools import partial
from pathlib import Path

import av
import pytest

from data_contracts import ItemError, UsageError
from tasks.media.errors import media_errors, words_of

guarded = partial(media_errors, damaged="damaged", foreign="foreign", failed="failed")


@pytest.fixture(params=[True, False], ids=["media", "text"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that begins like a media file, and one that does not."""
    made = tmp_path / "a.mkv"
    made.write_bytes(b"\x1aE\xdf\xa3 ..." if request.param else b"some text here")
    return made


@pytest.mark.parametrize("error", [av.InvalidDataError(1, "Invalid data found"), av.EOFError(2, "End of file")])
def test_ffmpegs_errors_are_told_apart_by_the_files_first_bytes(path: Path, error: Exception) -> None:
    with pytest.raises(ItemError) as caught, guarded(path):
        raise error
    assert caught.value.reason == ("foreign" if b"text" in path.read_bytes() else "damaged")
    assert path.name in caught.value.message and words_of(error) in caught.value.message


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "invalid continuation byte"),
        ValueError("Frame does not match AudioResampler setup."),
        RuntimeError("codec context is missing"),
        AttributeError("'NoneType' object has no attribute 'decode'"),
        OSError(errno.EIO, "Input/output error"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_other_exception_is_the_items_too(path: Path, error: Exception) -> None:
    with pytest.raises(ItemError) as caught, guarded(path):
        raise error
    assert caught.value.reason == "failed" and words_of(error) in caught.value.message
    assert caught.value.__cause__ is error and "\n" not in caught.value.message


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EMFILE])
def test_a_fault_of_the_machine_is_not_the_items(path: Path, number: int) -> None:
    with pytest.raises(OSError, match="no luck"), guarded(path):
        raise OSError(number, "no luck")


@pytest.mark.parametrize("error", [ItemError("silent", "a.mkv: peak 0"), UsageError("--out: no"), KeyboardInterrupt()])
def test_this_projects_errors_and_an_interrupt_pass_unchanged(path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, guarded(path):
        raise error
    assert caught.value is error


def test_without_an_exception_nothing_happens(path: Path) -> None:
    with guarded(path):
        pass


def test_the_words_are_one_short_line() -> None:
    assert words_of(ValueError("two\n  lines")) == "two lines"
    assert words_of(MemoryError()) == "MemoryError"
    assert len(words_of(ValueError("x" * 1000))) == 200
    assert words_of(OSError(errno.EIO, "Input/output error", "/a/path")) == "Input/output error"
