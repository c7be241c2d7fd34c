"""A copy of the rows of a table, or of documents, as its writers need it: what it has of each row, and from which
expression."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel import naming
from datakeel.decision import Design
from datakeel.mistake import Mistake, nearest
from datakeel.requirements import View
from datakeel.write.targets.documents.write import kinds
from datakeel.write.targets.tables import shape as tables

KINDS = ("search", "analytics")
OWN = frozenset(
    "changes copies copying rebuilding copy_positions copy_dead_letters main rebuild sample_documents sys".split()  # noqa: SIM905  one word beside the other reads better
) | {"find", "totals"}
GROUPED = {"text", "enum", "uuid", "boolean", "integer", "money", "date"}  # the types that totals are kept by
ADDED = {"integer", "money", "decimal"}


class Source(Struct, frozen=True, kw_only=True):
    """What is copied: a table of rows with columns, or of documents whose fields stand in a body."""

    shape: tables.Shape
    document: bool

    def value(self, column: tables.Column) -> str:
        """A field of a row, as SQL."""
        if not self.document:
            return column.name
        if column.field.many:
            return f"body -> '{column.name}'"
        text = f"body ->> '{column.name}'"
        return text if kind_of(column) == "text" else f"({text})::{kind_of(column)}"

    @property
    def plural(self) -> str:
        about = self.shape.about
        return about if about.endswith("s") else naming.plural(about)


class Kept(Struct, frozen=True, kw_only=True):
    """A column of a copy: its definition, the expression of its source's row that it is made of, its type in Python,
    and what it must be of the source's model (`row`), for those who check it."""

    name: str
    sql: str
    value: str
    python: str
    row: str
    words: str = ""  # what a search looks into: an expression of a tsvector


class Measure(Struct, frozen=True, kw_only=True):
    """A number that is added up. `each`: what one row adds to it, in SQL, and what it must add (`row`)."""

    name: str
    each: str
    row: str
    sql: str = "numeric"


class Extreme(Struct, frozen=True, kw_only=True):
    """The least or greatest of a group (`function`), looked up again among its rows whenever one comes or goes. `of`:
    the column that keeps each row's own; `value`: what that is, in SQL, and in Python (`row`)."""

    name: str
    function: str
    of: str
    value: str
    row: str
    sql: str


class Answer(Struct, frozen=True, kw_only=True):
    name: str
    expression: str
    python: str


class Copy(Struct, frozen=True, kw_only=True):
    """`table` is what is read; `tables`: all that it keeps. `groups`: the columns that totals are kept by; with a
    `time` the first is the day of it."""

    kind: str
    title: str
    table: str
    source: Source
    columns: tuple[Kept, ...] = ()
    groups: tuple[Kept, ...] = ()
    measures: tuple[Measure, ...] = ()
    extremes: tuple[Extreme, ...] = ()
    answers: tuple[Answer, ...] = ()
    time: bool = False

    @property
    def path(self) -> str:
        return naming.kebab(self.table)

    @property
    def process(self) -> str:
        return naming.kebab(self.table)

    @property
    def rows(self) -> str:
        return f"{self.table}_rows"

    @property
    def tables(self) -> tuple[str, ...]:
        return (self.rows, self.table) if self.kind == "analytics" else (self.table,)

    @property
    def values(self) -> tuple[Extreme, ...]:
        """Those with a column of their own: the least and the greatest of a field share it."""
        return tuple({extreme.of: extreme for extreme in self.extremes}.values())

    @property
    def shown(self) -> tuple[Kept, ...]:
        """The groups that a reader is told."""
        return tuple(g for g in self.groups if g.name != "one")

    @property
    def model(self) -> str:
        return naming.pascal(self.table)

    @property
    def words(self) -> str:
        return " || ".join(c.words for c in self.columns if c.words)

    @property
    def about(self) -> str:
        if self.kind == "search":
            return f"{self.source.plural} by the words in them"
        by = " and ".join(g.name.replace("_", " ").strip() for g in self.shown)
        told = " and ".join(a.name.replace("_", " ") for a in self.answers)
        return f"{told} of {self.source.plural}" + (f" by {by}" if by else "")


def kind_of(column: tables.Column) -> str:
    """The type of one value in SQL, without its precision."""
    return column.type.sql.partition("(")[0]


def copies(design: Design) -> tuple[Copy, ...]:
    """The copies that are kept; a view over two of their sources is two copies."""
    known = dict(sources(design))
    return tuple(
        _copy(view, known[source], several=len(view.sources) > 1)
        for view in design.requirements.domain.views
        if view.kind in KINDS
        for source in view.sources
        if source in known and (known[source].document or design.size(f"{view.name}.copied"))
    )


def sources(design: Design) -> Iterator[tuple[str, Source]]:
    """What is kept as rows, by its name: tables, and documents."""
    for shape in tables.shapes(design.requirements):
        yield shape.source, Source(shape=shape, document=False)
    for kind in kinds(design.requirements):
        yield kind.shape.source, Source(shape=kind.shape, document=True)


def _copy(view: View, source: Source, *, several: bool) -> Copy:
    table = naming.column(f"{view.name} {source.shape.module}" if several else view.name)
    if table in OWN | {source.shape.table, source.shape.one}:
        table = f"{table}_view"
    title = " ".join(naming.words(view.name)) + (f" of {source.plural}" if several else "")
    common = Copy(kind=view.kind, title=title, table=table, source=source)
    return _search(common, view) if view.kind == "search" else _analytics(common, view)


def _search(common: Copy, view: View) -> Copy:
    known = {c.field.name for c in common.source.shape.columns}
    fields = [name for name in view.fields if name in known or len(view.sources) == 1]  # each has some of them
    found = [_column(view, common.source, name) for name in fields if name != "id"]
    columns = tuple(_kept(common.source, column) for column in dict.fromkeys(found))
    if not any(c.words for c in columns):
        raise Mistake(f"{view.name}: none of its fields is a text that could be searched")
    return _with(common, columns=columns)


def _kept(source: Source, column: tables.Column) -> Kept:
    many, kind = column.field.many, kind_of(column)
    sql, python = (f"{kind}[]", f"list[{_python(column)}]") if many else (kind, _python(column))
    if many and source.document:
        sql, python = "jsonb", "list[JsonValue]"
    optional = column.field.optional
    return Kept(
        name=column.name,
        sql=f"{sql}{'' if optional else ' NOT NULL'}",
        value=source.value(column),
        python=f"{python} | None" if optional else python,
        row=_of_row(source, column),
        words=_words(source, column),
    )


def _words(source: Source, column: tables.Column) -> str:
    if kind_of(column) != "text":
        return ""
    if column.field.many and source.document:
        return f"jsonb_to_tsvector('simple', coalesce({column.name}, '[]'), '[\"string\"]')"
    text = f"array_to_string({column.name}, ' ')" if column.field.many else column.name
    return f"to_tsvector('simple', coalesce({text}, ''))"


def _of_row(source: Source, column: tables.Column) -> str:
    """A field of a row, as Python."""
    if column.field.many and source.document:
        return f'one.model_dump(mode="json")["{column.name}"]'
    return f"one.{column.name}"


def _python(column: tables.Column) -> str:
    return {
        "text": "str",
        "bigint": "int",
        "numeric": "Decimal",
        "boolean": "bool",
        "timestamptz": "datetime",
        "date": "date",
        "uuid": "UUID",
        "jsonb": "JsonValue",
    }[kind_of(column)]


def _analytics(common: Copy, view: View) -> Copy:
    source = common.source
    groups = [_group(view, source, _column(view, source, name)) for name in view.dimensions if name != "day"]
    time = next((c for c in source.shape.columns if _is_time(c)), None)
    if time is not None:
        day = f"({source.value(time)} AT TIME ZONE 'UTC')::date"
        row = f"one.{time.name}.astimezone(UTC).date()"
        groups.insert(0, Kept(name="on_day", sql="date NOT NULL", value=day, python="date", row=row))
    if not groups:
        groups = [Kept(name="one", sql="boolean NOT NULL", value="true", python="bool", row="True")]
    measures: dict[str, Measure] = {"count": Measure(name="count", each="1", row="1", sql="bigint")}
    extremes: dict[str, Extreme] = {}
    answers = [_measured(view, source, measure, measures, extremes) for measure in view.measures or ("count",)]
    return _with(
        common,
        groups=tuple(dict.fromkeys(groups)),
        measures=tuple(measures.values()),
        extremes=tuple(extremes.values()),
        answers=tuple(dict.fromkeys(answers)),
        time=time is not None,
    )


def _is_time(column: tables.Column) -> bool:
    return kind_of(column) == "timestamptz" and not column.field.optional and not column.field.many


def _group(view: View, source: Source, column: tables.Column) -> Kept:
    """What is grouped by, as text; nothing has a group of its own."""
    if column.field.many or column.field.type not in GROUPED:
        raise Mistake(f'{view.name}: "{column.field.name}" is nothing that totals could be kept by')
    value = f"body ->> '{column.name}'" if source.document else column.name
    text = value if source.document or kind_of(column) == "text" else f"{value}::text"
    whole = f"coalesce({text}, '')" if column.field.optional else text
    return Kept(name=column.name, sql="text NOT NULL", value=whole, python="str", row=f"told(one.{column.name})")


def _measured(
    view: View, source: Source, measure: str, kept: dict[str, Measure], extremes: dict[str, Extreme]
) -> Answer:
    """What is answered; what has to be added up for it comes to `kept`, what has to be looked up to `extremes`."""
    word, _, name = measure.partition(" ")
    if word == "count":
        return Answer(name="count", expression="sum(count)::bigint", python="int")
    column = _column(view, source, name)
    if column.field.type not in ADDED or column.field.many:
        raise Mistake(f'{view.name}: "{name}" is no number that could be added up')
    if word in ("min", "max"):
        return _extreme(source, column, word, extremes)
    value, row = source.value(column), f"one.{column.name}"
    optional = column.field.optional
    each, adds = (f"coalesce({value}, 0)", f"({row} or 0)") if optional else (value, row)
    total = Measure(name=f"sum_{column.name}", each=each, row=adds)
    kept.setdefault(total.name, total)
    if word == "sum":
        python = "Decimal" if kind_of(column) == "numeric" else "int"
        return Answer(name=total.name, expression=f"sum({total.name})", python=python)
    number = "count"
    if optional:
        number = f"number_{column.name}"
        given = Measure(name=number, each=f"num_nonnulls({value})", row=f"int({row} is not None)", sql="bigint")
        kept.setdefault(number, given)
    mean = f"sum({total.name}) / nullif(sum({number}), 0)"
    return Answer(name=f"mean_{column.name}", expression=mean, python="Decimal | None")


def _extreme(source: Source, column: tables.Column, word: str, extremes: dict[str, Extreme]) -> Answer:
    name = f"{word}_{column.name}"
    extremes[name] = Extreme(
        name=name,
        function=word,
        of=f"of_{column.name}",
        value=source.value(column),
        row=f"one.{column.name}",
        sql=kind_of(column),
    )
    python = _python(column) + (" | None" if column.field.optional else "")
    return Answer(name=name, expression=f"{word}({name})", python=python)


def _column(view: View, source: Source, name: str) -> tables.Column:
    known = {c.field.name: c for c in reversed(source.shape.columns)}
    if name in known:
        return known[name]
    meant = nearest(name, list(known))
    hint = f'; did you mean "{meant}"?' if meant else f"; it has {', '.join(known)}"
    raise Mistake(f'{view.name}: {source.shape.about} has no field "{name}"{hint}')


def _with(common: Copy, **values: object) -> Copy:
    return Copy(**{f: getattr(common, f) for f in common.__struct_fields__} | values)
