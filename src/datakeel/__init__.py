"""datakeel reviews data-intensive code, and writes data systems that keep their data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datakeel.finding import Finding, Review
    from datakeel.reviewer import review

__version__ = "0.1.0"
__all__ = ["Finding", "Review", "__version__", "review"]


def __getattr__(name: str) -> Any:
    """The face, loaded when it is first asked for: `datakeel --version` need not wait for the readers."""
    if name == "review":
        from datakeel.reviewer import review  # noqa: PLC0415

        return review
    if name in ("Finding", "Review"):
        from datakeel import finding  # noqa: PLC0415

        return getattr(finding, name)
    raise AttributeError(f"module 'datakeel' has no attribute {name!r}")
