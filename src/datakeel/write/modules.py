"""Modules of Python that are put together from a body: what they import follows from the names in it."""

from __future__ import annotations

from collections.abc import Mapping

from datakeel.write.imports import MARK, imported
from datakeel.write.project import File


def module_file(package: str, dotted: str, about: str, body: str, own: Mapping[str, str]) -> File:
    """The file of a module, by its dotted path below the package. `own`: names of the project that it may use, and
    their modules."""
    return File(f"src/{package}/{dotted.replace('.', '/')}.py", module_text(about, body, own))


def module_text(about: str, body: str, own: Mapping[str, str]) -> str:
    """A module's text: what it is about, what it imports, and its body."""
    return imported(f'"""{about}"""\n\nfrom __future__ import annotations\n\n{MARK}\n{body}', own)
