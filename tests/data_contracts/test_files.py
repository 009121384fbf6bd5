"""Files are whole or absent, and known by the hash of their content."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts.files import atomic_path, hash_file


@given(content=st.binary(max_size=4096), algorithm=st.sampled_from(["sha256", "md5"]))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_hash_is_that_of_the_content(tmp_path: Path, content: bytes, algorithm: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert hash_file(path, algorithm) == hashlib.new(algorithm, content).hexdigest()


def test_a_missing_file_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "missing")


def test_the_file_appears_with_its_whole_content_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "table.parquet"
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        assert temporary.parent == path.parent, "a rename within one folder is atomic"
        assert temporary.suffix == path.suffix, "writers choose the format by the suffix"
        assert not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert [entry.name for entry in path.parent.iterdir()] == ["table.parquet"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("new")
            raise ValueError("stopped half-way")

    with pytest.raises(ValueError, match="half-way"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_process_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.bin"
    path.write_bytes(b"old")
    program = (
        "import os, signal, sys; from pathlib import Path; from data_contracts.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_bytes(b'new' * 1000); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


def test_others_may_read_the_file_whatever_the_umask_of_temporary_files(tmp_path: Path) -> None:
    path = tmp_path / "shared.json"
    with atomic_path(path) as temporary:
        temporary.write_text("{}")
    assert path.stat().st_mode & 0o777 == 0o644


def test_the_second_writer_wins_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "marker.json"
    with atomic_path(path) as first, atomic_path(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first", "the outer block ends last"
    assert os.listdir(tmp_path) == ["marker.json"]


@pytest.mark.parametrize(("number", "named"), [(errno.ENOSPC, True), (errno.EFBIG, True), (errno.ECONNRESET, False)])
def test_a_full_disk_is_said_with_the_file(tmp_path: Path, number: int, named: bool) -> None:
    """Writing to an open file fails without a name; a broken connection is not the file's fault."""
    with pytest.raises(OSError) as raised, atomic_path(tmp_path / "scores.json"):
        raise OSError(number, os.strerror(number))
    assert raised.value.filename == (str(tmp_path / "scores.json") if named else None)
    assert list(tmp_path.iterdir()) == []
