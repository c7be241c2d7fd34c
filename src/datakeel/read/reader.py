"""All readers in order: facts of files → the linked system."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from datakeel.model.system import System
from datakeel.read.depth import deep
from datakeel.read.facts import Facts, cores
from datakeel.read.kept import Kept
from datakeel.read.libraries import Libraries, Table, given, shipped
from datakeel.read.link import Link


@deep
def system(
    facts: Facts,
    models: Iterable[Mapping[str, object]] = (),
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
    kept: Kept | None = None,
    tables: Iterable[Table] | None = None,
) -> System:
    """Links the facts of a project into its system. `models` are the team's own library models, as tables are parsed;
    `jobs` the processes that link (0: one for each core); `kept` what the last review left; `tables` the shipped
    library models, where they are at hand."""
    modules = facts.modules()
    names: dict[str, str] = {}
    for path in facts.files:
        for name in modules.names(path)[:1]:
            names[name] = path
    for path in facts.files:
        for name in modules.names(path)[1:]:
            names.setdefault(name, path)
    roles = {source.path: source.role for source in facts.sources.files}
    libraries = Libraries((*(shipped("python") if tables is None else tables), *given(models)))
    link = Link(names, facts.files, roles, libraries, facts.sql, modules.roots, facts.elsewhere)
    return link.system(facts.remarks(), progress, jobs or cores(), kept)
