"""A cure's changes → edits of one Python file that keep its formatting and its comments, or none where that is not
surely right."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from datakeel.finding import Change, Edit
from datakeel.read.languages.python.draft import FUNCTIONS, LINE_END, Draft, Refused, call_text

FOUND_BY = ("get", "first", "last", "one", "one_or_none", "scalar_one", "scalar_one_or_none")
LOOKED_UP = ("get_object_or_404", "aget_object_or_404")
APART = ("values", "values_list", "annotate", "aggregate", "distinct", "union", "select_related", "join", "outerjoin",
         "options", "group_by", "raw", "select_for_update", "with_for_update", "execution_options")  # fmt: skip
QUERY_OF_ONE_TABLE = re.compile(r"\s*select\b(?!.*\b(?:for|distinct|group|union|join|limit|count|sum)\b)", re.I | re.S)
KEPT_BY = ("add", "refresh", "merge", "delete", "expunge")  # of a session: what it is given, it does not look into
NEVER_WAITS = re.compile(r"\bput_nowait\b|\bblock\s*=\s*False\b")
WORD = re.compile(r"\w+")
ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}


def edits(text: str, path: str, changes: Sequence[Change]) -> tuple[Edit, ...]:
    """All of a cure's changes in one file, or none of them."""
    try:
        draft = Draft(text, path)
        for change in changes:
            HOW[change.how](draft, change)
    except (Refused, SyntaxError, ValueError, KeyError, RecursionError):
        return ()
    return draft.edits()


def unused(before: str, after: str) -> tuple[Edit, ...]:
    """What takes out of a text the imports that its edits left without a use."""
    try:
        was, draft = Draft(before, ""), Draft(after, "")
    except (SyntaxError, ValueError, RecursionError):
        return ()
    no_more = spoken(was) - spoken(draft)
    for one in imports_of(draft):
        gone = [(a.asname or a.name.partition(".")[0]) in no_more for a in one.names]
        if any(gone) and "#" not in LINE_END.split(after[draft.start(one) :], 1)[0]:
            drop(draft, one, gone)
    return draft.edits()


def imports_of(draft: Draft) -> list[ast.Import | ast.ImportFrom]:
    return [n for n in ast.walk(draft.tree) if isinstance(n, ast.Import | ast.ImportFrom)]


def spoken(draft: Draft) -> set[str]:
    """All words of a text but those of its imports."""
    text, position, found = draft.text, 0, set[str]()
    for one in sorted(imports_of(draft), key=draft.start):
        found.update(WORD.findall(text[position : draft.start(one)]))
        position = draft.end(one)
    return found | set(WORD.findall(text[position:]))


def drop(draft: Draft, one: ast.Import | ast.ImportFrom, gone: list[bool]) -> None:
    """Takes names out of an import; all of them are the whole statement."""
    if all(gone):
        alone = draft.starts[one.lineno - 1] == draft.start(one)
        if alone and len(getattr(draft.parents[one], "body", ())) > 1:
            before = LINE_END.split(draft.text[: draft.start(one)])
            blank = LINE_END.match(draft.text, draft.behind(one)) if not any(before[-2:]) else None
            draft.replace(draft.start(one), blank.end() if blank is not None else draft.behind(one), "")
        return
    kept = [a for a, g in zip(one.names, gone, strict=True) if not g]
    for number, alias in enumerate(one.names):
        if not gone[number]:
            continue
        if number + 1 < len(one.names):
            draft.replace(draft.start(alias), draft.start(one.names[number + 1]), "")
        else:
            draft.replace(draft.end(kept[-1]), draft.end(alias), "")


# Options --------------------------------------------------------------------------------------------------------------


def argument(draft: Draft, change: Change) -> None:
    """``requests.get(url)`` → ``requests.get(url, timeout=10)``."""
    call = draft.find(change.place, ast.Call)
    if any(k.arg in (None, change.name) for k in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args):
        raise Refused  # it may be given already
    if change.name == "maxsize" and NEVER_WAITS.search(draft.text):
        raise Refused  # a full queue would refuse what nobody expects it to
    if change.library == "grpc" and not answered_once(draft, call):
        raise Refused  # a limit is one for the whole stream, and cuts it
    draft.add_argument(call, f"{change.name}={qualified(draft, change.text, call)}")


def answered_once(draft: Draft, call: ast.Call) -> bool:
    """Whether a call surely gives one answer, and no stream of them: it is waited for, or what it gives is kept and
    never gone through."""
    parent = draft.parents[call]
    if isinstance(draft.function(call), ast.AsyncFunctionDef):
        return isinstance(parent, ast.Await)
    if isinstance(parent, ast.Expr):
        return True
    if not isinstance(parent, ast.Assign) or not isinstance(parent.targets[0], ast.Name):
        return False
    loads = [n for n in uses(draft, parent.targets[0].id, call) if isinstance(n.ctx, ast.Load)]
    return all(isinstance(draft.parents[n], ast.Attribute | ast.Return) for n in loads)


def qualified(draft: Draft, text: str, at: ast.AST) -> str:
    """A value that begins with a module (``aiohttp.ClientTimeout(…)``), as that module is called here."""
    head, dot, rest = text.partition(".")
    return f"{draft.module(head, at)}.{rest}" if dot and head.isidentifier() else text


def option(draft: Draft, change: Change) -> None:
    """``Producer({"acks": 1})`` → ``Producer({"acks": "all"})``; an option that is not given is added."""
    call = draft.find(change.place, ast.Call)
    change = replace(change, text=draft.string(change.text[1:-1]) if change.text[:1] == '"' else change.text)
    tables = [a for a in (*call.args, *(k.value for k in call.keywords)) if isinstance(a, ast.Dict)]
    given = [k.value for k in call.keywords if k.arg == change.name]
    given += [v for t in tables for k, v in zip(t.keys, t.values, strict=True) if names(k, change.name)]
    if given:
        if len(given) > 1 or not isinstance(given[0], ast.Constant):
            raise Refused
        draft.replace(draft.start(given[0]), draft.end(given[0]), change.text)
    elif tables and not call.keywords:
        into_table(draft, tables[0], change)
    else:
        argument(draft, change)


def names(key: ast.expr | None, name: str) -> bool:
    return isinstance(key, ast.Constant) and key.value == name


def into_table(draft: Draft, table: ast.Dict, change: Change) -> None:
    if None in table.keys or not table.values:
        raise Refused
    first = table.keys[0]
    assert first is not None
    own_line = draft.line_of(draft.start(first)) > draft.line_of(draft.start(table))
    gap = "\n" + draft.before(first) if own_line else " "
    draft.insert(draft.start(first), f"{draft.string(change.name)}: {change.text},{gap}")


def columns(draft: Draft, change: Change) -> None:
    """``order.save()`` → ``order.save(update_fields=["status"])``."""
    call = draft.find(change.place, ast.Call)
    row = receiver(call)
    if call.args or call.keywords or not isinstance(row, ast.Name):
        raise Refused
    if given_away(draft, row, call):
        raise Refused  # others may have set more of it
    listed = ", ".join(draft.string(field(draft, call, row, name)) for name in change.name.split(","))
    draft.add_argument(call, f"update_fields=[{listed}]")


def field(draft: Draft, call: ast.Call, row: ast.Name, column: str) -> str:
    """What the function calls a column: that of a relation has an ending which its field has not."""
    named = column.removesuffix("_id")
    given = {n.attr for n in ast.walk(draft.function(call)) if isinstance(n, ast.Attribute) and same(n.value, row)}
    return named if column not in given and named in given else column


def same(node: ast.expr, row: ast.Name) -> bool:
    return isinstance(node, ast.Name) and node.id == row.id


def receiver(call: ast.Call) -> ast.expr:
    if not isinstance(call.func, ast.Attribute):
        raise Refused
    return call.func.value


def given_away(draft: Draft, row: ast.Name, call: ast.Call) -> bool:
    """Whether a row is used in any other way than through its own attributes and methods."""
    for use in uses(draft, row.id, call):
        if isinstance(use.ctx, ast.Load) and not isinstance(draft.parents[use], ast.Attribute):
            return True
    return False


def uses(draft: Draft, name: str, near: ast.AST) -> Iterator[ast.Name]:
    holder = draft.function(near)
    return (n for n in ast.walk(holder) if isinstance(n, ast.Name) and n.id == name)


# Rows -----------------------------------------------------------------------------------------------------------------


def lock(draft: Draft, change: Change) -> None:
    """``Account.objects.get(pk=1)`` → ``Account.objects.select_for_update().get(pk=1)``, and the like."""
    call = draft.find(change.place, ast.Call)
    LOCKS.get(change.library, sql_lock)(draft, call)


def django_lock(draft: Draft, call: ast.Call) -> None:
    if isinstance(draft.function(call), ast.AsyncFunctionDef):
        raise Refused
    if isinstance(call.func, ast.Name) and call.func.id in LOOKED_UP:
        model = call.args[0] if call.args else None
        if not isinstance(model, ast.Name) or not model.id[:1].isupper():
            raise Refused
        return draft.insert(draft.end(model), ".objects.select_for_update()")
    return before_last(draft, call, ".select_for_update()")


def before_last(draft: Draft, call: ast.Call, text: str) -> None:
    """Puts a step into a chain of calls, before its last."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in FOUND_BY or chained(call) & set(APART):
        raise Refused
    queried = call.func.value
    end = draft.end(queried)
    between = draft.text[end : draft.text.index(".", end)]
    if between.strip():
        raise Refused
    draft.insert(end, f"{between}{text}" if "\n" in between else text)


def chained(call: ast.expr) -> set[str]:
    """The names of the steps of a chain of calls."""
    found: set[str] = set()
    node: ast.expr = call
    while True:
        match node:
            case ast.Call(func=inner):
                node = inner
            case ast.Attribute(value=inner, attr=name):
                found.add(name)
                node = inner
            case _:
                return found


def sqlalchemy_lock(draft: Draft, call: ast.Call) -> None:
    if not isinstance(call.func, ast.Attribute):
        raise Refused
    given = call.args[0] if call.args else None
    if call.func.attr == "get" and len(call.args) == 2 and "query" not in chained(call):
        if any(k.arg in (None, "with_for_update") for k in call.keywords):
            raise Refused
        return draft.add_argument(call, "with_for_update=True")
    if "query" in chained(call):
        return before_last(draft, call, ".with_for_update()")
    if call.func.attr not in ("execute", "scalar", "scalars") or not isinstance(given, ast.Call):
        raise Refused
    steps = chained(given)
    root: ast.expr = given
    while isinstance(root, ast.Call | ast.Attribute) and not (
        isinstance(root, ast.Attribute) and root.attr == "select"
    ):
        root = root.func if isinstance(root, ast.Call) else root.value
    known = (isinstance(root, ast.Name) and root.id == "select") or isinstance(root, ast.Attribute)
    if not known or steps & set(APART) or len(call.args) != 1:
        raise Refused
    return draft.insert(draft.end(given), ".with_for_update()")


def sql_lock(draft: Draft, call: ast.Call) -> None:
    """``SELECT … WHERE id = %s`` → ``SELECT … WHERE id = %s FOR UPDATE``."""
    text = call.args[0] if call.args else None
    if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
        raise Refused
    if not QUERY_OF_ONE_TABLE.match(text.value) or "--" in text.value:
        raise Refused
    written = draft.source(text)
    closing = written[-3:] if written[-3:] in ('"""', "'''") else written[-1:]
    body = written[: -len(closing)].rstrip().rstrip(";").rstrip()
    if body.endswith("\\") or not body.strip("\"' \n"):
        raise Refused
    draft.insert(draft.start(text) + len(body), " FOR UPDATE")


LOCKS: dict[str, Callable[[Draft, ast.Call], None]] = {"django": django_lock, "sqlalchemy": sqlalchemy_lock}


def atomic(draft: Draft, change: Change) -> None:
    """``account.balance += amount`` → ``account.balance = F("balance") + amount``; its row is saved once, and read
    again where others look at it behind that."""
    statement, target, value = assignment(draft, change)
    row = target.value
    if not isinstance(row, ast.Name):
        raise Refused
    holder = draft.function(statement)
    touched = [
        n
        for n in ast.walk(holder)
        if isinstance(n, ast.Attribute) and n.attr == change.name and n is not target and not of_another(draft, n, row)
    ]
    old = value.left if isinstance(value, ast.BinOp) and not isinstance(statement, ast.AugAssign) else None
    saving = saved_once(draft, row, statement) if change.library == "django" else statement
    later = draft.end(saving) if saving is not statement else len(draft.text)
    if any(n is not old and draft.start(n) < later for n in touched) or isinstance(holder, ast.Module):
        raise Refused
    if change.library == "django":
        now = f"{draft.name('django.db.models', 'F', statement)}({draft.string(change.name)})"
        if any(looked_at(draft, n) for n in uses(draft, row.id, statement) if draft.start(n) > later):
            again = f"{row.id}.refresh_from_db(fields=[{draft.string(change.name)}])"
            draft.insert(draft.behind(saving), f"{draft.indent(saving)}{again}\n")
    elif change.library == "sqlalchemy":
        kept_by_session(draft, row, statement)
        if len(list(draft.binders(draft.tree, change.text))) != 1 or draft.bound_inside(change.text, statement):
            raise Refused
        now = f"{change.text}.{change.name}"
    else:
        raise Refused
    if isinstance(statement, ast.AugAssign):
        sign = ARITHMETIC.get(type(statement.op), "")
        if not sign:
            raise Refused
        text = f"{draft.source(target)} = {now} {sign} {draft.operand(statement.value)}"
        return draft.replace(draft.start(statement), draft.end(statement), text)
    assert old is not None
    return draft.replace(draft.start(old), draft.end(old), now)


def of_another(draft: Draft, attribute: ast.Attribute, row: ast.Name) -> bool:
    """Whether an attribute is that of a row with a name of its own: neither of the two names is ever given away."""
    other = attribute.value
    if not isinstance(other, ast.Name) or other.id == row.id:
        return False
    return not any(bound_to(draft, name) for one in (row, other) for name in uses(draft, one.id, attribute))


def bound_to(draft: Draft, use: ast.Name) -> bool:
    """Whether a row gets another name here, or may: it is assigned, or is an element of something."""
    parent = draft.parents[use]
    return isinstance(use.ctx, ast.Load) and not isinstance(parent, ast.Attribute | ast.Call | ast.keyword)


def assignment(draft: Draft, change: Change) -> tuple[ast.stmt, ast.Attribute, ast.expr]:
    """The only statement round a place, or in the function that holds it, that computes a column of a row from what
    the row holds."""
    begin = draft.offset(change.place.line, change.place.column)
    span = begin, draft.offset(change.place.end_line, change.place.end_column)
    there = draft.at.get(span, ())
    here = next((draft.function(n) for n in there), draft.tree)
    saved = next((n.func.value for n in there if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)), None)
    row = saved.id if method_at(there) == "save" and isinstance(saved, ast.Name) else ""
    for one in (s for s in ast.walk(here) if isinstance(s, ast.Assign | ast.AugAssign)):
        target = one.targets[0] if isinstance(one, ast.Assign) else one.target
        if not isinstance(target, ast.Attribute) or target.attr != change.name:
            continue
        if row and draft.source(target.value) != row:
            continue  # of another row
        if isinstance(one, ast.AugAssign):
            return one, target, one.value
        value = one.value
        plain = isinstance(value, ast.BinOp) and type(value.op) in ARITHMETIC and len(one.targets) == 1
        if plain and draft.source(value.left) == draft.source(target):  # type: ignore[attr-defined]
            return one, target, value
    raise Refused


def method_at(nodes: Sequence[ast.AST]) -> str:
    return next((method(n) for n in nodes if isinstance(n, ast.Call)), "")


def saved_once(draft: Draft, row: ast.Name, statement: ast.stmt) -> ast.stmt:
    """The statement that saves a row behind another one in its block. Raises Refused where it is not the only one, or
    where the row is used in between: an expression that waits to be saved is no number, and each save would apply it
    again. A row that the function is given is used by whoever gave it."""
    if any(isinstance(n, ast.arg) for n in draft.binders(draft.function(statement), row.id)):
        raise Refused
    behind = [n for n in uses(draft, row.id, statement) if draft.start(n) > draft.end(statement)]
    saves = [n for n in behind if isinstance(s := up(draft, n, 2), ast.Call) and method(s) in ("save", "asave")]
    if len(saves) != 1 or method_of(draft, saves[0]) != "save":
        raise Refused
    saved = draft.statement(saves[0])
    before = [n for n in behind if draft.start(n) < draft.start(saves[0])]
    if draft.parents[saved] is not draft.parents[statement] or any(not of_relation(draft, n) for n in before):
        raise Refused
    if not isinstance(saved, ast.Expr):
        raise Refused
    loop = next((n for n in draft.above(statement) if isinstance(n, (ast.For, ast.While, *FUNCTIONS))), None)
    bound = (n for n in uses(draft, row.id, statement) if isinstance(n.ctx, ast.Store))
    if isinstance(loop, ast.For | ast.While) and not any(loop in draft.above(n) for n in bound):
        raise Refused
    return saved


def method_of(draft: Draft, row: ast.Name) -> str:
    """The method that is called on a row."""
    call = up(draft, row, 2)
    return method(call) if isinstance(call, ast.Call) else ""


def of_relation(draft: Draft, row: ast.Name) -> bool:
    """Whether a row is only named as the owner of others: ``invite.guests.add(user)``."""
    call = up(draft, row, 3)
    return isinstance(call, ast.Call) and method(call) in ("add", "remove", "set", "clear")


def looked_at(draft: Draft, use: ast.Name) -> bool:
    """Whether a row is read in another way than by its key."""
    parent = draft.parents[use]
    return isinstance(use.ctx, ast.Load) and not (isinstance(parent, ast.Attribute) and parent.attr in ("pk", "id"))


def up(draft: Draft, node: ast.AST, steps: int) -> ast.AST | None:
    for _ in range(steps):
        if node not in draft.parents:
            return None
        node = draft.parents[node]
    return node


def method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def kept_by_session(draft: Draft, row: ast.Name, statement: ast.stmt) -> None:
    """Raises Refused where a row is looked into by others before it is flushed: until then the attribute is an
    expression."""
    for use in uses(draft, row.id, statement):
        parent = draft.parents[use]
        if draft.start(use) <= draft.end(statement) or isinstance(parent, ast.Attribute):
            continue
        if isinstance(parent, ast.Call) and method(parent) in KEPT_BY:
            continue
        if isinstance(parent, ast.Return) and flushed(draft, statement, use):
            continue
        raise Refused
    loop = next((n for n in draft.above(statement) if isinstance(n, (ast.For, ast.While, *FUNCTIONS))), None)
    if isinstance(loop, ast.For | ast.While):
        raise Refused


def flushed(draft: Draft, after: ast.AST, before: ast.AST) -> bool:
    calls = (n for n in ast.walk(draft.function(after)) if isinstance(n, ast.Call))
    ends = ("commit", "flush", "refresh")
    return any(method(c) in ends and draft.end(after) < draft.start(c) < draft.start(before) for c in calls)


# Statements -----------------------------------------------------------------------------------------------------------


def defer(draft: Draft, change: Change) -> None:
    """``bill.delay(order.id)`` → ``transaction.on_commit(partial(bill.delay, order.id))``: what it is called with is
    bound now."""
    call = draft.find(change.place, ast.Call)
    statement = draft.parents[call]
    if not isinstance(statement, ast.Expr) or isinstance(draft.function(call), ast.AsyncFunctionDef):
        raise Refused
    head = draft.name("django.db", "transaction", call) + ".on_commit("
    opening = draft.text.index("(", draft.end(call.func))
    if draft.text[draft.end(call.func) : opening].strip():
        raise Refused
    if not call.args and not call.keywords:
        if draft.text[opening + 1 : draft.end(call) - 1].strip():
            raise Refused
        draft.replace(draft.start(call), draft.end(call), f"{head}{draft.source(call.func)})")
        return
    if len(call.args) == 1 and isinstance(call.args[0], ast.GeneratorExp):
        raise Refused
    partial = draft.name("functools", "partial", call)
    items = sorted((*call.args, *call.keywords), key=draft.start)
    whole = draft.text[opening + 1 : draft.end(call) - 1]
    if "#" not in whole and not any(map(draft.several_lines, items)):
        indent = draft.indent(statement)
        bound = [draft.source(call.func), *map(draft.source, items)]
        inner = f"{partial}({', '.join(bound)})"
        if not draft.fits(f"{indent}{head}{inner})"):
            inner = f"\n{indent}    {call_text(partial, bound, indent + '    ', draft.width)}\n{indent}"
        return draft.replace(draft.start(call), draft.end(call), f"{head}{inner})")
    given = min((*call.args, *(k.value for k in call.keywords)), key=draft.start)
    own_line = not draft.before(given).strip()
    gap = f"\n{draft.before(given)}" if own_line else ""
    draft.insert(draft.start(call), f"{head}{partial}({gap}")
    draft.replace(opening, opening + 1, "," if own_line else ", ")
    draft.insert(draft.end(call), ")")


def savepoint(draft: Draft, change: Change) -> None:
    """The body of the handler's try goes into ``with transaction.atomic():``."""
    handlers = (n for n in ast.walk(draft.tree) if isinstance(n, ast.ExceptHandler) and n.lineno == change.place.line)
    handler = next(handlers, None)
    tried = draft.parents[handler] if handler is not None else None
    if not isinstance(tried, ast.Try):
        raise Refused
    first, last = tried.body[0], tried.body[-1]
    if any(isinstance(n, ast.Constant | ast.JoinedStr) and n.lineno != n.end_lineno for n in ast.walk(tried)):
        raise Refused  # text over several lines would be moved too
    if any(isinstance(n, ast.Yield | ast.YieldFrom) for s in tried.body for n in ast.walk(s)):
        raise Refused
    indent = draft.indent(first)
    step = indent[len(draft.indent(tried)) :] or "    "
    head = opened(draft, change, tried)
    draft.insert(draft.starts[first.lineno - 1], f"{indent}{head}:\n")
    for line in range(first.lineno, (last.end_lineno or last.lineno) + 1):
        begin = draft.starts[line - 1]
        if LINE_END.split(draft.text[begin:], 1)[0].strip():
            draft.insert(begin, step)


def opened(draft: Draft, change: Change, tried: ast.Try) -> str:
    """How a savepoint is opened in the words of the library."""
    if change.library == "django":
        if isinstance(draft.function(tried), ast.AsyncFunctionDef):
            raise Refused
        return f"with {draft.name('django.db', 'transaction', tried)}.atomic()"
    calls = [n for s in tried.body for n in ast.walk(s) if isinstance(n, ast.Call)]
    sessions = {draft.source(receiver(c)): c for c in calls if method(c) in ("flush", "add", "execute")}
    if change.library != "sqlalchemy" or len(sessions) != 1 or any(method(c) in ("commit", "rollback") for c in calls):
        raise Refused
    session = next(iter(sessions))
    waited = any(isinstance(draft.parents[c], ast.Await) for c in calls if method(c) in ("flush", "execute"))
    return f"{'async ' if waited else ''}with {session}.begin_nested()"


def sort(draft: Draft, change: Change) -> None:
    """``for line in lines:`` → ``for line in sorted(lines, key=lambda line: line.product_id):``"""
    begin = draft.offset(change.place.line, change.place.column)
    loops = [n for n in ast.walk(draft.tree) if isinstance(n, ast.For) and draft.start(n) <= begin < draft.end(n.iter)]
    if not loops or change.other is None or draft.hidden("sorted", loops[-1]):
        raise Refused
    loop = max(loops, key=draft.start)
    held = draft.find(change.other, ast.Call)
    keys = [k.value for k in keywords(held) if k.arg in ("pk", "id")] or held.args[1:2]
    if loop not in draft.above(held) or len(keys) != 1 or not isinstance(loop.target, ast.Name | ast.Tuple):
        raise Refused
    key = keys[0].elts[0] if isinstance(keys[0], ast.Tuple | ast.List) and len(keys[0].elts) == 1 else keys[0]
    if isinstance(loop.target, ast.Tuple):  # a key and what belongs to it: pairs go in the order of their keys
        first = loop.target.elts[0]
        pairs = isinstance(loop.iter, ast.Call) and method(loop.iter) == "items" and not loop.iter.args
        if not pairs or not isinstance(first, ast.Name) or draft.source(first) != draft.source(key):
            raise Refused
        by = ""
    elif draft.source(key) == loop.target.id:
        by = ""
    elif plain_path(key) == loop.target.id:
        by = f", key=lambda {loop.target.id}: {draft.source(key)}"
    else:
        raise Refused
    draft.insert(draft.start(loop.iter), "sorted(")
    draft.insert(draft.end(loop.iter), f"{by})")


def keywords(call: ast.Call) -> Iterator[ast.keyword]:
    """Those of a chain of calls, from its last: ``rows.filter(pk=1).update(…)``."""
    yield from call.keywords
    below: ast.expr = call.func
    while isinstance(below, ast.Attribute | ast.Call):
        if isinstance(below, ast.Call):
            yield from below.keywords
        below = below.func if isinstance(below, ast.Call) else below.value


def plain_path(node: ast.expr) -> str:
    """The variable that a path of attributes and constant keys begins with."""
    while isinstance(node, ast.Attribute) or (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def clock(draft: Draft, change: Change) -> None:
    """``time.time()`` → ``time.monotonic()``, in each reading that is only compared with the others."""
    reading = draft.find(change.place, ast.Call)
    readings, pending = {reading}, [reading]
    names: set[str] = set()
    while pending:
        one = pending.pop()
        for other in measured_with(draft, one, names):
            if other not in readings:
                readings.add(other)
                pending.append(other)
    if len(readings) < 2:
        raise Refused
    for one in readings:
        monotonic(draft, one)


def is_reading(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or node.args or node.keywords:
        return False
    match node.func:
        case ast.Attribute(value=ast.Name(id="time"), attr="time"):
            return True
        case ast.Name(id="time"):
            return True
    return False


def measured_with(draft: Draft, reading: ast.Call, names: set[str]) -> Iterator[ast.Call]:
    """The other readings that one is held against: directly, or by way of the variable that keeps one. Raises Refused
    where a reading goes anywhere else."""
    if not is_reading(reading):
        raise Refused
    parent = draft.parents[reading]
    if isinstance(parent, ast.Assign | ast.AnnAssign) and reading is parent.value:
        yield from of_variable(draft, parent, names)
        return
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add):  # a deadline
        kept = draft.parents[parent]
        if isinstance(kept, ast.Assign | ast.AnnAssign) and parent is kept.value:
            yield from of_variable(draft, kept, names)
            return
    yield from partners(draft, reading, names)


def of_variable(draft: Draft, kept: ast.Assign | ast.AnnAssign, names: set[str]) -> Iterator[ast.Call]:
    target = kept.targets[0] if isinstance(kept, ast.Assign) else kept.target
    if not isinstance(target, ast.Name) or (isinstance(kept, ast.Assign) and len(kept.targets) > 1):
        raise Refused
    if target.id in names:
        return
    names.add(target.id)
    holder = draft.function(kept)
    if isinstance(holder, ast.Module) or any(isinstance(n, ast.Global | ast.Nonlocal) for n in ast.walk(holder)):
        raise Refused
    for use in uses(draft, target.id, kept):
        if isinstance(use.ctx, ast.Load):
            yield from partners(draft, use, names)
            continue
        bound = draft.parents[use]
        value = bound.value if isinstance(bound, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
            value = value.left
        if value is None or not is_reading(value):
            raise Refused
        assert isinstance(value, ast.Call)
        yield value


def partners(draft: Draft, value: ast.expr, names: set[str]) -> Iterator[ast.Call]:
    """What a reading, or the variable of one, is subtracted from or compared with."""
    parent = draft.parents[value]
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Sub):
        others: list[ast.expr] = [parent.right if parent.left is value else parent.left]
    elif isinstance(parent, ast.Compare) and len(parent.ops) == 1:
        others = [parent.comparators[0] if parent.left is value else parent.left]
    else:
        raise Refused
    for other in others:
        if is_reading(other):
            assert isinstance(other, ast.Call)
            yield other
        elif isinstance(other, ast.Name):
            if other.id not in names:
                stored = [n for n in uses(draft, other.id, value) if isinstance(n.ctx, ast.Store)]
                kept = draft.parents[stored[0]] if stored else None
                if not isinstance(kept, ast.Assign | ast.AnnAssign):
                    raise Refused
                begun = kept.value
                deadline = isinstance(begun, ast.BinOp) and isinstance(begun.op, ast.Add)
                if not is_reading(begun.left if deadline else begun):  # type: ignore[union-attr, arg-type]
                    raise Refused
                yield from of_variable(draft, kept, names)
        elif isinstance(other, ast.BinOp) and isinstance(other.op, ast.Add) and isinstance(other.left, ast.Name):
            yield from partners_of_sum(draft, other, names)
        else:
            raise Refused


def partners_of_sum(draft: Draft, total: ast.BinOp, names: set[str]) -> Iterator[ast.Call]:
    """``start + limit``: the variable must be one that keeps a reading."""
    assert isinstance(total.left, ast.Name)
    if total.left.id not in names:
        raise Refused
    yield from ()


def monotonic(draft: Draft, reading: ast.Call) -> None:
    if isinstance(reading.func, ast.Attribute):
        if draft.known("", "time", reading) != "time":
            raise Refused
        start, end = draft.end(reading.func) - len("time"), draft.end(reading.func)
        return draft.replace(start, end, "monotonic")
    if draft.known("time", "time", reading) != "time":
        raise Refused
    return draft.replace(draft.start(reading.func), draft.end(reading.func), draft.name("time", "monotonic", reading))


READS_CLOCK = ("now", "utcnow", "today")
ASKS = ("execute", "executemany", "fetch", "fetchrow", "fetchval", "where", "having", "values")


def zone(draft: Draft, change: Change) -> None:
    """``datetime.utcnow()`` → ``datetime.now(timezone.utc)``, or Django's ``timezone.now()``, where the time goes to
    the store and nowhere else: two times of which one has no zone cannot be compared."""
    reading = draft.find(change.place, ast.Call)
    if reading.args or reading.keywords or method(reading) not in READS_CLOCK:
        raise Refused
    to_store(draft, reading, set())
    draft.replace(draft.start(reading), draft.end(reading), aware(draft, change, reading))


def aware(draft: Draft, change: Change, reading: ast.Call) -> str:
    """A reading with its zone, in the names of the file."""
    if change.library == "django":
        known = draft.known("django.utils", "timezone", reading)
        if known is not None or not draft.hidden("timezone", reading):
            return f"{known or draft.name('django.utils', 'timezone', reading)}.now()"
    utc = draft.known("datetime", "UTC", reading)
    if utc is None or "." in utc:  # younger than the oldest Python that a project may run on
        utc = f"{draft.name('datetime', 'timezone', reading)}.utc"
    return f"{draft.source(receiver(reading))}.now({utc})"


def to_store(draft: Draft, time: ast.expr, names: set[str]) -> None:
    """Raises Refused where a time, or the variable that keeps it, goes anywhere but into a row or a query."""
    parent = draft.parents[time]
    match parent:
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=left) if left is time:
            return to_store(draft, parent, names)
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return kept_for_store(draft, time, name, names)
        case ast.Assign(targets=[ast.Attribute(attr=name)]):
            return set_once(draft, time, name)
        case ast.keyword(arg=str()) if kept_by_row(draft.parents[parent]):
            return None
        case ast.Tuple() | ast.List() | ast.Dict():
            holder = draft.parents[parent]
            if isinstance(holder, ast.Call) and method(holder) in ASKS:
                return None
        case ast.Call(args=args) if time in args and method(parent) in ASKS:
            return None
        case ast.Compare(left=ast.Attribute()) if isinstance(draft.parents[parent], ast.Call):
            if method(draft.parents[parent]) in (*ASKS, "filter"):  # type: ignore[arg-type]
                return None
    raise Refused


def kept_by_row(call: ast.AST) -> bool:
    """Whether a call makes, finds or changes rows: a class's, or a method's."""
    if not isinstance(call, ast.Call):
        return False
    return isinstance(call.func, ast.Attribute) or (isinstance(call.func, ast.Name) and call.func.id[:1].isupper())


def kept_for_store(draft: Draft, time: ast.expr, name: str, names: set[str]) -> None:
    holder = draft.function(time)
    stored = [n for n in uses(draft, name, time) if isinstance(n.ctx, ast.Store)]
    if name in names or isinstance(holder, ast.Module) or len(stored) != 1:
        raise Refused
    for use in uses(draft, name, time):
        if isinstance(use.ctx, ast.Load):
            to_store(draft, use, names | {name})


def set_once(draft: Draft, time: ast.expr, name: str) -> None:
    """An attribute that is set and not looked at again here: it may be held against another time."""
    holder = draft.function(time)
    touched = [n for n in ast.walk(holder) if isinstance(n, ast.Attribute) and n.attr == name]
    if isinstance(holder, ast.Module) or any(isinstance(n.ctx, ast.Load) for n in touched):
        raise Refused


def registered(draft: Draft, handler: ast.FunctionDef) -> ast.Call:
    """The only call that makes a function the handler of messages, on a channel that nobody has limited. Raises
    Refused."""
    calls = [n for n in ast.walk(draft.tree) if isinstance(n, ast.Call)]
    given = [c for c in calls if method(c) == "basic_consume"]
    naming = [
        c
        for c in given
        if any(isinstance(a, ast.Name) and a.id == handler.name for a in (*c.args, *(k.value for k in c.keywords)))
    ]
    if len(naming) != 1 or len(given) != 1 or any(method(c) == "basic_qos" for c in calls):
        raise Refused
    return naming[0]


def prefetch(draft: Draft, change: Change) -> None:
    """``channel.basic_qos(prefetch_count=10)``, before the consumer is started."""
    call = registered(draft, draft.find(change.place, ast.FunctionDef))
    statement = draft.statement(call)
    indent = draft.indent(statement)
    channel = receiver(call)
    if not isinstance(channel, ast.Name | ast.Attribute) or not isinstance(statement, ast.Expr | ast.Assign):
        raise Refused
    waited = "await " if isinstance(draft.parents[call], ast.Await) else ""
    line = f"{waited}{draft.source(channel)}.{change.name}({change.text})\n{indent}"
    draft.insert(draft.start(statement), line)


HOW: dict[str, Callable[[Draft, Change], None]] = {
    "argument": argument,
    "atomic": atomic,
    "clock": clock,
    "columns": columns,
    "defer": defer,
    "lock": lock,
    "option": option,
    "prefetch": prefetch,
    "savepoint": savepoint,
    "sort": sort,
    "zone": zone,
}
