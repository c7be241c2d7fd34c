"""A rule's page, with the patterns that it belongs to: set in type at a terminal, as it is written elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO

from datakeel.show.output import Paper


def render(text: str, paper: Paper) -> str:
    return typeset(text, paper) if paper.person and paper.drawn else text.rstrip("\n") + "\n"


def with_patterns(text: str, titles: Mapping[str, str]) -> str:
    """A page and, below it, the patterns of these names and titles, each with the order that shows it."""
    lines = [f"- {title}: `datakeel patterns {name}`" for name, title in titles.items()]
    return "\n".join((text.rstrip("\n"), "", "## Patterns", "", *lines, "")) if lines else text


def typeset(text: str, paper: Paper) -> str:
    # Loaded here, because a page that is piped needs none of it.
    from rich.console import Console  # noqa: PLC0415
    from rich.markdown import Markdown  # noqa: PLC0415

    console = Console(
        file=StringIO(),
        width=paper.width,
        force_terminal=paper.colour,
        color_system="standard" if paper.colour else None,
        no_color=not paper.colour,
        legacy_windows=False,
        _environ={},
    )
    console.print(Markdown(text, code_theme="ansi_dark", hyperlinks=False))
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().split("\n")).rstrip("\n") + "\n"
