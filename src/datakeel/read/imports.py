"""Which modules of a program are run: those that begin something, or that something finds by a name or in a folder, and
those that they import."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from datakeel.model.operation import Role
from datakeel.read.program import Assign, Call, Evaluate, Global, If, Loop, Statement, Try, With, body
from datakeel.read.symbols import Module

# What frameworks, servers and people find by its name, wherever it lies
FOUND = re.compile(
    r"(__main__|admin|apis?|apps?|application|asgi|checks|cli|cms_\w+|conf|config|conftest|cron|dashboards?|documents|env"
    r"|fabfile|feeds|function_app|gunicorn\w*|handlers?|hooks|index|jobs?|lambda\w*|main|manage|menus?|models|noxfile"
    r"|plugins?|receivers|resources|routing|run\w*|search_indexes|serve\w*|service|settings\w*|setup\w*|sitemaps?"
    r"|start\w*|subscribers|translation|uwsgi\w*|urls|wagtail_hooks|web|workers?|wsgi|\w*celery\w*|\w+_app)$"
)
FOLDERS = re.compile(
    r"(^|/)(bin|cogs|commands|conf|config|dags|extensions|functions|hooks|jobs|lambdas?|locale|migrations|plugins|scripts"
    r"|settings|spiders|templatetags|versions)/"
)
FINDS_TASKS = frozenset(("autodiscover_tasks", "autodiscover", "djhuey", "django_dramatiq", "run_huey", "django_q"))
# what a server is told to run
APPLICATIONS = frozenset(("app", "application", "api", "celery", "dag", "handler", "lambda_handler", "server"))
STARTED = frozenset(("main", "handler", "lambda_handler", "application"))
# A piece of code that names one of each takes in whatever modules it finds in a folder
LOADS = frozenset(
    (
        *("import_module", "__import__", "import_string", "exec_module", "spec_from_file_location", "find_module"),
        *("load_module", "load_source", "exec", "run_path"),
    )
)
WALKS = frozenset(("listdir", "iterdir", "glob", "iglob", "rglob", "iter_modules", "walk_packages", "scandir", "walk"))
FEW, SHARE = 3, 0.1  # so many modules of a folder, at least, and as parts of all, are not left out by oversight


class Imports:
    """The modules of a program, by their paths: which are run. `modules` are all, each with its role."""

    def __init__(self, modules: Iterable[tuple[Module, Role]]) -> None:
        self.modules = {module.path: module for module, _ in modules}
        self.scripts = {module.path for module, role in modules if role == Role.SCRIPT}
        self.walked = any(walks(code.names) for m in self.modules.values() for code in m.file.bodies)
        self.endings: dict[str, list[str]] = {}
        for path in self.modules:
            parts = dotted(path).split(".")
            for start in range(len(parts)):
                self.endings.setdefault(".".join(parts[start:]), []).append(path)

    def begun(self) -> list[str]:
        """Those that are run though none imports them: what frameworks and people find by its name, and what says that
        it is a program."""
        return [
            path
            for path, module in self.modules.items()
            if path in self.scripts
            or FOUND.match(stem(path))
            or FOLDERS.search(path)
            or not stem(path).isidentifier()
            or "__main__" in module.file.words
            or any(s.name in STARTED for s in module.file.functions)
        ]

    def imported(self, module: Module) -> Iterator[str]:
        """The modules that one imports, in its functions too, and the packages that they stand in. A name means every
        module whose path ends in it: one project may hold several services."""
        for name in (*(i.dotted for i in module.file.imports), *module.file.stars, *module.file.loads):
            if name.startswith("~"):
                yield from self.beside(module, name[1:])
            elif not name.startswith((".", "?")):
                parts = name.split(".")
                for end in range(1, len(parts) + 1):
                    yield from self.endings.get(".".join(parts[:end]), ())

    def beside(self, module: Module, name: str) -> Iterator[str]:
        """The modules that a relative name means (``..orders.Order``)."""
        inner = name.lstrip(".")
        folders = module.path.split("/")[:-1]
        start = folders[: len(folders) - (len(name) - len(inner)) + 1]
        parts = inner.split(".") if inner else []
        for end in range(len(parts) + 1):
            place = "/".join((*start, *parts[:end]))
            yield from (p for p in (f"{place}.py", f"{place}/__init__.py") if p in self.modules)

    def further(self, entered: Collection[str], texts: Collection[str], words: Collection[str]) -> list[str]:
        """Of those that are not entered the ones that are run all the same: what does something by itself, what a text
        names, and what stands in a folder of which so many are not imported that something must find them. `texts` and
        `words` are the names in strings and in code."""
        left = [path for path in self.modules if path not in entered]
        tasks = not (FINDS_TASKS.isdisjoint(words) and FINDS_TASKS.isdisjoint(texts))
        named = [p for p in left if self.walked or stem(p) in texts or (tasks and stem(p) == "tasks")]
        found = named or [p for p in left if acts(self.modules[p])]
        if found:
            return found
        folders = Counter(f for path in self.modules for f in above(path))
        closed = Counter(f for path in left for f in above(path))
        crowds = {f for f, n in closed.items() if n >= FEW and n >= SHARE * folders[f]}
        return [p for p in left if 2 * len(left) > len(self.modules) or not crowds.isdisjoint(above(p))]


def dotted(path: str) -> str:
    """
    >>> dotted("src/shop/__init__.py"), dotted("src/shop/pay.py")
    ('src.shop', 'src.shop.pay')
    """
    return path.rpartition(".")[0].removesuffix("/__init__").replace("/", ".")


def stem(path: str) -> str:
    return dotted(path).rpartition(".")[2]


def above(path: str) -> Iterator[str]:
    """The folders that a file stands in.

    >>> list(above("src/shop/pay.py"))
    ['src', 'src/shop']
    """
    parts = path.split("/")[:-1]
    return ("/".join(parts[:n]) for n in range(1, len(parts) + 1))


def walks(names: Collection[str]) -> bool:
    return not LOADS.isdisjoint(names) and not WALKS.isdisjoint(names)


def acts(module: Module) -> bool:
    """Whether a module's own code does more than to give names to values, or makes what a server is told to run."""
    return any(map(does, body(module.file.bodies[-1]))) or any(map(makes_application, module.file.constants))


def does(statement: Statement) -> bool:
    match statement:
        case Evaluate(Call()) | With() | Loop():
            return True
        case If():
            return any(map(does, (*statement.then, *statement.otherwise)))
        case Try():
            return any(map(does, statement.body))
    return False


def makes_application(statement: Statement) -> bool:
    if not isinstance(statement, Assign) or not isinstance(statement.value, Call):
        return False
    return any(isinstance(t, Global) and t.dotted.rpartition(".")[2] in APPLICATIONS for t in statement.targets)
