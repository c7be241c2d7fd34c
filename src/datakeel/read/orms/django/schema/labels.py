"""Django's apps: which folder is one, and under which label its models, tables and migrations stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from datakeel.read.languages.python.names import dotted_of
from datakeel.read.program import Assign, Const
from datakeel.read.symbols import ClassInfo

if TYPE_CHECKING:
    from datakeel.read.world import World

CONFIGS = frozenset(("django.apps.AppConfig", "django.apps.config.AppConfig"))


class App(Struct, frozen=True):
    """`folder` is its package; `auto` the class of a primary key that is not declared (empty: as settings say)."""

    label: str
    folder: str
    auto: str = ""


class Labels:
    """The apps of a project: those that a configuration names, that are installed, or that have migrations."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._apps: dict[str, App] | None = None

    def label(self, path: str) -> str:
        """The label of the app that a file belongs to."""
        found = self.of(path)
        return found.label if found is not None else guessed(path)

    def of(self, path: str) -> App | None:
        apps = self.apps()
        folder = path.rpartition("/")[0]
        while folder:
            if folder in apps:
                return apps[folder]
            folder = folder.rpartition("/")[0]
        return apps.get("")

    def auto(self, path: str) -> str:
        """The kind of primary key that a model without one gets."""
        found = self.of(path)
        return found.auto if found is not None and found.auto else self.usual()

    def usual(self) -> str:
        """The kind that the settings say: also that of every link table which a migration makes."""
        return self.world.setting("DEFAULT_AUTO_FIELD").text or "django.db.models.AutoField"

    def apps(self) -> dict[str, App]:
        """Apps by their folders."""
        if self._apps is None:
            self._apps = {}
            for folder in self._plain():
                self._apps[folder] = App(folder.rpartition("/")[2], folder)
            for cls in self.configurations():
                app = self._configured(cls)
                if app is not None:
                    self._apps[app.folder] = app
        return self._apps

    def _plain(self) -> list[str]:
        """Folders of apps that need no configuration."""
        found: set[str] = set()
        for module in self.world.names.every_module():
            folder, _, last = module.path.rpartition("/")[0].rpartition("/")
            if last == "migrations" and any(c.name == "Migration" for c in module.file.classes):
                found.add(folder)
        for item in self.world.setting("INSTALLED_APPS").items or ():
            package = self.world.names.modules.get(item.text or "")
            if package is not None and package.file.is_package:
                found.add(package.path.rpartition("/")[0])
        return sorted(found)

    def configurations(self) -> list[ClassInfo]:
        """The configurations, of several for one app the default one last."""
        found = []
        for module in self.world.names.every_module():
            for facts in module.file.classes:
                if any((dotted_of(b) or "").endswith("Config") for b in facts.bases):
                    cls = self.world.names.class_of(module, facts.name)
                    if cls is not None and not CONFIGS.isdisjoint(cls.externals()):
                        found.append(cls)
        return sorted(found, key=lambda c: constant(c, "default") is True)

    def _configured(self, cls: ClassInfo) -> App | None:
        name, label, auto = (constant(cls, n) for n in ("name", "label", "default_auto_field"))
        if not isinstance(name, str):
            return None
        folder = cls.module.path.rpartition("/")[0]
        package = self.world.names.modules.get(name)
        if package is not None and package.file.is_package:
            folder = package.path.rpartition("/")[0]
        elif folder.rpartition("/")[2] != name.rpartition(".")[2]:
            return None
        last = name.rpartition(".")[2]
        return App(label if isinstance(label, str) else last, folder, auto if isinstance(auto, str) else "")


def constant(cls: ClassInfo, name: str) -> object:
    found = cls.field(name)
    if found is None or not isinstance(found[1], Assign) or not isinstance(found[1].value, Const):
        return None
    return found[1].value.value


def guessed(path: str) -> str:
    """The app's label by a file's folders alone: ``shop/orders/models/order.py`` is of ``orders``."""
    folders = path.split("/")[:-1]
    while folders and folders[-1].endswith("models"):
        folders.pop()
    return folders[-1] if folders else "app"
