"""`multi-valued-column`: a column holds a list as text, and statements look inside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.model.system import System
from datakeel.rules.facts.survey import of_tests
from datakeel.rules.rule import Hit, rule

IN_LIST = re.compile(r"^const:['\"]%[,;|].*[,;|]%['\"]$")
LOOKED_INTO = (
    re.compile(r"\bfind_in_set\s*\([^,()]+,\s*(?:\w+\.)?(\w+)\s*\)", re.I),
    re.compile(r"\b(\w+)\s+i?like\s+'%[,;|]'\s*\|\|", re.I),
    re.compile(r"\b(\w+)\s+i?like\s+concat\(\s*'%[,;|]'", re.I),
    re.compile(r"'[,;|]'\s*\|\|\s*(?:\w+\.)?(\w+)\s*\|\|\s*'[,;|]'\s+i?like\b", re.I),
    re.compile(
        r"\b(?:string_to_array|regexp_split_to_table|string_to_table)\s*\(\s*(?:\w+\.)?(\w+)\s*,\s*'[,;|]\s?'", re.I
    ),
)
TEXTS = ("text", "varchar", "char", "")


@rule(Severity.MINOR)
def multi_valued_column(system: System) -> Iterator[Hit]:
    """A column holds a delimited list, and queries look for one of its parts. Speaks once for each column."""
    found: dict[tuple[str, str], list[tuple[Operation, Effect]]] = {}
    for operation in system.operations:
        if operation.role != Role.PRODUCT or of_tests(operation.place.path):
            continue
        for effect in operation.of(Kind.READ, Kind.WRITE):
            if effect.store == StoreKind.RELATIONAL and not effect.chain:
                for column in looked_into(effect, system):
                    found.setdefault((effect.dataset, column), []).append((operation, effect))
    for (dataset, column), uses in sorted(found.items()):
        yield hit(dataset, column, sorted(uses, key=lambda use: use[1].place))


def looked_into(effect: Effect, system: System) -> Iterator[str]:
    """The text columns of which a statement takes a part between separators."""
    dataset = system.dataset_of(effect)
    names = (
        [p.column for p in effect.selection.predicates if IN_LIST.match(p.value)]
        if effect.selection is not None
        else []
    )
    names += [m.group(1) for pattern in LOOKED_INTO for m in pattern.finditer(effect.text)]
    for name in dict.fromkeys(n.lower() for n in names):
        column = dataset.column(name) if dataset is not None else None
        if column is not None and column.type.partition("(")[0] in TEXTS:
            yield name


def hit(dataset: str, column: str, uses: list[tuple[Operation, Effect]]) -> Hit:
    operation, first = uses[0]
    return Hit(
        place=first.place,
        message=f"{dataset}.{column} holds a list as text: no index finds one of its parts, and nothing checks them",
        story=(
            *(Step(e.place, f"a statement looks for one part inside {column}") for _, e in uses[:3]),
            Step(first.place, "every row is read and cut apart; two who add a part at once lose one of the two"),
        ),
        rests_on=(first,),
        doubts=1,
        datasets=(dataset,),
        symbol=operation.symbol,
        fix=Fix(
            title="a table of its own, or an array with an index",
            text=f"CREATE TABLE {dataset}_{column} (… REFERENCES {dataset}, value text, PRIMARY KEY (…, value));",
        ),
    )
