"""Bytes of a source file → its text, whatever its encoding, or why it has none."""

from __future__ import annotations

import codecs
import re

COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?\r?$")
WIDE = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def decoded(data: bytes) -> tuple[str, str]:
    """The text, and a note for the report where the bytes are not what they claim to be (else empty).

    >>> decoded(b"name = 'caf\\xc3\\xa9'")
    ("name = 'café'", '')
    >>> decoded(b"# coding: latin-1\\nname = 'caf\\xe9'")[1]
    ''
    >>> decoded(b"name = 'caf\\xe9'")
    ("name = 'café'", 'not UTF-8: read as Latin-1')
    """
    if data.startswith(codecs.BOM_UTF8):
        data = data[3:]
    for mark, wide in WIDE:
        if data.startswith(mark):
            return data.decode(wide, "replace"), ""
    encoding = declared_encoding(data)
    try:
        return data.decode(encoding), ""
    except LookupError:
        return data.decode("latin-1"), f"unknown encoding {encoding}: read as Latin-1"
    except (ValueError, OverflowError):
        name = "UTF-8" if encoding == "utf-8" else encoding
        return data.decode("latin-1"), f"not {name}: read as Latin-1"


def binary(data: bytes) -> bool:
    """Whether these are no text at all: a NUL byte stands in no source file, but for UTF-16."""
    return b"\0" in data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def declared_encoding(data: bytes) -> str:
    """The encoding that one of the first two lines names (PEP 263), else UTF-8."""
    first, _, rest = data[:400].partition(b"\n")
    found = COOKIE.match(first) or (BLANK.match(first) and COOKIE.match(rest))
    return found.group(1).decode("ascii", "replace") if found else "utf-8"
