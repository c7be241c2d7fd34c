"""A view over an aggregate as its writers need it: columns, and what each event makes of a row."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel import naming
from datakeel.mistake import Mistake, nearest
from datakeel.requirements import Requirements, View
from datakeel.write.aggregates import Attribute, Moment, Shape, attribute_name, shapes

SYSTEM = ("version", "state", "recorded_at", "changed_at")


class Column(Struct, frozen=True, kw_only=True):
    """`plain`: the type that a reader asks with; `query`: the same over HTTP."""

    name: str
    sql: str
    python: str
    optional: bool = False
    plain: str = ""
    query: str = ""


class Change(Struct, frozen=True, kw_only=True):
    """What an event makes of a row: columns and expressions."""

    name: str
    creates: bool
    reads_event: bool
    values: tuple[tuple[str, str], ...]


class Measure(Struct, frozen=True, kw_only=True):
    """A total that is kept, or what is answered from them."""

    name: str
    sql: str = ""
    python: str = "int"
    expression: str = ""


class Derived(Struct, frozen=True, kw_only=True):
    title: str
    kind: str
    table: str
    rows: str  # the table with one row an aggregate
    path: str
    key: str
    shape: Shape
    columns: tuple[Column, ...]
    column_names: str
    moments: tuple[Change, ...]
    word_expressions: str = ""
    words: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    by_columns: tuple[Column, ...] = ()
    condition: str = ""
    dimensions: tuple[Column, ...] = ()
    measures: tuple[Measure, ...] = ()
    answers: tuple[Measure, ...] = ()
    sums: str = ""
    counted: str = ""
    total_names: str = ""
    group_names: str = ""
    cell: str = ""

    @property
    def process(self) -> str:
        return naming.kebab(self.table)

    @property
    def kept_sums(self) -> str:
        """The totals of all partitions, as they are kept."""
        return ", ".join(f"sum({m.name})" for m in self.measures)

    @property
    def zeros(self) -> str:
        return ", ".join("0" for _ in self.measures)

    @property
    def measured(self) -> str:
        return _listed([a.name.replace("_", " ") for a in self.answers])

    @property
    def grouped(self) -> str:
        return _listed(["day", *(d.name.rstrip("_").replace("_", " ") for d in self.dimensions)])

    @property
    def grouped_by(self) -> str:
        return _listed([d.name.rstrip("_").replace("_", " ") for d in self.dimensions])


def derived(requirements: Requirements) -> tuple[Derived, ...]:
    """The views over aggregates; one over two of them is two. Those of other sources are not ours."""
    known = {s.name: s for s in shapes(requirements)}
    return tuple(
        _derived(view, known[naming.pascal(source)], several=len(view.sources) > 1)
        for view in requirements.domain.views
        for source in view.sources
        if naming.pascal(source) in known
    )


def _derived(view: View, shape: Shape, *, several: bool) -> Derived:
    title = " ".join(naming.words(view.name)) + (f" of {shape.plural}" if several else "")
    table = naming.column(f"{view.name} {shape.plural}" if several else view.name)
    if table in {shape.module, shape.plural, "events", "log", "snapshots"}:
        table = f"{table}_view"
    wanted = _wanted(view, shape)
    key = f"{shape.module.rstrip('_')}_id"
    columns = _columns(view, key, wanted)
    common = Derived(
        title=title,
        kind=view.kind,
        table=table,
        rows=f"{table}_rows" if view.kind == "analytics" else table,
        path=naming.kebab(table),
        key=key,
        shape=shape,
        columns=columns,
        column_names=", ".join(c.name for c in columns),
        moments=tuple(_change(m, shape, key, columns) for m in shape.moments),
    )
    if view.kind == "search":
        return _search(common, wanted)
    if view.kind == "cache":  # what a read of all events gives, ready in one row
        return _with(_by(common, [key]), kind="lookup")
    return _lookup(common, view, shape) if view.kind == "lookup" else _analytics(common, view, shape)


def _wanted(view: View, shape: Shape) -> tuple[Attribute, ...]:
    """The attributes that it shows. A search without any, and a lookup, show all."""
    if view.kind == "analytics":
        names = [*view.dimensions, *(m.split(maxsplit=1)[1] for m in view.measures if " " in m)]
        return _named(view, shape, [n for n in dict.fromkeys(names) if n not in ("state", "day")])
    if view.kind in ("lookup", "cache") or not view.fields:
        return shape.everything()
    fields = [n for n in view.fields if n not in ("state", "id")]
    if len(view.sources) > 1:  # each has some of them
        fields = [n for n in fields if shape.attribute(n) is not None]
    return _named(view, shape, fields)


def _named(view: View, shape: Shape, names: list[str]) -> tuple[Attribute, ...]:
    found = []
    for name in names:
        attribute = shape.attribute(name)
        if attribute is None:
            known = [a.name for a in shape.everything()]
            meant = nearest(name, known)
            hint = f'; did you mean "{meant}"?' if meant else f"; it has {', '.join(known)}"
            raise Mistake(f'{view.name}: {shape.name} has no field "{name}"{hint}')
        found.append(attribute)
    return tuple({a.name: a for a in found}.values())


def _columns(view: View, key: str, wanted: tuple[Attribute, ...]) -> tuple[Column, ...]:
    """The key, how far its stream is applied, the state, what is shown, and when it began and changed last."""
    begin = [
        Column(name=key, sql="uuid", python="UUID"),
        Column(name="version", sql="integer", python="int"),
        Column(name="state", sql="text", python="str"),
    ]
    ends = ["recorded_at", "changed_at"]
    if view.kind == "analytics":
        begin = [Column(name=key, sql="uuid", python="UUID"), Column(name="day", sql="date", python="date")]
        begin += [Column(name="state", sql="text", python="str")] if "state" in view.dimensions else []
        ends = []
    return (
        *begin,
        *(_column(a, optional=a.optional) for a in wanted),
        *(Column(name=n, sql="timestamptz", python="datetime") for n in ends),
    )


def _column(attribute: Attribute, *, optional: bool) -> Column:
    python = attribute.python if not attribute.many else f"list[{attribute.python[6:-6]}]"
    if python.startswith("Literal["):
        python = "str"
    sql = "numeric" if attribute.sql == "bigint" and attribute.kind in ("money", "integer") else attribute.sql
    if attribute.kind in ("money", "integer") and not attribute.many:
        sql = "bigint"
    plain = python
    text = python == "str"
    query = 'Annotated[str, Query(max_length=200, pattern=r"^[^\\x00]*$")]' if text else plain
    return Column(
        name=attribute.name,
        sql=sql,
        python=f"{python} | None" if optional else python,
        optional=optional,
        plain=plain,
        query=query,
    )


def _change(moment: Moment, shape: Shape, key: str, columns: tuple[Column, ...]) -> Change:
    shown = {c.name for c in columns}
    many = {a.name for a in shape.attributes if a.many}
    totals = {t.name for t in shape.totals}
    values: dict[str, str] = {}
    if moment.creates:
        values |= {key: "message.stream_id"}
        values |= {c.name: "None" for c in columns if c.optional}
        values |= {t: "0" for t in totals if t in shown}
        values |= {"day": "message.recorded_at.astimezone(UTC).date()", "recorded_at": "message.recorded_at"}
    values |= {"version": "message.version", "changed_at": "message.recorded_at"}
    if moment.state:
        values["state"] = f'"{dict(shape.states)[moment.state]}"'
    for name, expression in moment.sets:
        if name in totals:
            start = "" if moment.creates else f"known(row).{name} "
            values[name] = (start + expression).removeprefix("+ ")
        else:
            values[name] = f"list({expression})" if name in many else expression
    ordered = tuple((c.name, values[c.name]) for c in columns if c.name in values)
    return Change(
        name=moment.name,
        creates=moment.creates,
        reads_event=any("event." in v for _, v in ordered),
        values=ordered,
    )


def _search(common: Derived, wanted: tuple[Attribute, ...]) -> Derived:
    texts = [a for a in wanted if a.words]
    if not texts:
        raise Mistake(f"{common.title}: none of its fields is a text that could be searched")
    parts = [f"array_to_string({a.name}, ' ')" if a.many else a.name for a in texts]
    return _with(common, word_expressions=", ".join(parts), words=tuple(a.name for a in texts))


def _lookup(common: Derived, view: View, shape: Shape) -> Derived:
    names = [attribute_name(n) if n != "state" else n for n in view.fields] or ["state"]
    _named(view, shape, [n for n in view.fields if n != "state"])
    return _by(common, names)


def _by(common: Derived, names: list[str]) -> Derived:
    by = [c for name in names for c in common.columns if c.name == name]
    text = 'Annotated[str, Query(max_length=200, pattern=r"^[^\\x00]*$")]'
    asked = tuple(_with_query(c, c.query or ("UUID" if c.sql == "uuid" else text)) for c in by)
    return _with(
        common,
        by=tuple(names),
        by_columns=asked,
        condition=" AND ".join(f"{n} = %({n})s" for n in names),
    )


def _with_query(column: Column, query: str) -> Column:
    return Column(
        name=column.name, sql=column.sql, python=column.python, plain=column.python.removesuffix(" | None"), query=query
    )


def _analytics(common: Derived, view: View, shape: Shape) -> Derived:
    names = [n for n in view.dimensions if n != "day"]
    dimensions = tuple(
        Column(name="state" if n == "state" else attribute_name(n), sql="text", python="str") for n in names
    )
    count = shape.plural
    kept = {count: Measure(name=count, sql="bigint", expression="sign")}
    answers: list[Measure] = []
    sums: list[str] = []
    for measure in view.measures or ("count",):
        what, _, of = measure.partition(" ")
        if what == "count":
            answers.append(Measure(name=count))
            sums.append(f"sum({count})::bigint AS {count}")
        else:
            field = shape.attribute(of)
            assert field is not None  # `_wanted` has looked
            for total in _kept_for(what, field, view):
                kept.setdefault(total.name, total)
            answers.append(_answer(what, field))
            sums.append(_sum(what, field, count))
    groups = ["day", *(d.name for d in dimensions)]
    texts = {a.name for a in shape.everything() if a.kind in ("text", "enum") and not (a.optional or a.many)}
    texts.add("state")
    cells = ["row.day", *(f"row.{d.name}" if d.name in texts else f"text(row.{d.name})" for d in dimensions)]
    return _with(
        common,
        dimensions=dimensions,
        measures=tuple(kept.values()),
        answers=tuple(answers),
        sums=", ".join(sums),
        counted=count,
        group_names=", ".join(groups),
        total_names=", ".join([*groups, "partition", *kept]),
        cell=", ".join(cells),
    )


def _kept_for(what: str, field: Attribute, view: View) -> Iterator[Measure]:
    if what not in ("sum", "mean"):
        raise Mistake(
            f'{view.name}: "{what} {field.name}" cannot be kept as aggregates change; '
            "over an aggregate a view has count, sum and mean"
        )
    if field.kind not in ("integer", "money", "decimal") or field.many:
        raise Mistake(f'{view.name}: "{field.name}" is no number that could be added up')
    value = f"(row.{field.name} or 0)" if field.optional else f"row.{field.name}"
    python = "Decimal | int" if field.kind == "decimal" else "int"
    yield Measure(name=f"sum_{field.name}", sql="numeric", python=python, expression=f"sign * {value}")
    if what == "mean" and field.optional:
        given = f"sign * (row.{field.name} is not None)"
        yield Measure(name=f"number_{field.name}", sql="bigint", expression=given)


def _answer(what: str, field: Attribute) -> Measure:
    if what == "mean":
        return Measure(name=f"mean_{field.name}", python="Decimal | None")
    return Measure(name=f"sum_{field.name}", python="Decimal" if field.kind == "decimal" else "int")


def _sum(what: str, field: Attribute, count: str) -> str:
    if what == "sum":
        return f"sum(sum_{field.name}) AS sum_{field.name}"
    number = f"number_{field.name}" if field.optional else count
    return f"sum(sum_{field.name}) / nullif(sum({number}), 0) AS mean_{field.name}"


def _with(common: Derived, **values: object) -> Derived:
    return Derived(**{f: getattr(common, f) for f in common.__struct_fields__} | values)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
