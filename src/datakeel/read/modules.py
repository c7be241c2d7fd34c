"""Which dotted name a Python file has: its source root, told by packages and by what the project's files import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from datakeel.read.source import Sources


class Modules:
    """The modules of a project.

    A file's source root is the nearest folder above it that is no package. Where packages have no ``__init__.py``, or a
    project is started from a folder further up, the imports of other files tell: the root is then the folder from
    which most of them resolve. Where two roots hold modules of one name, `name` puts the root before it, and `find`
    takes the importer's own.

    >>> shop = Modules({"src/shop/__init__.py", "src/shop/pay.py"}, {"src/shop"})
    >>> shop.name("src/shop/pay.py"), shop.find("shop.pay", "src/shop/__init__.py")
    ('shop.pay', 'src/shop/pay.py')
    """

    def __init__(
        self,
        paths: Iterable[str],
        packages: Iterable[str] = (),
        imported: Mapping[str, Iterable[str]] | None = None,
        links: Iterable[tuple[str, str]] = (),
        above: tuple[str, ...] = (),
    ) -> None:
        self.packages = frozenset(packages)
        self.above = above  # the packages that the root itself stands in, outermost first
        self.roots: dict[str, str] = {path: self.nearest_root(path) for path in sorted(paths)}
        self.settle(imported or {})
        self.by_name: dict[str, list[str]] = {}
        for path, root in self.roots.items():
            self.by_name.setdefault(self.dotted(path, root), []).append(path)
        self.primary = {path: name for name, paths in self.by_name.items() for path in paths if len(paths) == 1}
        self.tell_apart()
        self.add_links(links)

    def name(self, path: str) -> str:
        """The module's name, unique in the project."""
        return self.primary[path]

    def names(self, path: str) -> tuple[str, ...]:
        """Every name that the module may be imported by, the likeliest first."""
        root = self.roots[path]
        names = [self.primary[path], self.dotted(path, root)]
        while root:
            root = parent(root)
            names.append(self.dotted(path, root))
        return tuple(dict.fromkeys(names))

    def root(self, path: str) -> str:
        """The folder that the module's name begins below."""
        return self.roots[path]

    def find(self, dotted: str, importer: str = "") -> str | None:
        """The file of a module, as seen from another file; None where the project has no such module."""
        paths = self.by_name.get(dotted)
        if not paths:
            return None
        if len(paths) == 1:
            return paths[0]
        own = self.roots.get(importer)
        return max(paths, key=lambda path: (self.roots[path] == own, shared(path, importer), [-ord(c) for c in path]))

    def nearest_root(self, path: str) -> str:
        folder = parent(path)
        while folder in self.packages and folder:
            folder = parent(folder)
        return folder

    def dotted(self, path: str, root: str) -> str:
        parts = path[len(root) + 1 if root else 0 :].removesuffix(".py").removesuffix(".pyw").split("/")
        if parts[-1] == "__init__":
            parts.pop()
        if not root:
            parts = [*self.above, *parts]
        return ".".join(parts) or "__init__"

    def settle(self, imported: Mapping[str, Iterable[str]]) -> None:
        """Moves roots up to where the project's imports resolve from."""
        tops = {dotted.partition(".")[0] for names in imported.values() for dotted in names}
        candidates: dict[str, list[tuple[str, str]]] = {}  # a module's possible name → the unit that holds it, its root
        units = {path: self.unit(path, root) for path, root in self.roots.items()}
        movable = {unit for path, unit in units.items() if self.further_roots(self.roots[path], tops)}
        for path, root in self.roots.items():
            if units[path] in movable:
                for further in (root, *self.further_roots(root, tops)):
                    candidates.setdefault(self.dotted(path, further), []).append((units[path], further))
        if candidates:
            settled = {self.dotted(path, root) for path, root in self.roots.items() if units[path] not in movable}
            self.move(units, votes(imported, candidates, settled), tops)

    def unit(self, path: str, root: str) -> str:
        """What moves as one: a top package, or the modules that stand bare in one folder."""
        inside = path[len(root) + 1 if root else 0 :]
        top, slash, _ = inside.partition("/")
        return f"{root}/{top}" if slash else root + "/"

    def further_roots(self, root: str, tops: set[str]) -> list[str]:
        """The folders above a root from which something is imported."""
        parts = root.split("/") if root else []
        return ["/".join(parts[:number]) for number in range(len(parts)) if parts[number] in tops]

    def move(self, units: Mapping[str, str], counted: Mapping[str, Counter[str]], tops: set[str]) -> None:
        best = {unit: max(sorted(roots), key=lambda root: roots[root]) for unit, roots in counted.items()}
        chosen = set(best.values()) | {self.roots[path] for path, unit in units.items() if not unit.endswith("/")}
        for path, root in self.roots.items():
            unit = units[path]
            if unit in best:
                self.roots[path] = best[unit]
            elif (
                unit.endswith("/") and root not in chosen
            ):  # bare modules that nobody imports go with those around them
                self.roots[path] = next((f for f in reversed(self.further_roots(root, tops)) if f in chosen), root)

    def tell_apart(self) -> None:
        """Gives modules of one name in several roots names of their own, the path's; a root that is far larger than the
        others (the application beside a client library) keeps the plain ones."""
        sizes = Counter(self.roots.values())
        for name, paths in list(self.by_name.items()):
            if len(paths) > 1:
                first, second, *_ = sorted(paths, key=lambda path: -sizes[self.roots[path]])
                self.primary.update((path, self.dotted(path, "")) for path in paths)
                if sizes[self.roots[first]] >= 2 * sizes[self.roots[second]]:
                    self.primary[first] = name
        for path, name in self.primary.items():
            if path not in self.by_name.setdefault(name, []):
                self.by_name[name].append(path)

    def add_links(self, links: Iterable[tuple[str, str]]) -> None:
        """Adds the names by which modules are imported through links inside the project."""
        for link, target in links:
            for path in [p for p in self.roots if p == target or p.startswith(target + "/")]:
                alias = link + path[len(target) :]
                paths = self.by_name.setdefault(self.dotted(alias, self.nearest_root(link)), [])
                if path not in paths:
                    paths.append(path)


def modules(sources: Sources, imported: Mapping[str, Iterable[str]] | None = None) -> Modules:
    """The modules among the files of a project; `imported` maps a path to the absolute names that its file imports."""
    above = []
    folder = sources.root
    while (folder / "__init__.py").is_file() and folder.name.isidentifier() and not (folder / ".git").exists():
        above.append(folder.name)
        folder = folder.parent
    paths = (file.path for file in sources.files if file.kind == "python")
    return Modules(paths, sources.packages, imported, sources.links, tuple(reversed(above)))


def votes(
    imported: Mapping[str, Iterable[str]], candidates: Mapping[str, list[tuple[str, str]]], settled: Collection[str]
) -> dict[str, Counter[str]]:
    """For each unit, how many imports resolve into it from each root. What a settled module answers to is its own; of
    several units that answer to a name, the importer means the nearest: services side by side call theirs alike."""
    meant: dict[str, list[tuple[str, str]]] = {}
    counted: dict[str, Counter[str]] = {}
    for importer, names in imported.items():
        for dotted in set(names):
            if dotted not in meant:
                name = dotted
                while name not in candidates and name not in settled and "." in name:
                    name = name.rpartition(".")[0]
                meant[dotted] = [] if name in settled else candidates.get(name, [])
            for unit, root in nearest(meant[dotted], importer):
                counted.setdefault(unit, Counter())[root] += 1
    return counted


def nearest(found: list[tuple[str, str]], importer: str) -> list[tuple[str, str]]:
    """Those of some units, with their roots, that share most folders with a file."""
    if len(found) < 2:
        return found
    near = [shared(f"{unit}/", importer) for unit, _ in found]
    most = max(near)
    return [one for one, count in zip(found, near, strict=True) if count == most]


def parent(path: str) -> str:
    return path.rpartition("/")[0]


def shared(path: str, other: str) -> int:
    """How many leading folders two paths share."""
    count = 0
    for a, b in zip(path.split("/")[:-1], other.split("/")[:-1], strict=False):
        if a != b:
            break
        count += 1
    return count
