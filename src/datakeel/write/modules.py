"""Modules of Python that are put together from a body: what they import follows from the names in it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from datakeel.write.formatting import finished, imports
from datakeel.write.project import File
from datakeel.write.prose import filled


def module_file(package: str, dotted: str, about: str, body: str, known: Mapping[str, str]) -> File:
    """The file of a module, by its dotted path below the package. `known`: the names that it may use, by their
    modules."""
    path = f"src/{package}/{dotted.replace('.', '/')}.py"
    return File(path, module_text(package, about, body, known, f"{package}.{dotted}"))


def module_text(package: str, about: str, body: str, known: Mapping[str, str], own: str = "tests") -> str:
    """A module's text: what it is about, what it imports, and its body. `own`: its dotted path."""
    return laid_out(package, about, body, {name: home for name, home in known.items() if home != own})


def laid_out(package: str, about: str, body: str, known: Mapping[str, str]) -> str:
    """The same, with names of other modules alone in `known`."""
    defined = set(re.findall(r"^(?:def |class |)(\w+)(?= = |\(|:)", body, re.MULTILINE))
    lines = imports(body, {name: home for name, home in known.items() if name not in defined}, package)
    body = re.sub(r"\n{4,}", "\n\n\n", body.strip())
    gap = "\n\n\n" if body.startswith(("def ", "class ", "@")) else "\n\n"
    return finished(filled(f'"""{about}"""\n\nfrom __future__ import annotations\n\n{lines}{gap}{body}\n'))
