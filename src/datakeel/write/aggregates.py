"""An aggregate as its writers need it: every name and type made ready for Python, Avro and SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from datakeel import naming
from datakeel.mistake import Mistake
from datakeel.requirements import Aggregate, Event, Field, Requirements
from datakeel.write import verbs

TAKEN = {"id", "state", "version", "copy", "dict", "json", "schema", "validate", "construct", "self", "event", "at"}
LONGEST_LINE = 100  # of what is written


class Type(Struct, frozen=True):
    """One type of field in each language. `checked`: how a command declares it; `strategy`: how tests make one."""

    python: str
    checked: str
    avro: object
    sql: str
    strategy: str
    example: str
    words: bool = False  # whether a search looks into it


TEXT = 'st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=30)'
TYPES = {
    "uuid": Type("UUID", "UUID", {"type": "string", "logicalType": "uuid"}, "uuid", "st.uuids()", "UUID(int=7)"),
    "text": Type("str", "Text", "string", "text", TEXT, '"{title}"', words=True),
    "integer": Type(
        "int", "Annotated[int, Field({bounds})]", "long", "bigint", "st.integers({least}, 10**6)", "{some}"
    ),
    "money": Type("int", "Annotated[int, Field({bounds})]", "long", "bigint", "st.integers({least}, 10**6)", "{some}"),
    "decimal": Type(
        "Decimal",
        "Annotated[Decimal, Field({least_bound}max_digits=27, decimal_places=9)]",
        {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 9},
        "numeric",
        "st.decimals({least}, 10**6, places=3)",
        'Decimal("{some}.5")',
    ),
    "boolean": Type("bool", "bool", "boolean", "boolean", "st.booleans()", "True"),
    "timestamp": Type(
        "datetime",
        "AwareDatetime",
        {"type": "long", "logicalType": "timestamp-micros"},
        "timestamptz",
        "st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))",
        "datetime(2026, 1, 31, tzinfo=UTC)",
    ),
    "date": Type("date", "date", {"type": "int", "logicalType": "date"}, "date", "st.dates()", "date(2026, 1, 31)"),
    "json": Type(
        "dict[str, JsonValue]",
        "dict[str, JsonValue]",
        {"type": "string", "logicalType": "json"},
        "jsonb",
        'st.dictionaries(st.text(st.characters(exclude_categories=["C"]), max_size=9), st.integers())',
        '{{"note": 1}}',
    ),
}
LARGEST = "2**63 - 1"
CLAIMED = ("text", "uuid")
LARGEST_AMOUNT = "10**15"  # so that sums stay far from the end of 64 bits


class Attribute(Struct, frozen=True, kw_only=True):
    """A field of an event, a command, an aggregate or a view."""

    name: str
    kind: str
    python: str
    checked: str
    avro: object
    sql: str
    strategy: str
    words: bool
    example: str  # in Python
    optional: bool
    many: bool
    unique: bool = False


class Moment(Struct, frozen=True, kw_only=True):
    """An event and the command that asks for it. `path`: of the command, below the aggregate's."""

    name: str
    module: str
    command: str
    path: str
    about: str
    fields: tuple[Attribute, ...]
    after: tuple[str, ...]  # states, as constants
    state: str  # as a constant; empty: it stays
    creates: bool
    sets: tuple[tuple[str, str], ...]  # attribute of the aggregate, expression
    guards: tuple[tuple[str, str], ...]  # what must be true, and what is said otherwise


class Shape(Struct, frozen=True, kw_only=True):
    name: str  # Order
    module: str  # order
    plural: str  # orders
    path: str  # orders, of the API
    title: str  # order, in sentences
    a: str  # an order
    moments: tuple[Moment, ...]
    states: tuple[tuple[str, str], ...]  # constant, value
    attributes: tuple[Attribute, ...]  # without the totals
    totals: tuple[Attribute, ...]
    unique: tuple[Attribute, ...] = ()  # fields in which no two aggregates agree
    ordered_by: str = ""  # the attribute whose events are delivered in one order; empty: the id

    def creating(self) -> tuple[Moment, ...]:
        return tuple(m for m in self.moments if m.creates)

    def everything(self) -> tuple[Attribute, ...]:
        return (*self.attributes, *self.totals)

    def attribute(self, name: str) -> Attribute | None:
        wanted = attribute_name(name)
        return next((a for a in self.everything() if a.name == wanted), None)

    def kinds(self) -> frozenset[str]:
        """Of fields that it uses."""
        return frozenset(f.kind for m in self.moments for f in m.fields)


def shapes(requirements: Requirements) -> tuple[Shape, ...]:
    return tuple(shape(a) for a in requirements.domain.aggregates)


def shape(aggregate: Aggregate) -> Shape:
    """The aggregate, ready to be written. Raises Mistake where no code could mean it."""
    if not any(not e.after for e in aggregate.events):
        raise Mistake(f"{aggregate.name}: no event creates it; at least one needs no state that it comes after")
    module = naming.snake(aggregate.name)
    states = _states(aggregate)
    counted = {source for t in aggregate.totals for source in (*t.adds, *t.subtracts)}
    attributes = _attributes(aggregate, counted)
    title = " ".join(naming.words(aggregate.name)) or module
    return Shape(
        name=naming.pascal(aggregate.name),
        module=module,
        plural=naming.plural(module.rstrip("_")),
        path=naming.plural(naming.kebab(aggregate.name)),
        title=title,
        a=f"{'an' if title[0] in 'aeio' else 'a'} {title}",
        moments=tuple(_moments(aggregate, states, {a.name for a in attributes})),
        states=tuple((constant, value) for value, constant in states.items()),
        attributes=attributes,
        totals=tuple(
            attribute(Field(name=t.name, type="integer" if not _is_money(aggregate, t.adds) else "money"))
            for t in aggregate.totals
        ),
        unique=tuple(_unique(aggregate)),
        ordered_by=_ordered_by(aggregate, attributes),
    )


def _unique(aggregate: Aggregate) -> Iterator[Attribute]:
    """The fields in which no two aggregates agree: of the one event that creates them, by which they are claimed."""
    for event in aggregate.events:
        for field in (f for f in event.fields if f.unique):
            alone = not event.after and sum(not e.after for e in aggregate.events) == 1
            if not alone or field.optional or field.many or field.type not in CLAIMED:
                raise Mistake(
                    f"{aggregate.name}.{event.name}.{field.name}: unique; expected that of a {' or '.join(CLAIMED)} "
                    "of the one event that creates it, or no `unique` there"
                )
            yield attribute(field)


def _ordered_by(aggregate: Aggregate, attributes: tuple[Attribute, ...]) -> str:
    """The attribute that an aggregate's events are ordered by beyond the aggregate itself. It is known from the first
    event on, or there would be events before it without a place."""
    if aggregate.ordered_by is None:
        return ""
    wanted = attribute_name(aggregate.ordered_by)
    first = [e for e in aggregate.events if not e.after]
    known = all(any(attribute_name(f.name) == wanted and not f.optional for f in e.fields) for e in first)
    if not known or all(a.name != wanted for a in attributes):
        raise Mistake(
            f"{aggregate.name}: ordered_by {aggregate.ordered_by}; expected a field of every event that creates it"
        )
    return wanted


def _is_money(aggregate: Aggregate, sources: tuple[str, ...]) -> bool:
    return any(f.type == "money" for e in aggregate.events for f in e.fields if f"{e.name}.{f.name}" in sources)


def _states(aggregate: Aggregate) -> dict[str, str]:
    """The constants of the states, by what the requirements call them."""
    names = dict.fromkeys(s for e in aggregate.events for s in (e.state, *e.after) if s)
    return {name: naming.snake(name).upper().rstrip("_") for name in names} or {"existing": "EXISTING"}


def _attributes(aggregate: Aggregate, counted: set[str]) -> tuple[Attribute, ...]:
    """What it keeps of its events: the latest of each field. What not every creation gives may be missing."""
    found: dict[str, Attribute] = {}
    creations = [e for e in aggregate.events if not e.after]
    for event in aggregate.events:
        for field in expanded(event.fields):
            if f"{event.name}.{field.name}" not in counted:
                found.setdefault(attribute_name(field.name), attribute(field))
    given = [{attribute_name(f.name) for f in expanded(e.fields) if not f.optional} for e in creations]
    always = set.intersection(*given)
    made = [_missing(a) if a.name not in always else a for a in found.values()]
    return tuple(sorted(made, key=lambda a: a.optional))


def _missing(attribute: Attribute) -> Attribute:
    if attribute.optional:
        return attribute
    return Attribute(**{f: getattr(attribute, f) for f in attribute.__struct_fields__} | {"optional": True})


def _moments(aggregate: Aggregate, states: dict[str, str], kept: set[str]) -> Iterator[Moment]:
    used: set[str] = set()
    one_creation = sum(not e.after for e in aggregate.events) == 1
    for event in aggregate.events:
        verb, object_ = verbs.request(event.name)
        whole = naming.kebab(" ".join([*verb, *object_]))
        short = naming.kebab(" ".join(verb)) if object_ == naming.words(aggregate.name) else whole
        path = "" if not event.after and one_creation else (short if short not in used else whole)
        used.add(path)
        fields = tuple(sorted((attribute(f) for f in expanded(event.fields)), key=lambda a: a.optional))
        yield Moment(
            name=naming.pascal(event.name),
            module=naming.snake(event.name),
            command=naming.pascal(" ".join([*verb, *object_])),
            path=path,
            about=" ".join([*verb, *object_]),
            fields=fields,
            after=tuple(states[s] for s in event.after),
            state=states[event.state] if event.state else (next(iter(states.values())) if not event.after else ""),
            creates=not event.after,
            sets=tuple(_sets(aggregate, event, kept)),
            guards=tuple(_guards(aggregate, event)),
        )


def _sets(aggregate: Aggregate, event: Event, kept: set[str]) -> Iterator[tuple[str, str]]:
    """What an event makes of the aggregate. In a creation, totals begin at what it adds."""
    names = [attribute_name(f.name) for f in expanded(event.fields)]
    counted = {s for t in aggregate.totals for s in (*t.adds, *t.subtracts)}
    for field, name in zip(expanded(event.fields), names, strict=True):
        if name in kept and f"{event.name}.{field.name}" not in counted:
            yield name, f"event.{name}"
    for total in aggregate.totals:
        yield from (
            (attribute_name(total.name), change) for change in [_change(total.adds, total.subtracts, event)] if change
        )


def _change(adds: tuple[str, ...], subtracts: tuple[str, ...], event: Event) -> str:
    """What an event adds to a total: ``+ event.amount``."""
    names = {f"{event.name}.{f.name}": attribute_name(f.name) for f in event.fields}
    plus = [f"+ event.{names[s]}" for s in adds if s in names]
    minus = [f"- event.{names[s]}" for s in subtracts if s in names]
    return " ".join([*plus, *minus])


def _guards(aggregate: Aggregate, event: Event) -> Iterator[tuple[str, str]]:
    for invariant in aggregate.invariants:
        total = next(
            (t for t in aggregate.totals if invariant.kind == "non-negative" and t.name in invariant.fields), None
        )
        if total is None:
            continue
        names = {f"{event.name}.{f.name}": attribute_name(f.name) for f in event.fields}
        for name in (names[s] for s in total.subtracts if s in names):
            said = f"The {' '.join(naming.words(total.name))} would be negative"
            yield f"{attribute_name(total.name)} >= command.{name}", said


def expanded(fields: Iterable[Field]) -> list[Field]:
    """A period is its two ends."""
    made: list[Field] = []
    for field in fields:
        if field.type == "period":
            ends = (f"{field.name} from", f"{field.name} until")
            made += [Field(name=n, type="timestamp", optional=field.optional) for n in ends]
        else:
            made.append(field)
    return made


def attribute_name(name: str) -> str:
    found = naming.column(name)
    return f"{found}_" if found in TAKEN or found.startswith("model_") else found


def attribute(field: Field) -> Attribute:
    if field.type == "enum":
        choice = f"Literal[{', '.join(_quoted(v) for v in field.values)}]"
        one = Type(
            choice, choice, "string", "text", f"st.sampled_from([{choice[8:-1]}])", _quoted(field.values[0]), words=True
        )
    else:
        one = TYPES[field.type]
    least = field.minimum if field.minimum is not None else (0 if field.type == "money" else None)
    largest = LARGEST_AMOUNT if field.type == "money" else LARGEST
    bounds = f"ge={least}, le={largest}" if least is not None else f"ge=-{largest}, le={largest}"
    values = {"bounds": bounds, "least": least or 0, "least_bound": f"ge={least}, " if least is not None else ""}
    values |= {"some": max(least or 0, 7), "title": attribute_name(field.name).strip("_").replace("_", " ")}
    texts = (one.checked, one.strategy, one.example)
    checked, strategy, example = texts if field.type == "enum" else (t.format(**values) for t in texts)
    avro, python, sql = one.avro, one.python, one.sql
    if field.many:
        python, checked = f"tuple[{python}, ...]", f"Annotated[tuple[{checked}, ...], Field(max_length=1000)]"
        avro, sql = {"type": "array", "items": avro}, f"{sql}[]"
        strategy = f"st.lists({strategy}, max_size=3).map(tuple)"
        example = f"({example},)"
    if field.optional:
        strategy = f"st.none() | {strategy}"
    return Attribute(
        name=attribute_name(field.name),
        kind=field.type,
        python=python,
        checked=checked,
        avro=avro,
        sql=sql,
        strategy=strategy,
        example=example,
        words=one.words,
        optional=field.optional,
        many=field.many,
        unique=field.unique,
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def walk(shape: Shape) -> tuple[Moment, ...]:
    """A life: events in an order that the states allow, each at most once."""
    made = [shape.creating()[0]]
    state = made[0].state
    while True:
        following = (m for m in shape.moments if state in m.after and m not in made)
        moment = next(following, None)
        if moment is None:
            return tuple(made)
        made.append(moment)
        state = moment.state or state
