"""Which files make one service: those that import one another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from os.path import commonpath

from datakeel.read.languages.python.names import Names, absolute_name
from datakeel.read.symbols import Module


def services(names: Names, counts: Callable[[str], bool]) -> dict[str, str]:
    """Each file's service, by the folder that holds the service's files.

    Two processes that share code are one service; two code bases in one repository that import nothing of each other
    are two. Files that do not count (tests, scripts: they may reach into several) belong to what they import.
    """
    known: dict[str, tuple[str, ...]] = {}
    links = {m.path: tuple(imported(names, m, known)) for m in names.every_module()}
    counting = [path for path in links if counts(path)]
    groups = joined({path: [p for p in links[path] if counts(p)] for path in counting})
    labels = {path: name for group in groups for name in (label(group),) for path in group}
    for path, others in links.items():
        if path not in labels:
            labels[path] = next((labels[p] for p in others if p in labels), "")
    return labels


def imported(names: Names, module: Module, known: dict[str, tuple[str, ...]]) -> Iterable[str]:
    """The files that a module's imports run: the modules and the packages that these stand in. `known` remembers."""
    found: dict[str, None] = {}
    for dotted in (module.name, *(i.dotted for i in module.file.imports), *module.file.stars):
        whole = absolute_name(module, dotted) if dotted.startswith("~") else dotted
        if whole not in known:
            known[whole] = tuple(files(names, whole))
        found |= dict.fromkeys(known[whole])
    return found


def files(names: Names, dotted: str) -> Iterable[str]:
    while dotted:
        module = names.modules.get(dotted)
        if module is not None:
            yield module.path
        dotted = dotted.rpartition(".")[0]


def joined(links: dict[str, list[str]]) -> list[list[str]]:
    """The groups of files that hang together."""
    parents = {path: path for path in links}

    def root(path: str) -> str:
        while parents[path] != path:
            parents[path] = parents[parents[path]]
            path = parents[path]
        return path

    for path, others in links.items():
        for other in others:
            parents[root(other)] = root(path)
    groups: dict[str, list[str]] = {}
    for path in sorted(links):
        groups.setdefault(root(path), []).append(path)
    return list(groups.values())


def label(paths: list[str]) -> str:
    """The folder of a service's files; a single file is its own."""
    if len(paths) == 1:
        return paths[0]
    return commonpath(paths)
