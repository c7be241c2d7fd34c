"""The cures that span files, as the parts that they are made of: a template for each file, named for what it is."""

from __future__ import annotations

from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined


def part(name: str, /, **known: object) -> str:
    """A part of a pattern, filled in: ``outbox/django/relay.py``."""
    folder = resources.files("datakeel.patterns")
    loader = FunctionLoader(lambda path: (folder / f"{path}.jinja").read_text(encoding="utf-8"))
    parts = Environment(
        loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return parts.get_template(name).render(known)
