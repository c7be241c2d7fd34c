"""What stands in a file, read once and with care."""

from __future__ import annotations

import os
import stat

from datakeel.read.text import binary

LARGEST = 10_000_000  # bytes: a larger file is data, whatever its name


def contents(path: str) -> bytes | str:
    """A file's bytes, or why there are none, in words for the report."""
    try:
        descriptor = os.open(path, READ)
    except FileNotFoundError:
        return "gone since it was found"
    except (OSError, ValueError) as reason:
        return f"cannot be read: {getattr(reason, 'strerror', None) or reason}"
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return "not a regular file: not read"
        if found.st_size > LARGEST:
            return f"{found.st_size / 1e6:.0f} MB: too large to be code, not read"
        data = whole(descriptor, found.st_size)
    except OSError as reason:
        return f"cannot be read: {reason.strerror or reason}"
    finally:
        os.close(descriptor)
    return "binary: not read" if binary(data) else data


# A name that has become a pipe must not block, nor one that has become a link lead elsewhere.
READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def whole(descriptor: int, size: int) -> bytes:
    data = os.read(descriptor, size + 1)
    while len(data) < LARGEST and len(data) != size and (more := os.read(descriptor, LARGEST)):  # it is being written
        data += more
    return data
