"""Plans: querysets that are not evaluated yet, and conditions; the words that they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.certainty import Answer
from datakeel.model.effect import Assignment, Predicate, Rows, Source
from datakeel.read.values import Arguments, Plan, Value, canonical, handed, union

if TYPE_CHECKING:
    from datakeel.read.graft import Graft


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LOOKUPS = {
    **dict.fromkeys(("exact",), "="),
    **dict.fromkeys(("gt",), ">"),
    **dict.fromkeys(("gte",), ">="),
    **dict.fromkeys(("lt",), "<"),
    **dict.fromkeys(("lte",), "<="),
    **dict.fromkeys(("in",), "in"),
    **dict.fromkeys(("isnull",), "is-null"),
    **dict.fromkeys(("range",), "between"),
    **dict.fromkeys(("overlap", "has_key", "has_keys", "has_any_keys", "contained_by"), "contains"),
    **dict.fromkeys(("search",), "search"),
    **dict.fromkeys(
        ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex", "iregex", "iexact"),
        "like",
    ),
}
TRANSFORMS = words(
    "date year month day week week_day quarter time hour minute second iso_year lower upper trim unaccent length"
)
CHAINS = words(
    "all filter exclude order_by select_related prefetch_related only defer distinct annotate values values_list using "
    "select_for_update reverse none union intersection difference alias iterator complex_filter extra get_queryset "
    "dates datetimes db_manager raw using_db limit offset group_by force_index use_index"
)
READS = words("get get_or_none first last latest earliest count exists aggregate in_bulk explain contains")
WRITES = words(
    "create get_or_create update_or_create bulk_create bulk_update update delete create_user create_superuser get_solo"
)
LINKS = words("add remove set clear")
ASYNC = {f"a{name}": name for name in READS | WRITES | LINKS | {"iterator"}}


class Related(Struct, frozen=True):
    """What ties the rows of a related manager to their owner: by the child's `column`, or through a `link` table."""

    column: str = ""
    link: str = ""
    owner: Rows | None = None


class Query(Plan, frozen=True):
    """A queryset that is not evaluated yet, or a manager (`managed`).

    `model` is the class's dotted name, empty where it is not known. `shape` is empty for instances, else values,
    values_list, flat. `eager` are the relations that one statement brings along (``*``: all), `prefetched` those that a
    second statement brings. `related` ties it to the object whose rows these are; `loaded`: they came with it.
    """

    model: str
    predicates: tuple[Predicate, ...] = ()
    complete: bool = True
    lock: str = ""
    skip_locked: bool = False
    nowait: bool = False
    order: tuple[str, ...] = ()
    limit: int | None = None
    offset: bool = False
    columns: tuple[str, ...] | None = None
    eager: tuple[str, ...] = ()
    prefetched: tuple[str, ...] = ()
    using: str = ""
    shape: str = ""
    managed: bool = False
    related: Related | None = None
    loaded: bool = False
    empty: bool = False
    streamed: bool = False
    grouped: bool = False

    def joined(self, other: object) -> Plan:
        """What holds of both plans; a lock that either takes counts as taken, and so does what either reads along."""
        if not isinstance(other, Query) or other == self:
            return self
        same = self.predicates == other.predicates
        return Query(
            self.model if self.model == other.model else "",
            self.predicates if same else tuple(p for p in self.predicates if p in other.predicates),
            self.complete and other.complete and same,
            self.lock or other.lock,
            self.skip_locked or other.skip_locked,
            self.nowait or other.nowait,
            self.order if self.order == other.order else (),
            self.limit if self.limit == other.limit else (None if None in (self.limit, other.limit) else 0),
            self.offset and other.offset,
            self.columns if self.columns == other.columns else None,
            tuple(dict.fromkeys((*self.eager, *other.eager))),
            tuple(dict.fromkeys((*self.prefetched, *other.prefetched))),
            self.using if self.using == other.using else "?",
            self.shape if self.shape == other.shape else "",
            self.managed and other.managed,
            self.related if self.related == other.related else None,
            self.loaded and other.loaded,
            self.empty and other.empty,
            self.streamed or other.streamed,
            self.grouped or other.grouped,
        )

    def grafted(self, graft: Graft) -> Query:
        """The same plan in the caller's terms."""
        related = self.related
        if related is not None:
            related = replace(related, owner=graft.rows(related.owner))
        return replace(self, predicates=tuple(graft.predicate(p) for p in self.predicates), related=related)

    def passed_as(self, name: str) -> Query:
        """The plan as the function sees it that is given it as parameter `name`."""
        related = replace(self.related, owner=None) if self.related is not None else None
        predicates = tuple(
            replace(p, value=f"parameter:{name}.$p{i}", sources=(Source("parameter", name=name, path=(f"$p{i}",)),))
            if p.sources
            else p
            for i, p in enumerate(self.predicates)
        )
        return replace(self, predicates=predicates, related=related)

    def part(self, name: str) -> Value | None:
        """What a name that `passed_as` gave stands for."""
        number = int(name[2:]) if name.startswith("$p") else len(self.predicates)
        return Value(sources=frozenset(self.predicates[number].sources)) if number < len(self.predicates) else None

    def detached(self) -> Query:
        """The plan without what only the function that made it knows."""
        related = replace(self.related, owner=None) if self.related is not None else None
        return replace(self, predicates=tuple(loose(p) for p in self.predicates), related=related)


class Condition(Struct, frozen=True):
    """A Q object."""

    predicates: tuple[Predicate, ...] = ()
    complete: bool = True

    def detached(self) -> Condition:
        return Condition(tuple(loose(p) for p in self.predicates), self.complete)


class Forced(Struct, frozen=True):
    """A plan's rows, kept from the first time that it was forced, with the conditions that stood round that."""

    value: Value
    conditions: frozenset[Any]


def loose(predicate: Predicate) -> Predicate:
    keep = predicate.value.startswith("const:")
    return replace(predicate, sources=(), value=predicate.value if keep else "")


def compared(column: str, operator: str, value: Value) -> Predicate:
    """A predicate; its value has a name only where that can be followed into other functions."""
    sources = tuple(sorted(union((value,))))
    text = canonical(value)
    return Predicate(column, operator, text if sources or text.startswith("const:") else "", sources)


def assignment(name: str, value: Value) -> Assignment:
    sources = tuple(sorted(union((value,))))
    if value.atomic:
        return Assignment(name, "atomic", sources)
    if value.known:
        return Assignment(name, "constant", (), text=canonical(value))
    return Assignment(name, "value", sources, text=handed(value))


def connection_of(using: str) -> str:
    """The alias; a name that was not understood stands for itself."""
    return using.removeprefix("const:").strip("'") if using else "default"


REPLICAS = ("replica", "slave", "follower", "secondary", "standby")  # what connections to followers are called


def replica(using: str) -> Answer:
    if not using or "default" in using:
        return Answer.NO
    words = ("read", *REPLICAS)
    return Answer.YES if any(w in using.lower() for w in words) else Answer.UNKNOWN


def alias(given: Value | None) -> str:
    """The connection that a ``using`` argument names."""
    if given is None or (given.known and given.const is None):
        return ""
    return given.text or given.name or canonical(given) or "?"


def text_argument(arguments: Arguments, name: str) -> str:
    found = arguments.keywords.get(name)
    return (found.text or canonical(found)) if found is not None and not (found.known and found.const is None) else ""
