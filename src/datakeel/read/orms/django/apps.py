"""Applications: their labels, which are installed, and the tables of those that Django brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datakeel.read.orms.django.schema.labels import Labels
from datakeel.read.symbols import ClassInfo, Module

if TYPE_CHECKING:
    from datakeel.read.world import World

CONTRIBUTED = {
    "auth": {"User": "auth_user", "Group": "auth_group", "Permission": "auth_permission"},
    "contenttypes": {"ContentType": "django_content_type"},
    "sites": {"Site": "django_site"},
    "sessions": {"Session": "django_session"},
    "admin": {"LogEntry": "django_admin_log"},
    "flatpages": {"FlatPage": "django_flatpage"},
    "redirects": {"Redirect": "django_redirect"},
}


def contributed(dotted: str) -> str:
    """The table of a model of ``django.contrib``, or empty."""
    parts = dotted.split(".")
    if len(parts) != 5 or parts[:2] != ["django", "contrib"]:
        return ""
    return CONTRIBUTED.get(parts[2], {}).get(parts[4], "")


class Apps:
    def __init__(self, world: World) -> None:
        self.world = world
        self.labels = Labels(world)
        self._installed: frozenset[str] | None = None

    def label(self, module: Module) -> str:
        """The label of the application that a module belongs to."""
        return self.labels.label(module.path)

    def chosen(self, label: str, classes: list[ClassInfo]) -> list[ClassInfo]:
        """Those of some classes that stand in the application of that label (any, where it is empty)."""
        if not label:
            return classes
        exact = [c for c in classes if self.label(c.module) == label]
        return exact or [c for c in classes if label in c.module.name.split(".")]

    def installed(self) -> frozenset[str]:
        """The packages in ``INSTALLED_APPS`` as far as they are known."""
        if self._installed is None:
            self._installed = frozenset()
            with self.world.ledger.everywhere():
                found = self.world.setting("INSTALLED_APPS")
            names = [i.text.partition(".apps.")[0] for i in found.items or () if i.text]
            self._installed = frozenset(names)
        return self._installed
