"""A project's files: where its root is, which files belong to it, of what kind and role each is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from datakeel.mistake import Mistake
from datakeel.model.operation import Role
from datakeel.model.system import Remark
from datakeel.read.ignored import Patterns, Tracked, exclude_file, git_folder, ignored, patterns_of
from datakeel.read.role import role_by_path, role_of_others, tests

KINDS = {".py": "python", ".pyw": "python", ".sql": "sql", ".ddl": "sql", ".cql": "sql"}
SUFFIXES = tuple(KINDS)
# Files that are no code, and name what code there is: templates, of which only the tags do; what says what is run
TEMPLATES = (
    *(".html", ".htm", ".xhtml", ".txt", ".md", ".j2", ".jinja", ".jinja2", ".mako", ".tpl", ".tmpl", ".tex", ".eml"),
    *(".mjml", ".pt"),
)
SETTINGS = (
    *(
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".cfg",
        ".conf",
        ".cnf",
        ".json",
        ".env",
        ".properties",
        ".xml",
        ".zcml",
        ".in",
    ),
    *(".sh", ".bash", ".bat", ".ps1", ".mk", ".service", ".timer", ".cron", ".crontab", ".nomad", ".tf", ".hcl", ".in"),
    *(".proto", ".thrift", ".graphql", ".graphqls", ".template", ".ctmpl", ".ipynb"),
)
PROSE = re.compile(r"authors|chang|contribut|copying|history|licen[cs]e|news|notice|readme|todo", re.I)

# Never a part of the project, whatever git says of them.
FOREIGN = frozenset(
    (
        *(".git", ".hg", ".svn", ".bzr", "node_modules", "bower_components", "site-packages", "__pycache__"),
        *("__pypackages__", ".tox", ".nox", ".venv", ".eggs", ".mypy_cache", ".ruff_cache", ".pytest_cache"),
        *(".hypothesis", ".ipynb_checkpoints", ".direnv", ".idea", ".vscode", ".datakeel"),
    )
)
VENDORED = frozenset(("vendor", "vendored", "_vendor", "third_party", "thirdparty", "3rdparty"))
# A shop has vendors, too: a folder that holds one of these is an application.
OWN_VENDOR = frozenset(("models.py", "views.py", "apps.py", "migrations", "api.py", "urls.py"))
OUTPUT = frozenset(("build", "dist"))


class PathNotFound(Mistake):
    """A path that was asked for does not exist."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: no such file or folder")
        self.path = path


class Source(Struct, frozen=True, order=True, gc=False):
    """One file: `path` relative to the root of its Sources, with forward slashes. `named` says whether it lies in one
    of the reviewed paths (else it is context), `itself` whether it is one of them. `foreign` marks vendored code: found
    and counted, not read. `others` is the role of the files beside it, which it has too where only its name makes it a
    test."""

    path: str
    kind: str
    role: Role = Role.PRODUCT
    named: bool = True
    itself: bool = False
    foreign: bool = False
    others: Role = Role.PRODUCT


class Sources(Struct, frozen=True):
    """All files of what is reviewed, sorted by path.

    `root` is the project's root (where the reviewed paths lie in several projects: the folder above them all);
    `packages` are the folders that hold an `__init__.py`; `links` are folders and files that are links inside the
    project, each with what it points to.
    """

    root: Path
    files: tuple[Source, ...]
    remarks: tuple[Remark, ...] = ()
    packages: frozenset[str] = frozenset()
    links: tuple[tuple[str, str], ...] = ()
    projects: tuple[str, ...] = ("",)
    beside: tuple[str, ...] = ()  # templates, and files that say what is run
    texts: dict[str, bytes] = {}  # by path, what is to be read in the place of what the disk has

    def location(self, source: Source) -> str:
        return os.path.join(self.root, source.path)

    def with_texts(self, texts: dict[str, bytes]) -> Sources:
        """The same, as it would be with these files written: those that are there already, and new ones."""
        known = {source.path for source in self.files}
        new = [
            Source(path, KINDS[path[path.rindex(".") :]], role_by_path(path))
            for path in texts
            if path not in known and path.endswith(SUFFIXES)
        ]
        packages = {p.removesuffix("/__init__.py") for p in texts if p.endswith("/__init__.py")}
        return replace(self, files=tuple(sorted((*self.files, *new))), packages=self.packages | packages, texts=texts)


def discover(paths: Iterable[str | os.PathLike[str]], exclude: Sequence[str] = ()) -> Sources:
    """The files of the projects that `paths` lie in. `exclude` holds patterns as in a .gitignore, relative to a
    project's root.

    Raises PathNotFound where a path does not exist; whatever else goes wrong becomes a remark.
    """
    named = [existing(path) for path in paths]
    projects: dict[Path, list[Path]] = {}
    for path in sorted(named):
        projects.setdefault(project_root(path), []).append(path)
    roots = [root for root in projects if not any(other in root.parents for other in projects)]
    base = roots[0] if len(roots) == 1 else Path(os.path.commonpath(roots))
    walks = [Walk(base, root, [p for p in named if p == root or root in p.parents], exclude) for root in roots]
    for walk in walks:
        walk.run()
    return Sources(
        root=base,
        files=tuple(sorted(file for walk in walks for file in walk.files.values())),
        remarks=tuple(sorted({remark for walk in walks for remark in walk.remarks})),
        packages=frozenset(package for walk in walks for package in walk.packages),
        links=tuple(sorted(link for walk in walks for link in walk.links)),
        beside=tuple(sorted(path for walk in walks for path in walk.beside)),
        projects=tuple(sorted(walk.prefix for walk in walks)),
    )


def existing(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as reason:  # a loop of links is a RuntimeError before Python 3.13
        if isinstance(reason, PermissionError):
            return Path(path).absolute()
        raise PathNotFound(os.fspath(path)) from None


def project_root(path: Path) -> Path:
    """The root of the project that a path lies in: the nearest checkout upwards, else the outermost folder with a
    pyproject.toml, else the folder itself; for a lone file, the folder that its package stands in."""
    folder = path if path.is_dir() else path.parent
    above = [folder, *folder.parents]
    for candidate in above:
        if present(candidate / ".git"):
            return candidate
    declared = [candidate for candidate in above if present(candidate / "pyproject.toml")]
    if declared:
        return declared[-1]
    return folder if path.is_dir() else next((f for f in above if not present(f / "__init__.py")), folder)


def present(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


Folder = tuple[str, tuple[Patterns, ...], bool]  # its path, what is ignored in it, whether it is vendored


class Walk:
    """One walk over one project."""

    def __init__(self, base: Path, root: Path, named: Sequence[Path], exclude: Sequence[str]) -> None:
        self.base = base
        self.root = root
        self.prefix = relative(root, base)
        self.git = git_folder(root)
        self.tracked = Tracked(self.git)
        self.exclude = Patterns(exclude)
        self.named = [relative(path, root) for path in named]
        self.whole = "" in self.named
        self.begins = [relative(p if p.is_dir() else p.parent, root).split("/") for p in named if p != root]
        self.told: dict[str, list[str]] = {}
        # A lone file outside any project takes its neighbours and packages for context, not all that lies below.
        self.shallow = self.git is None and not present(root / "pyproject.toml") and not any(p.is_dir() for p in named)
        self.files: dict[str, Source] = {}
        self.remarks: list[Remark] = []
        self.packages: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.beside: list[str] = []

    def run(self) -> None:
        own = patterns_of(exclude_file(self.git)) if self.git else None
        pending: list[Folder] = [("", (own,) if own else (), False)]
        while pending:
            pending.extend(self.folder(*pending.pop()))
        for path in self.named:
            self.name(path)

    def folder(self, folder: str, rules: tuple[Patterns, ...], foreign: bool) -> Iterator[Folder]:
        """Takes in the files of one folder; gives the folders below it that belong to the project."""
        try:
            with os.scandir(os.path.join(self.root, folder)) as scan:
                entries = {entry.name: entry for entry in scan}
        except OSError as reason:
            self.remark(folder, f"cannot be opened: {reason.strerror}")
            return
        if folder and self.apart(folder, entries):
            return
        start = folder + "/" if folder else ""
        if ".gitignore" in entries and (nearer := patterns_of(self.root / folder / ".gitignore", start)):
            rules = (*rules, nearer)
        if "__init__.py" in entries:
            self.packages.add(self.joined(folder))
        vendored = foreign or self.vendored(folder, entries)
        for name, entry in entries.items():
            if entry.is_symlink():
                self.link(start + name, entry)
            elif entry.is_dir(follow_symlinks=False):
                if self.enters(start + name, name, rules):
                    yield start + name, rules, vendored
            elif name.endswith(SUFFIXES) and not self.passed_over(start + name, name, rules):
                self.take(start + name, entry, vendored)
            elif names_code(name) and not vendored and not self.passed_over(start + name, name, rules):
                self.add_beside(start + name)

    def apart(self, folder: str, entries: dict[str, os.DirEntry[str]]) -> bool:
        """Whether a folder is something of its own: a virtual environment, another repository, a build's output."""
        if self.inside_named(folder):
            return False
        if "pyvenv.cfg" in entries or "conda-meta" in entries or (self.shallow and "__init__.py" not in entries):
            return True
        if ".git" in entries and self.git is not None:
            self.remark(folder, "a repository of its own: not a part of this one")
            return True
        return folder.rpartition("/")[2] in OUTPUT and not any(name.endswith(".py") for name in entries)

    def vendored(self, folder: str, entries: dict[str, os.DirEntry[str]]) -> bool:
        """Whether a folder holds other people's code."""
        named = folder.rpartition("/")[2] in VENDORED and not self.inside_named(folder)
        return named and OWN_VENDOR.isdisjoint(entries)

    def inside_named(self, folder: str) -> bool:
        """Whether somebody asked for this folder, or for something in it, by name."""
        return any(path == folder or path.startswith(folder + "/") for path in self.named)

    def enters(self, path: str, name: str, rules: tuple[Patterns, ...]) -> bool:
        if name in FOREIGN or name.endswith(".egg-info"):
            return self.inside_named(path)
        return not self.passed_over(path + "/", name + "/", rules)

    def passed_over(self, path: str, name: str, rules: tuple[Patterns, ...]) -> bool:
        if self.exclude.verdict(path, name):
            return True
        if not rules or not ignored(rules, path, name):
            return False
        return not self.tracked.holds(path) and not self.inside_named(path.rstrip("/"))

    def take(self, path: str, entry: os.DirEntry[str], foreign: bool) -> None:
        try:
            if not entry.is_file(follow_symlinks=False):
                self.remark(path, "not a regular file: not read")
                return
        except OSError as reason:
            self.remark(path, f"cannot be read: {reason.strerror}")
            return
        if not printable(path):
            self.remark(path, "its name is not UTF-8: not read")
            return
        self.add(path, foreign)

    def add(self, path: str, foreign: bool, kind: str = "") -> None:
        at = self.joined(path)
        telling = self.telling(os.path.dirname(path))
        self.files[path] = Source(
            path=at,
            kind=kind or KINDS[path[path.rindex(".") :]],  # a file may be named ``.py``
            role=role_by_path(path, telling),
            named=self.whole or self.is_named(path),
            itself=path in self.named,
            foreign=foreign,
            others=role_of_others(path, telling),
        )

    def add_beside(self, path: str) -> None:
        """Takes in a file that may name code, where it is none of the tests'."""
        if printable(path) and not tests(path.split("/")[:-1]):
            self.beside.append(self.joined(path))

    def telling(self, folder: str) -> list[str]:
        """The folders on the way to a folder, itself included, whose names may make it a script: from where a reviewed
        path begins, down to the first package or ``src``; inside a package ``tools`` is a part of the product like any
        other."""
        known = self.told.get(folder)
        if known is None:
            known = self.told[folder] = self.told_by(folder.split("/") if folder else [])
        return known

    def told_by(self, folders: list[str]) -> list[str]:
        start = max((len(begin) for begin in self.begins if folders[: len(begin)] == begin), default=0)
        for number, name in enumerate(folders):
            if name == "src" or self.joined("/".join(folders[: number + 1])) in self.packages:
                return folders[start : number + 1]
        return folders[start:]

    def is_named(self, path: str) -> bool:
        return any(not name or path == name or path.startswith(name + "/") for name in self.named)

    def link(self, path: str, entry: os.DirEntry[str]) -> None:
        """Notes a link that stays inside the project; it is not followed, for what it points to is found anyway."""
        try:
            target = Path(entry.path).resolve(strict=True)
            if not (target.is_dir() or path.endswith(SUFFIXES)):
                return
        except (OSError, RuntimeError):
            if path.endswith(SUFFIXES):
                self.remark(path, "a link to nothing: not read")
            return
        if target != self.root and self.root in target.parents:
            self.links.append((self.joined(path), relative(target, self.base)))
        elif path.endswith(SUFFIXES):
            self.remark(path, "a link out of the project: not followed")

    def name(self, path: str) -> None:
        """Takes in a file that was asked for by name, though nothing else would have led to it."""
        place = self.root / path
        if path in self.files or place.is_dir():
            return
        if not place.is_file():
            self.remark(path, "not a regular file: not read")
            return
        kind = KINDS.get(place.suffix) or shebang(place)
        if kind:
            self.add(path, False, kind)
        else:
            self.remark(path, "not a kind of file that is read")

    def joined(self, path: str) -> str:
        return f"{self.prefix}/{path}" if self.prefix and path else self.prefix or path

    def remark(self, path: str, text: str) -> None:
        """Notes what is not read, where somebody asked for it: inside a named path, or on the way to one."""
        if self.whole or self.is_named(path) or self.inside_named(path):
            self.remarks.append(Remark(shown(self.joined(path)), 0, text))


def names_code(name: str) -> bool:
    """Whether a file may name functions or modules of the program, though it is none of its code.

    >>> [name for name in ("list.html", "Procfile", "LICENSE", "app.js", "Dockerfile.worker") if names_code(name)]
    ['list.html', 'Procfile', 'Dockerfile.worker']
    """
    if name.endswith((*TEMPLATES, *SETTINGS)):
        return True
    return name.startswith("Dockerfile") or ("." not in name and not PROSE.match(name))


def relative(path: Path, root: Path) -> str:
    inside = path.relative_to(root).as_posix()
    return "" if inside == "." else inside


def printable(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(path: str) -> str:
    """A path that can be printed, whatever bytes its name is made of."""
    return path if printable(path) else os.fsencode(path).decode("utf-8", "backslashreplace")


def shebang(path: Path) -> str:
    """The kind of a file without a telling suffix, by its first line."""
    try:
        with path.open("rb") as file:
            first = file.readline(200)
    except OSError:
        return ""
    return "python" if first.startswith(b"#!") and b"python" in first else ""
