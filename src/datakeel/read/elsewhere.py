"""The names that a project's other files use: templates, configuration, what the shell runs. A function that only they
name is not without use."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache as once
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datakeel.read.contents import contents
from datakeel.read.source import TEMPLATES, Sources

if TYPE_CHECKING:
    from datakeel.read.facts import Shelf

NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
TAG = re.compile(rb"\{[{%][^}]*\}|\$\{[^}]*\}|<%[^>]*>")
LARGEST = 1_000_000  # bytes: a larger file is data
LARGEST_JSON = 100_000


def names_elsewhere(sources: Sources, shelf: Shelf) -> frozenset[str]:
    """Every name in the tags of templates, and every word of the files that say what is run."""
    decode = msgspec.msgpack.Decoder(tuple[str, ...]).decode
    found: set[str] = set()
    for path in sources.beside:
        data = contents(os.path.join(sources.root, path))
        if isinstance(data, str) or len(data) > (LARGEST_JSON if path.endswith(".json") else LARGEST):
            continue
        key = blake2b(data, digest_size=16).digest() + (b"T" if path.endswith(TEMPLATES) else b"t") + names_version()
        blob = shelf.get(key)
        if blob is None:
            blob = msgspec.msgpack.encode(sorted(names(path, data)))
            shelf.put(key, blob)
        found.update(decode(blob))
    return frozenset(found)


def names(path: str, data: bytes) -> Iterator[str]:
    """
    >>> sorted(names("list.html", b"<p onclick=send()>{{ order.total|money }}</p>"))
    ['money', 'order', 'total']
    """
    texts = TAG.findall(data) if path.endswith(TEMPLATES) else (data,)
    return (name.decode() for name in {name for text in texts for name in NAME.findall(text)})


@once
def names_version() -> bytes:
    return blake2b(Path(__file__).read_bytes(), digest_size=8).digest()
