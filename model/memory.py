"""What the C library does with freed memory."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

# glibc's malloc.h
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 2**30


def keep_freed_memory() -> bool:
    """Lets glibc keep freed memory for this process's next allocations; returns whether it does.

    Otherwise blocks of megabytes, such as a batch of features, go back to the system when they are freed, and the next
    batch's memory is cleared by the kernel page by page: half of the time of a read (docs/training.md). The process
    stays as large as it once was. Nothing changes with another C library.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library, e.g. musl
        return False
    taken = [mallopt(option, _LARGE) for option in (_MMAP_THRESHOLD, _TRIM_THRESHOLD)]
    return all(taken)
