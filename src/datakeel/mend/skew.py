"""A lock on the rows of a set that is counted, and then made smaller: whoever comes second waits, and counts again."""

from __future__ import annotations

import ast

from datakeel.finding import Finding
from datakeel.mend.parts import Parts
from datakeel.mend.patch import Files, Patch
from datakeel.mistake import Mistake
from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.read.languages.python.draft import Draft, Refused

RULES = ("write-skew",)
SMALLER = ("update", "save", "delete")
# what a query of a set may be made of, that all its rows can be locked
STEPS = ("objects", "filter", "exclude", "all", "query", "where", "filter_by", "select_from", "count", "exists")


def patch(finding: Finding, system: System, files: Files) -> Patch:
    """Raises Mistake where no lock on rows that are there can stop the other run, or where the query is not plain."""
    operation, read, write, table = found(finding, system)
    if write.verb not in SMALLER:
        raise Mistake(
            f"{finding.place}: no row is there yet that two runs could both lock: read the row that owns the set of "
            f"{read.dataset} first, and lock it; or run the whole as SERIALIZABLE, and again where it is refused"
        )
    transaction = operation.transaction_of(write)
    ours = transaction is not None and transaction.number > 0
    if not ours or not operation.same_transaction(read, write) or read.chain or read.technology not in WRITERS:
        raise Mistake(f"{finding.place}: the count and the write do not stand in one transaction that is opened here")
    text = files.text(read.place.path)
    if text is None or (read.selection is not None and read.selection.joins):
        raise Mistake(f"{read.place}: rows of several tables are counted: no patch can be made")
    site, parts = Draft(text, read.place.path), Parts(files)
    try:
        WRITERS[read.technology](site, site.find(read.place, ast.Call), table)
        parts.draft(site)
    except Refused:
        raise Mistake(f"{read.place}: the query that counts is not plain enough for a patch") from None
    return parts.patch(f"lock the rows of {read.dataset} that are counted, to the commit")


def found(finding: Finding, system: System) -> tuple[Operation, Effect, Effect, Dataset]:
    """The function, what it counts, what it then writes, and the table."""
    places = {step.place for step in finding.story}
    for operation in system.operations:
        if operation.symbol != finding.symbol or operation.place.path != finding.place.path:
            continue
        reads = [e for e in operation.of(Kind.READ) if e.place in places and e.selection is not None]
        for write in operation.of(Kind.WRITE):
            table = system.dataset_of(write)
            read = next((e for e in reads if e.dataset == write.dataset and e.selection.aggregate), None)  # type: ignore[union-attr]
            if table is not None and read is not None and write.place in places:
                return operation, read, write, table
    raise Mistake(f"{finding.place}: what is counted, and what is then written, are not rows of one table")


def steps(call: ast.expr) -> list[str]:
    """The steps of a chain of calls, the last first."""
    found: list[str] = []
    node: ast.expr = call
    while isinstance(node, ast.Call | ast.Attribute):
        if isinstance(node, ast.Attribute):
            found.append(node.attr)
            node = node.value
        else:
            node = node.func
    return found


def plain(call: ast.Call) -> ast.Attribute:
    """The last step of a chain that only narrows a set. Raises Refused."""
    if not isinstance(call.func, ast.Attribute) or call.args or call.keywords or not set(steps(call)) <= set(STEPS):
        raise Refused
    return call.func


def for_django(site: Draft, call: ast.Call, table: Dataset) -> None:
    """``rows.count()`` → ``len(rows.select_for_update().order_by("pk"))``; ``exists`` is the truth of the same."""
    last = plain(call)
    if isinstance(site.function(call), ast.AsyncFunctionDef) or last.attr not in ("count", "exists"):
        raise Refused
    locked = f"{gap(site, last)}.select_for_update(){gap(site, last)}.order_by({site.string('pk')})"
    site.insert(site.start(call), f"{'len' if last.attr == 'count' else 'bool'}(")
    site.replace(site.end(last.value), site.end(call), f"{locked})")


def for_sqlalchemy(site: Draft, call: ast.Call, table: Dataset) -> None:
    """``session.query(Model).filter(…).count()``, or ``session.scalar(select(func.count())…)`` → the number of the
    rows' keys, which are locked."""
    key = table.schema.primary_key()
    model = table.model.rpartition(".")[2]
    if len(key) != 1 or not model:
        raise Refused
    column = f"{model}.{key[0]}"
    ordered = f".order_by({column})", ".with_for_update()"
    if isinstance(call.func, ast.Attribute) and call.func.attr == "count" and "query" in steps(call):
        last = plain(call)
        behind = "".join(f"{gap(site, last)}{step}" for step in (*ordered, ".all()"))
        site.insert(site.start(call), "len(")
        return site.replace(site.end(last.value), site.end(call), f"{behind})")
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "scalar" or len(call.args) != 1:
        raise Refused
    node: ast.expr = call.args[0]
    asked: list[str] = []
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("where", "filter", "filter_by"):
            inner = site.text[site.end(node.func) : site.end(node)]
            asked.insert(0, f".{node.func.attr}{inner}")
        elif node.func.attr != "select_from" or site.source(node.args[0]) != model:
            raise Refused
        node = node.func.value
    counted = isinstance(node, ast.Call) and len(node.args) == 1 and site.source(node.args[0]).startswith("func.count(")
    if not counted or not isinstance(node, ast.Call) or any("\n" in one for one in asked):
        raise Refused
    waited = isinstance(site.parents[call], ast.Await)
    session = f"{site.source(call.func.value)}.scalars"
    chain = f"{site.source(node.func)}({column}){''.join((*asked, *ordered))}"
    rows = f"(await {session}({chain})).all()" if waited else f"{session}({chain}).all()"
    whole = site.parents[call] if waited else call
    indent = " " * (len(site.indent(site.statement(call))) + 4)
    if not site.fits(f"{indent}len({rows})"):
        lines = [f"{site.source(node.func)}({column})", *asked, *ordered]
        laid = "".join(f"\n{indent}    {line}" for line in lines)
        rows = f"(await {session}({laid}\n{indent})).all()" if waited else f"{session}({laid}\n{indent}).all()"
        return site.replace(site.start(whole), site.end(whole), f"len(\n{indent}{rows}\n{indent[:-4]})")
    return site.replace(site.start(whole), site.end(whole), f"len({rows})")


def gap(site: Draft, last: ast.Attribute) -> str:
    """What stands before the last step of a chain, where each step has its own line."""
    end = site.end(last.value)
    between = site.text[end : site.text.index(".", end)]
    return between if "\n" in between and not between.strip() else ""


WRITERS = {"django": for_django, "sqlalchemy": for_sqlalchemy}
