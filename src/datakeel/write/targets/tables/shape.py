"""A table as SQL and Python have it: columns, access paths, and what its invariants ask for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct, structs

from datakeel import naming
from datakeel.requirements import Access, Field, Invariant, Requirements, Table, View

# Names that pydantic keeps for itself, that each row has already, or that stand for something else in the code.
TAKEN = frozenset(
    """
    id version copy dict json schema construct validate fields register model connection new pool key int str bool date
    list words on_day
    """.split()  # noqa: SIM905  one word beside the other reads better
)


class Type(Struct, frozen=True):
    """A type in SQL and in Python. `sample`: a value that `number` makes different from others. `strategy`: of
    hypothesis. `least` and `greatest`: where pages begin and end; without the second they only go up."""

    sql: str
    python: str
    sample: str
    strategy: str
    least: str = ""
    greatest: str = ""


TYPES = {
    "uuid": Type("uuid", "UUID", "uuid4()", "st.uuids()", least="NIL", greatest="HIGHEST"),
    "text": Type(
        "text",
        "Text",
        'f"{name} {{number}}"',
        "TEXT",
        '""',
    ),
    "integer": Type(
        "bigint",
        "Integer",
        "number",
        "st.integers({minimum}, 2**63 - 1)",
        "-(2**63)",
        "2**63 - 1",
    ),
    "decimal": Type(
        "numeric(30, 6)",
        "Number",
        "Decimal(number)",
        "st.decimals(-(10**9), 10**9, allow_nan=False, places=6)",
        'Decimal("-Infinity")',
        'Decimal("Infinity")',
    ),
    "boolean": Type("boolean", "bool", "True", "st.booleans()"),
    "timestamp": Type(
        "timestamptz",
        "Instant",
        "START + timedelta(hours=number)",
        "INSTANTS",
        "EARLIEST",
        "LATEST",
    ),
    "date": Type(
        "date", "date", "START.date() + timedelta(days=number)", "st.dates()", least="date.min", greatest="date.max"
    ),
    "json": Type("jsonb", "dict[str, Any]", '{{"number": number}}', "st.dictionaries(TEXT, TEXT)"),
}
TYPES |= {
    "money": TYPES["integer"],
    "enum": Type("text", "", "", "", least='""'),
}


class Column(Struct, frozen=True, kw_only=True):
    """`parent`: the table that it refers to, as SQL calls it. `state`: it changes by moves alone; `amount`: by
    differences alone; `fixed`: never."""

    name: str
    type: Type
    field: Field
    parent: Shape | None = None
    initial: str = ""
    state: bool = False
    amount: bool = False
    fixed: bool = False

    @property
    def sql(self) -> str:
        """Its definition in CREATE TABLE, less its constraints."""
        many = "[]" if self.field.many else ""
        default = f" DEFAULT '{self.initial}'" if self.state else ""
        return f"{self.name} {self.type.sql}{many}{'' if self.field.optional else ' NOT NULL'}{default}"

    @property
    def annotation(self) -> str:
        """Its type in a model of pydantic, with its default."""
        one = self.plain
        if self.field.minimum is not None and self.type is TYPES["integer"]:
            one = f"Annotated[int, Field(ge={self.field.minimum}, lt=2**63)]"
        elif self.field.minimum is not None and self.type is TYPES["decimal"]:
            one = f"Annotated[Number, Field(ge={self.field.minimum})]"
        if self.field.many:
            one = f"Annotated[list[{one}], Field(max_length=1000)]"
        return f"{one} | None = None" if self.field.optional else one

    @property
    def plain(self) -> str:
        if self.field.type == "enum":
            return f"Literal[{', '.join(quoted(v) for v in self.field.values)}]"
        return self.type.python

    @property
    def sample(self) -> str:
        if self.field.type == "enum":
            one = quoted(self.field.values[0])
        else:
            one = self.type.sample.format(name=" ".join(naming.words(self.field.name)) or "value")
            if self.type is TYPES["integer"] and self.field.minimum:
                one = f"{self.field.minimum} + number"
        return f"[{one}]" if self.field.many else one

    @property
    def strategy(self) -> str:
        if self.field.type == "enum":
            one = f"st.sampled_from([{', '.join(quoted(v) for v in self.field.values)}])"
        else:
            minimum = "-(2**63)" if self.field.minimum is None else str(self.field.minimum)
            one = self.type.strategy.format(minimum=minimum)
        one = f"st.lists({one}, max_size=3)" if self.field.many else one
        return f"st.none() | {one}" if self.field.optional else one


LIMIT = ("limit", "int", "")
HTTP_LIMIT = ("limit", "Limit", "50")


class Path(Struct, frozen=True, kw_only=True):
    """One way of reading many: rows that agree in `by`, in the order of `key` (none: of the id)."""

    by: tuple[Column, ...]
    key: Column | None = None
    descending: bool = False
    bounded: bool = False  # between two values of the key
    ordered: bool = False  # it must be told from another by its order

    @property
    def name(self) -> str:
        parts = "_and_".join(c.name.removesuffix("_id") for c in self.by)
        by = f"by_{parts}" if parts else ""
        order = f"in_order_of_{self.key.name}" if self.key and (self.ordered or not parts) else ""
        last_first = "last_first" if order and self.descending else ""
        return "_".join(filter(None, [by, order, last_first])).replace("__", "_") or "all_of_them"

    @property
    def url(self) -> str:
        return "" if not self.by and not self.key else f"/{self.name.replace('_', '-')}"

    @property
    def window(self) -> tuple[tuple[str, str, str], ...]:
        """Name, type and default of what says where a page is."""
        if self.key is None:
            return (("after", "UUID", "NIL"),)
        since = ("since", self.key.plain, self.key.type.least)
        until = ("until", self.key.plain, self.key.type.greatest)
        if self.descending:
            return (until, ("before", "UUID", "HIGHEST"), *([since] if self.bounded else []))
        return (since, ("after", "UUID", "NIL"), *([until] if self.bounded else []))

    @property
    def signature(self) -> str:
        return ", ".join(f"{name}: {type_}" for name, type_, _ in (*self.window, LIMIT))

    @property
    def query(self) -> str:
        return ", ".join(f"{name}: {type_} = {default}" for name, type_, default in (*self.window, HTTP_LIMIT))

    @property
    def arguments(self) -> str:
        return ", ".join(name for name, _, _ in (*self.window, LIMIT))

    @property
    def parameters(self) -> str:
        names = [*(c.name for c in self.by), *(name for name, _, _ in (*self.window, LIMIT))]
        return "{" + ", ".join(f'"{name}": {name}' for name in names) + "}"

    @property
    def condition(self) -> str:
        if self.key is None:
            return "id > %(after)s"
        key = self.key.name
        if self.descending:
            return f"({key}, id) < (%(until)s, %(before)s)" + (f"\nAND {key} >= %(since)s" if self.bounded else "")
        return f"({key}, id) > (%(since)s, %(after)s)" + (f"\nAND {key} < %(until)s" if self.bounded else "")

    @property
    def order(self) -> str:
        down = " DESC" if self.descending else ""
        return ", ".join(f"{name}{down}" for name in [*([self.key.name] if self.key else []), "id"])

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of an index that serves it."""
        return (*(c.name for c in self.by), *([self.key.name] if self.key else []), "id")


class Guard(Struct, frozen=True, kw_only=True):
    """An invariant in columns. `parent`: whose row is locked for it."""

    kind: str
    columns: tuple[Column, ...]
    limit: int = 0
    parent: Shape | None = None
    moves: tuple[tuple[str, str], ...] = ()

    @property
    def initial(self) -> str:
        return self.columns[0].initial

    @property
    def suffix(self) -> str:
        return "_".join(c.name for c in self.columns)

    @property
    def sentence(self) -> str:
        return " and ".join(" ".join(naming.words(c.name.removesuffix("_id"))) for c in self.columns)

    @property
    def name(self) -> str:
        return "_and_".join(c.name.removesuffix("_id") for c in self.columns)

    @property
    def locked(self) -> Column | None:
        return next((c for c in self.columns if c.parent is not None), None)

    @property
    def before(self) -> dict[str, list[str]]:
        """From which states each can be reached."""
        reached = dict.fromkeys(to for _, to in self.moves)
        return {to: [a for a, b in self.moves if b == to] for to in reached}


class Report(Struct, frozen=True, kw_only=True):
    """Measures by dimensions and, where rows have a time, by day. A measure: its name, its SQL, its type in Python."""

    name: str
    model: str
    dimensions: tuple[Column, ...]
    measures: tuple[tuple[str, str, str], ...]
    time: Column | None = None

    @property
    def selected(self) -> str:
        day = [f"({self.time.name} AT TIME ZONE 'UTC')::date AS on_day"] if self.time else []
        measures = [f"{sql} AS {name}" for name, sql, _ in self.measures]
        return ", ".join([*day, *(c.name for c in self.dimensions), *measures])

    @property
    def grouped(self) -> str:
        return ", ".join([*(["on_day"] if self.time else []), *(c.name for c in self.dimensions)])


class Shape(Struct, frozen=True, kw_only=True):
    """All names of one table: `table` and `module` are plural, `model` and `one` are not."""

    source: str
    table: str
    module: str
    model: str
    one: str
    columns: tuple[Column, ...]
    period: tuple[str, str] | None = None
    guards: tuple[Guard, ...] = ()
    paths: tuple[Path, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    words: tuple[Column, ...] = ()  # what is searched by words
    reports: tuple[Report, ...] = ()
    kept: str = ""  # how long a reader may keep an answer, as HTTP says it
    versioned: bool = True  # its values can be changed, by whoever has seen the last version

    @property
    def about(self) -> str:
        return " ".join(naming.words(self.source))

    @property
    def path(self) -> str:
        return naming.kebab(naming.plural(self.source))

    @property
    def fixed(self) -> tuple[Column, ...]:
        return tuple(c for c in self.columns if self.versioned and (c.fixed or c.amount))

    @property
    def changeable(self) -> tuple[Column, ...]:
        return tuple(c for c in self.columns if self.versioned and not (c.fixed or c.amount or c.state))

    @property
    def given(self) -> tuple[Column, ...]:
        """What is said when one is made."""
        return tuple(c for c in self.columns if not c.state)

    @property
    def states(self) -> tuple[Column, ...]:
        return tuple(c for c in self.columns if c.state)

    def of(self, kind: str) -> tuple[Guard, ...]:
        return tuple(g for g in self.guards if g.kind == kind)

    @property
    def parents(self) -> tuple[Shape, ...]:
        found = {c.parent.table: c.parent for c in self.columns if c.parent is not None}
        return tuple(found[name] for name in sorted(found))


def shapes(
    requirements: Requirements, versioned: bool = True, taken: frozenset[str] = frozenset()
) -> tuple[Shape, ...]:
    """The tables, parents before those that refer to them. `taken`: further names that no column may have."""
    tables = {naming.snake(table.name): _looked_up(table, requirements) for table in requirements.domain.tables}
    made: dict[str, Shape] = {}
    while len(made) < len(tables):  # as declared, as far as that goes: what comes later stays later
        missing = [n for n in tables if n not in made]
        ready = (n for n in missing if _parents(tables[n], tables) <= made.keys() | {n})
        name = next(ready, missing[0])  # a circle is cut where it was begun
        shape = _with_views(_shape(tables[name], made, taken), requirements)
        made[name] = structs.replace(shape, versioned=versioned)
    return tuple(made.values())


def _looked_up(table: Table, requirements: Requirements) -> Table:
    """The table with a further way to read it for each view that looks up in it."""
    views = (v for v in requirements.domain.views if v.kind == "lookup" and table.name in v.sources)
    known = {field.name for field in table.fields}
    fields = (tuple(name for name in view.fields if name in known) for view in views)
    ways = tuple(Access(by=by) for by in fields if by and all(way.by != by for way in table.access))
    return structs.replace(table, access=(*table.access, *dict.fromkeys(ways)))


def _with_views(shape: Shape, requirements: Requirements) -> Shape:
    """The table with what is to be read of it another way: a search and reports are further indexes of its rows. Of a
    view over several tables each has what its own fields come to."""
    views = [v for v in requirements.domain.views if shape.source in v.sources]
    columns = {c.field.name: c for c in reversed(shape.columns)}
    searched = _found(tuple(f for v in views if v.kind == "search" for f in v.fields), columns)
    reports = tuple(r for v in views if v.kind == "analytics" and (r := _report(v, shape, columns)).measures)
    times = [(r.time.name, "id") for r in reports if r.time and all(i[0] != r.time.name for i in shape.indexes)]
    return structs.replace(
        shape,
        words=tuple(dict.fromkeys(c for c in searched if c.type.sql == "text" and not c.field.many)),
        reports=reports,
        indexes=(*shape.indexes, *dict.fromkeys(times)),
        kept=next((_kept(v, requirements) for v in requirements.domain.views if _caches(v, shape)), ""),
    )


def _caches(view: View, shape: Shape) -> bool:
    return view.kind == "cache" and shape.source in view.sources


def _kept(view: View, requirements: Requirements) -> str:
    """For how long; where nothing is said, the reader asks first whether it is still right."""
    fresh = requirements.freshness if view.freshness is None else view.freshness
    return f"max-age={max(1, round(fresh))}" if fresh else "no-cache"


def _report(view: View, shape: Shape, columns: dict[str, Column]) -> Report:
    measures = []
    for measure in view.measures:
        word, _, name = measure.partition(" ")
        column = columns.get(name)
        if word == "count":
            measures.append(("count", "count(*)", "int"))
        elif column is not None:
            whole = column.type.sql == "bigint" and word != "mean"
            function = "avg" if word == "mean" else word
            measures.append((f"{word}_{column.name}", f"{function}({column.name})", "int" if whole else "Decimal"))
    return Report(
        name=naming.snake(view.name),
        model=naming.pascal(view.name),
        dimensions=_found(view.dimensions, columns),
        measures=tuple(measures),
        time=next((c for c in shape.columns if c.type.sql == "timestamptz" and not c.field.optional), None),
    )


def _parents(table: Table, tables: dict[str, Table]) -> set[str]:
    return {naming.snake(f.references) for f in table.fields if f.references} & tables.keys()


def _shape(table: Table, made: dict[str, Shape], taken: frozenset[str]) -> Shape:
    columns = _roles(table, list(_columns(table, made, TAKEN | taken)))
    by_field = {c.field.name: c for c in reversed(columns)}  # of a period its beginning
    guards = tuple(_guards(table, by_field))
    paths = tuple(_paths(table, columns, by_field))
    return Shape(
        source=table.name,
        table=naming.column(naming.plural(table.name)),
        module=naming.snake(naming.plural(table.name)),
        model=naming.pascal(table.name),
        one=naming.snake(table.name),
        columns=tuple(columns),
        period=next(((c.name, d.name) for c, d in pairwise(columns) if _period(c, d)), None),
        guards=guards,
        paths=paths,
        indexes=tuple(_indexes(guards, paths)),
    )


def _period(one: Column, next_: Column) -> bool:
    return one.field is next_.field and one.field.type == "period"


def _columns(table: Table, made: dict[str, Shape], taken: frozenset[str]) -> Iterator[Column]:
    periods = [f for f in table.fields if f.type == "period"]
    for field in table.fields:
        if field.type == "period":
            names = ("begins_at", "ends_at") if len(periods) == 1 else _ends(field)
            yield from (Column(name=name, type=TYPES["timestamp"], field=field) for name in names)
        elif field.references:
            name = naming.snake(field.name).rstrip("_")
            name = name if name.endswith("_id") else f"{name}_id"
            parent = made.get(naming.snake(field.references))
            yield Column(name=name, type=TYPES["uuid"], field=field, parent=parent)
        elif not (naming.snake(field.name) == "id" and field.type == "uuid"):
            yield Column(name=_free(naming.column(field.name), taken), type=TYPES[field.type], field=field)


def _ends(field: Field) -> tuple[str, str]:
    return f"{naming.snake(field.name)}_begins_at", f"{naming.snake(field.name)}_ends_at"


def _free(name: str, taken: frozenset[str]) -> str:
    return f"{name}_" if name in taken or name.startswith("model_") else name


def _roles(table: Table, columns: list[Column]) -> list[Column]:
    """The columns, each with how it may change."""
    fields = {kind: {f for i in table.invariants if i.kind == kind for f in i.fields} for kind in ROLES}
    return [
        Column(
            name=c.name,
            type=c.type,
            field=c.field,
            parent=c.parent,
            initial=_initial(c.field, table),
            **{role: c.field.name in fields[kind] for kind, role in ROLES.items()},
        )
        for c in columns
    ]


def _initial(field: Field, table: Table) -> str:
    """The state that no move leads to, else the first that is named."""
    moves = [m for i in table.invariants if i.kind == "transitions" and i.fields[:1] == (field.name,) for m in i.moves]
    reached = {to for _, to in moves}
    states = [*field.values, *(state for move in moves for state in move)]
    return next((start for start, _ in moves if start not in reached), states[0] if states else "")


ROLES = {"transitions": "state", "non-negative": "amount", "at-most": "fixed"}


def _guards(table: Table, columns: dict[str, Column]) -> Iterator[Guard]:
    for field in table.fields:
        if field.unique:
            yield Guard(kind="unique", columns=(columns[field.name],))
    for invariant in table.invariants:
        found = _found(invariant.fields, columns)
        if invariant.kind != "unique" or (len(found) > 1 or not found[0].field.unique):
            yield _guard(invariant, found)


def _guard(invariant: Invariant, columns: tuple[Column, ...]) -> Guard:
    locked = next((c.parent for c in columns if c.parent is not None), None) if invariant.kind == "at-most" else None
    return Guard(kind=invariant.kind, columns=columns, limit=invariant.limit or 1, parent=locked, moves=invariant.moves)


def _found(names: Iterator[str] | tuple[str, ...], columns: dict[str, Column]) -> tuple[Column, ...]:
    return tuple(columns[name] for name in names if name in columns)


def _paths(table: Table, columns: list[Column], by_field: dict[str, Column]) -> Iterator[Path]:
    """The declared ones, and one for each reference that none of them begins with."""
    declared = list(dict.fromkeys(_path(access, by_field) for access in table.access))
    ordered = {path.by for path in declared if path.key}
    declared = [path for path in declared if path.key or path.by not in ordered]
    shared = {path.by for path in declared if sum(path.by == other.by for other in declared) > 1}
    if not declared:
        yield Path(by=())
    for path in declared:
        yield structs.replace(path, ordered=path.by in shared)
    covered = {path.by[0].name for path in declared if path.by}
    for column in columns:
        if column.parent is not None and column.name not in covered:
            yield Path(by=(column,))


def _path(access: Access, columns: dict[str, Column]) -> Path:
    order = (access.order or "").removeprefix("-")
    key = columns.get(access.range or order)
    descending = (access.order or "").startswith("-") and order == (access.range or order)
    by = tuple(c for c in _found(access.by, columns) if c is not key)
    key = key if key is not None and key.type.least else None
    both = key is not None and bool(key.type.greatest)
    return Path(by=by, key=key, descending=descending and both, bounded=both and access.range is not None)


def _indexes(guards: tuple[Guard, ...], paths: tuple[Path, ...]) -> Iterator[tuple[str, ...]]:
    """Columns of one index for each path that no key serves already, nor another index that begins so."""
    keys = [("id",), *(tuple(c.name for c in g.columns) for g in guards if g.kind == "unique")]
    wanted = [p.columns for p in paths]
    wanted += [(*(c.name for c in g.columns), "id") for g in guards if g.kind == "at-most"]
    kept: list[tuple[str, ...]] = []
    for columns in sorted(dict.fromkeys(wanted), key=len, reverse=True):
        served = columns[:-1] in keys or columns == ("id",) or any(_begins(k, columns[:-1]) for k in kept)
        if not served:
            kept.append(columns)
    yield from (c for c in dict.fromkeys(wanted) if c in kept)


def _begins(index: tuple[str, ...], columns: tuple[str, ...]) -> bool:
    return index[: len(columns)] == columns


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
