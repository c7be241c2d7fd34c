"""Applications: their labels, which are installed, and the tables of those that Django brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datakeel.read.program import Assign, Const
from datakeel.read.symbols import Module

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
        self._labels: dict[str, str] = {}
        self._installed: frozenset[str] | None = None

    def label(self, module: Module) -> str:
        """The label of the application that a module belongs to: as its configuration says, else its folder."""
        folders = module.path.split("/")[:-1]
        while folders and folders[-1].endswith("models"):
            folders.pop()
        key = "/".join(folders)
        if key not in self._labels:
            self._labels[key] = self.configured(module) or (folders[-1] if folders else "app")
        return self._labels[key]

    def configured(self, module: Module) -> str:
        """The label in the ``AppConfig`` of the nearest package above."""
        parts = module.name.split(".")
        while len(parts) > 1:
            parts.pop()
            for name in ("apps", "config"):
                found = self.world.names.modules.get(".".join((*parts, name)))
                label = config_label(found) if found is not None else ""
                if label:
                    return label
            if parts[-1] != "models":
                break
        return ""

    def holds(self, module: Module, label: str) -> bool:
        """Whether a module belongs to the application of that label."""
        return label in module.name.split(".") or self.label(module) == label

    def installed(self) -> frozenset[str]:
        """The packages in ``INSTALLED_APPS`` as far as they are known."""
        if self._installed is None:
            self._installed = frozenset()
            found = self.world.setting("INSTALLED_APPS")
            names = [i.text.partition(".apps.")[0] for i in found.items or () if i.text]
            self._installed = frozenset(names)
        return self._installed


def config_label(module: Module) -> str:
    for cls in module.file.classes:
        if not any("Config" in str(b) for b in cls.bases):
            continue
        for statement in cls.fields:
            if isinstance(statement, Assign) and isinstance(statement.value, Const):
                names = [getattr(t, "dotted", getattr(t, "name", "")).rpartition(".")[2] for t in statement.targets]
                if "label" in names and isinstance(statement.value.value, str):
                    return statement.value.value
    return ""
