"""What a team has set: `[tool.datakeel]` in pyproject.toml, or datakeel.toml."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import Struct

from datakeel.finding import Finding, Severity
from datakeel.mistake import Mistake, unknown

OWN_FILE = "datakeel.toml"
SHARED_FILE = "pyproject.toml"
TABLE = "tool.datakeel"
SEVERITIES = {severity.word: severity for severity in Severity}


class PerPath(Struct, frozen=True, kw_only=True):
    """What differs under some paths: `path` is a glob in git-ignore form, from the folder of the configuration file."""

    path: str
    ignore: tuple[str, ...] = ()
    severity: dict[str, Severity] = {}


class Facts(Struct, frozen=True, kw_only=True):
    """What the team declares and code cannot show: datasets whose content may be lost (`losable`) or that stay small
    (`bounded`), topics and queues that load, availability or teams need (`distributed`), jobs of which one runs at a
    time (`alone`), operations whose callers take turns (`serialised`)."""

    losable: tuple[str, ...] = ()
    bounded: tuple[str, ...] = ()
    distributed: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    serialised: tuple[str, ...] = ()


class TeamRule(Struct, frozen=True):
    """A rule in the team's own repository: found by its files' names; nothing of it was run."""

    name: str
    category: str
    file: str

    @property
    def page(self) -> Path:
        return Path(self.file).with_suffix(".md")


class Config(Struct, frozen=True, kw_only=True):
    """Names in `select`, `ignore` and `severity` are rules or categories. `libraries` are tables as their files have
    them: the reader checks them. `base` is the configuration file's folder, from the reviewed root; `source` its
    name, empty when there is none."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    severity: dict[str, Severity] = {}
    per_path: tuple[PerPath, ...] = ()
    libraries: tuple[dict[str, object], ...] = ()
    origins: tuple[str, ...] = ()  # of each of the libraries: the file that it stands in
    facts: Facts = Facts()
    team: tuple[TeamRule, ...] = ()
    trusted: bool = False  # the user lets the team's rules run, which are code
    base: str = ""
    source: str = ""
    jobs: int = 0  # processes that read; 0: as many as there are processors
    cache: bool = True

    def runs(self, rule: str, category: str) -> bool:
        """Whether a rule is to be judged at all. A rule's own name is stronger than its category's."""
        chosen = not self.select or rule in self.select or category in self.select
        if rule in self.ignore:
            return False
        return chosen and (category not in self.ignore or rule in self.select)

    def excludes(self, path: str) -> bool:
        """Whether a file (its path from the reviewed root) is left out of the review."""
        return self.matches(self.exclude, path)

    def exclusions(self) -> tuple[str, ...]:
        """The globs of `exclude`, written from the reviewed root."""
        return tuple(from_root(glob, self.base) for glob in self.exclude)

    def adjusted(self, finding: Finding) -> Finding | None:
        """The finding as the team wants it: with their severity, or None where they ignore it."""
        names = (finding.category, finding.rule)
        severity = next((self.severity[n] for n in reversed(names) if n in self.severity), finding.severity)
        for part in self.per_path:
            if self.matches((part.path,), finding.place.path):
                if any(name in part.ignore for name in names):
                    return None
                severity = next((part.severity[n] for n in reversed(names) if n in part.severity), severity)
        return finding if severity == finding.severity else msgspec.structs.replace(finding, severity=severity)

    def matches(self, globs: tuple[str, ...], path: str) -> bool:
        if not globs or not path.startswith(self.base):
            return False
        return bool(compiled(globs).match_file(path.removeprefix(self.base)))


def from_root(glob: str, base: str) -> str:
    """A glob in git-ignore form, as one folder means it, written for a folder above.

    >>> from_root("*_pb2.py", "shop/"), from_root("/old/*.py", "shop/"), from_root("!a/b", "shop/"), from_root("a/", "")
    ('/shop/**/*_pb2.py', '/shop/old/*.py', '!/shop/a/b', 'a/')
    """
    if not base:
        return glob
    negated, bare = ("!", glob[1:]) if glob.startswith("!") else ("", glob)
    anchored = "/" in bare.rstrip("/")
    return f"{negated}/{base}{'' if anchored else '**/'}{bare.removeprefix('/')}"


def load(
    paths: Iterable[Path | str], rules: Mapping[str, str], *, root: Path | None = None, file: Path | None = None
) -> Config:
    """The configuration that governs a review of `paths`: `file`, or the nearest above them up to the repository's
    root.

    `rules` are the known rules, each with its category. Raises Mistake, with every fault of the file on a line of its
    own.
    """
    place = common(paths)
    root = root or repository(place)
    found = file or nearest_file(place, root)
    if found is None:
        return Config()
    text, table = read(found, explicit=file is not None)
    return Parser(found, text, rules).config(table, base=base_of(found, root))


def repository(path: Path) -> Path:
    """The folder in whose context a path is judged: with the nearest `.git` upwards, else with the outermost
    pyproject.toml, else its own."""
    start = path if path.is_dir() else path.parent
    above = (start, *start.parents)
    for folder in above:
        if (folder / ".git").exists():
            return folder
    projects = [folder for folder in above if (folder / SHARED_FILE).is_file()]
    return projects[-1] if projects else start


def common(paths: Iterable[Path | str]) -> Path:
    absolute = [os.path.realpath(path) for path in paths] or [os.getcwd()]
    place = Path(os.path.commonpath(absolute))
    return place if place.is_dir() else place.parent


def nearest_file(place: Path, root: Path) -> Path | None:
    """The configuration file nearest above `place`, none from outside `root`."""
    for folder in (place, *place.parents):
        own, shared = folder / OWN_FILE, folder / SHARED_FILE
        if own.is_file():
            if shared.is_file() and table_of(shared) is not None:
                raise Mistake(
                    f"{shown(own)} and [{TABLE}] in {shown(shared)} both configure datakeel: keep one of them"
                )
            return own
        if shared.is_file() and table_of(shared) is not None:
            return shared
        if folder == root:
            return None
    return None


def read(file: Path, *, explicit: bool) -> tuple[str, dict[str, object]]:
    """A configuration file's text and its table for datakeel."""
    text, whole = parsed(file)
    if file.name != SHARED_FILE:
        return text, whole
    table = inner(whole, file)
    if table is None and explicit:
        raise Mistake(f"{shown(file)} has no table [{TABLE}]")
    return text, table or {}


def table_of(file: Path) -> dict[str, object] | None:
    """The table for datakeel in a pyproject.toml; one that is not about datakeel may be broken without our saying
    so."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return inner(parsed(file)[1], file) if "datakeel" in text else None


def inner(whole: Mapping[str, object], file: Path) -> dict[str, object] | None:
    tool = whole.get("tool")
    table = tool.get("datakeel") if isinstance(tool, dict) else None
    if not isinstance(table, dict | None):
        raise Mistake(f"{shown(file)}: [{TABLE}] must be a table")
    return table


def parsed(file: Path) -> tuple[str, dict[str, object]]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
        return text, tomllib.loads(text)
    except OSError as error:
        raise Mistake(f"cannot read {shown(file)}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Mistake(f"{shown(file)} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise Mistake(f"{shown(file)} is not TOML: {error}") from None


def base_of(file: Path, root: Path) -> str:
    """The folder of a configuration file from the root, with a closing slash; empty for the root itself and for a
    file elsewhere."""
    relative = os.path.relpath(os.path.realpath(file.parent), os.path.realpath(root)).replace(os.sep, "/")
    return "" if relative == "." or relative.startswith("..") else relative + "/"


def shown(file: Path) -> str:
    """A path as the user would type it."""
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative.replace(os.sep, "/")


class Parser:
    """Turns one file's table into a Config, and collects every fault on the way."""

    def __init__(self, file: Path, text: str, rules: Mapping[str, str]) -> None:
        self.file = file
        self.lines = text.splitlines()
        self.categories = frozenset(rules.values())
        self.rules = frozenset(rules)
        self.names = self.rules | self.categories
        self.faults: list[str] = []

    def config(self, table: Mapping[str, object], *, base: str) -> Config:
        keys = ("select", "ignore", "exclude", "severity", "per-path", "library", "libraries", "facts", "rules")
        self.only(table, keys, "")
        team = self.team(table)
        self.names |= {rule.name for rule in team}
        own, (files, named) = self.tables(table, "library"), self.library_files(table)
        read = Config(
            select=self.rule_names(table, "select"),
            ignore=self.rule_names(table, "ignore"),
            exclude=self.words(table, "exclude"),
            severity=self.severities(table, "severity"),
            per_path=tuple(self.per_path(part) for part in self.tables(table, "per-path")),
            libraries=(*own, *files),
            origins=(*(shown(self.file) for _ in own), *named),
            facts=self.facts(table.get("facts", {})),
            team=team,
            base=base,
            source=shown(self.file),
        )
        if self.faults:
            raise Mistake("\n".join(dict.fromkeys(self.faults)))
        return read

    def per_path(self, part: Mapping[str, object]) -> PerPath:
        self.only(part, ("path", "ignore", "severity"), "per-path")
        path = part.get("path")
        if not isinstance(path, str) or not path:
            self.fault("per-path", 'each [[per-path]] needs path = "glob"')
            path = ""
        return PerPath(path=path, ignore=self.rule_names(part, "ignore"), severity=self.severities(part, "severity"))

    def facts(self, table: object) -> Facts:
        if not isinstance(table, dict):
            self.fault("facts", "facts must be a table: [facts]")
            return Facts()
        self.only(table, Facts.__struct_fields__, "facts")
        return Facts(**{name: self.words(table, name) for name in Facts.__struct_fields__})

    def severities(self, table: Mapping[str, object], key: str) -> dict[str, Severity]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.fault(key, f'{key} must be a table, as in {key} = {{lost-update = "minor"}}')
            return {}
        read = {}
        for name, word in value.items():
            self.known_rule(name)
            if isinstance(word, str) and word in SEVERITIES:
                read[name] = SEVERITIES[word]
            else:
                self.fault(name, unknown("severity", str(word), SEVERITIES))
        return read

    def rule_names(self, table: Mapping[str, object], key: str) -> tuple[str, ...]:
        names = self.words(table, key)
        for name in names:
            self.known_rule(name)
        return names

    def known_rule(self, name: str) -> None:
        if name not in self.names:
            self.fault(name, unknown("rule", name, self.names))

    def words(self, table: Mapping[str, object], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return tuple(value)
        self.fault(key, f'{key} must be a list of texts, as in {key} = ["…"]')
        return ()

    def tables(self, table: Mapping[str, object], key: str) -> tuple[dict[str, object], ...]:
        value = table.get(key, [])
        if isinstance(value, list) and all(isinstance(part, dict) for part in value):
            return tuple(value)
        self.fault(key, f"{key} must be a list of tables: [[{key}]]")
        return ()

    def library_files(self, table: Mapping[str, object]) -> tuple[tuple[dict[str, object], ...], tuple[str, ...]]:
        """The models in files of their own, and those files' names."""
        read, names = [], []
        for name in self.words(table, "libraries"):
            try:
                read.append(parsed(self.file.parent / name)[1])
                names.append(shown(self.file.parent / name))
            except Mistake as mistake:
                self.fault(name, str(mistake))
        return tuple(read), tuple(names)

    def team(self, table: Mapping[str, object]) -> tuple[TeamRule, ...]:
        """The rules in the folders that `rules` names, by their files alone."""
        found: dict[str, TeamRule] = {}
        for folder in self.words(table, "rules"):
            try:
                for rule in team_rules(self.file.parent / folder, self.categories):
                    if rule.name in self.rules or rule.name in found:
                        whose = "datakeel's" if rule.name in self.rules else "another file's"
                        self.fault(folder, f"{rule.file}: {rule.name} is {whose} rule already; give it another name")
                    found[rule.name] = rule
            except Mistake as mistake:
                for text in str(mistake).split("\n"):
                    self.fault(folder, text)
        return tuple(found.values())

    def only(self, table: Mapping[str, object], keys: Iterable[str], where: str) -> None:
        for key in table:
            if key not in keys:
                self.fault(key, unknown("key", key, keys) + (f" (in {where})" if where else ""))

    def fault(self, word: str, text: str) -> None:
        """Notes a fault, with the line where its word stands first (TOML's reader does not keep lines)."""
        pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
        code = (number for number, line in enumerate(self.lines, 1) if pattern.search(line.split("#")[0]))
        line = next(code, None)
        self.faults.append(f"{shown(self.file)}:{line}: {text}" if line else f"{shown(self.file)}: {text}")


def team_rules(folder: Path, categories: Collection[str]) -> tuple[TeamRule, ...]:
    """The rules of a folder: in it a folder for each category, in that a file and a page for each rule. Raises
    Mistake with every fault on a line of its own."""
    if not folder.is_dir():
        raise Mistake(f"there is no folder {shown(folder)} with rules")
    found, faults = [], []
    for file in sorted(f for f in folder.rglob("*") if f.suffix in (".py", ".md") and "__pycache__" not in f.parts):
        category = file.relative_to(folder).parent.as_posix()
        if file.name.startswith("_") or (file.suffix == ".md" and category == "."):
            continue
        other = file.with_suffix(".md" if file.suffix == ".py" else ".py")
        if category == ".":
            faults.append(
                f"{shown(file)}: a rule stands in a folder named as its category: {', '.join(sorted(categories))}"
            )
        elif category not in categories:
            faults.append(f"{shown(file)}: {unknown('category', category, categories)}")
        elif not other.is_file():
            missing = "page" if file.suffix == ".py" else "rule"
            faults.append(f"{shown(file)} has no {missing}: write {shown(other)} beside it")
        elif file.suffix == ".py":
            found.append(TeamRule(file.stem.replace("_", "-"), category, str(file.resolve())))
    if faults:
        raise Mistake("\n".join(faults))
    return tuple(found)


class Globs:
    """A list of globs in git-ignore form; what it needs is loaded when there are any."""

    def __init__(self, globs: tuple[str, ...]) -> None:
        from pathspec import GitIgnoreSpec  # noqa: PLC0415  (start-up: most reviews have no glob)

        self.spec = GitIgnoreSpec.from_lines(globs)

    def match_file(self, path: str) -> bool:
        return self.spec.match_file(path)


@lru_cache(maxsize=256)
def compiled(globs: tuple[str, ...]) -> Globs:
    return Globs(globs)
