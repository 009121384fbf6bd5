"""The one place where what a media library raises for a file becomes that item's error."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import av

from data_contracts import ItemError
from data_contracts.errors import FoleyGenExError
from tasks.media.checks import looks_like_media

# What is wrong with the machine, not with the file: the run has to end, or every item would be quarantined.
_MACHINE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE)


@contextmanager
def media_errors(path: Path, *, damaged: str, foreign: str, failed: str) -> Iterator[None]:
    """Turns any exception of a media library into an ItemError with the library's words.

    The reason is `damaged` for a file that begins like a media file and that FFmpeg rejects, `foreign` for one that
    does not begin like one, and `failed` for everything else: a tag that is not UTF-8, a codec without a decoder, a
    header that asks for more memory than there is. Errors of this project and of the machine (a full disk) pass.
    """
    try:
        yield
    except FoleyGenExError:
        raise
    except Exception as error:
        if getattr(error, "errno", None) in _MACHINE:
            raise
        reason = failed if not isinstance(error, av.FFmpegError) else damaged if looks_like_media(path) else foreign
        raise ItemError(reason, f"{path.name}: cannot be decoded ({words_of(error)})") from error


def words_of(error: Exception) -> str:
    """Returns a library's message in one short line, the name of the exception where it has none."""
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    return text[:200] or type(error).__name__
