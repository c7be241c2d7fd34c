"""The target of records with several writers that may be cut off: what each client did is kept, and a record is what
its changes come to, in whatever order they arrive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, structs

from datakeel import naming
from datakeel.decision import Design
from datakeel.mistake import Mistake
from datakeel.requirements import Domain, Replicated, Requirements, Table
from datakeel.write.contribution import Contribution, Migration, Trouble
from datakeel.write.modules import module_file, module_text
from datakeel.write.project import File, templates
from datakeel.write.targets.tables.shape import Column, Shape, shapes

ORDER = 16
PARTS = frozenset({"replicated"})
HERE = Path(__file__).parent / "parts"
TAKEN = frozenset(
    {"deleted", "changes", "change", "gone", "once", "amount", "value", "seen", "effect", "fold", "merge"}
)


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of records. A whole number is a counter, a list is a set, all else is a register."""

    merge: str
    about: str
    plural: str
    one: str
    module: str
    path: str
    model: str
    ordered: tuple[Column, ...]

    @property
    def sets(self) -> tuple[Column, ...]:
        return tuple(c for c in self.ordered if c.field.many)

    @property
    def counters(self) -> tuple[Column, ...]:
        return tuple(c for c in self.ordered if c.field.type == "integer" and not c.field.many)

    @property
    def registers(self) -> tuple[Column, ...]:
        return tuple(c for c in self.ordered if c not in self.sets and c not in self.counters)

    @property
    def effects(self) -> list[str]:
        """The classes of what can be done to one."""
        if self.merge != "crdt":
            return ["Write"]
        names = {c.name: naming.pascal(c.name) for c in self.ordered}
        return [
            *(f"Set{names[c.name]}" for c in self.registers),
            *(f"AddTo{names[c.name]}" for c in self.counters),
            *(f"{verb}{names[c.name]}" for c in self.sets for verb in ("PutInto", "TakeFrom")),
            "Delete",
        ]

    @property
    def effect(self) -> str:
        return "Effect" if self.merge == "crdt" else "Write"

    @property
    def folded(self) -> str:
        return f"list[{self.model}]" if self.merge == "version-vector" else self.model

    @property
    def taken(self) -> str:
        """A set that tests take from."""
        return self.sets[0].name if self.sets and self.merge == "crdt" else ""


def contribution(design: Design) -> Contribution:
    found = kinds(design.requirements)
    if not found:
        return Contribution()
    return Contribution(
        files=tuple(_files(naming.snake(design.requirements.name), found)),
        migrations=tuple(Migration(f"{k.one}_changes", _render("schema.sql", kind=k)) for k in found),
        routers=tuple(f"api.{k.module}" for k in found),
        repeatable=tuple(f"post /{k.path}/sync" for k in found),
        troubles=TROUBLES,
        diagram=(f"client <-->|sync, when it can| api --> changes[(changes of {', '.join(k.plural for k in found)})]",),
    )


def kinds(requirements: Requirements) -> tuple[Kind, ...]:
    replicated = requirements.domain.replicated
    tables = tuple(Table(name=r.name, fields=r.fields) for r in replicated)
    made = {s.source: s for s in shapes(Requirements(name=requirements.name, domain=Domain(tables=tables)))}
    return tuple(_kind(one, made[one.name]) for one in replicated)


def _kind(one: Replicated, shape: Shape) -> Kind:
    if not shape.columns:
        raise Mistake(f"replicated {one.name} has no fields: name what clients write, as in fields: {{text: text}}")
    return Kind(
        merge=one.merge,
        about=shape.about,
        plural=shape.about if shape.about.endswith("s") else naming.plural(shape.about),
        one=shape.one,
        module=shape.module,
        path=shape.path,
        model=shape.model,
        ordered=tuple(structs.replace(c, name=f"{c.name}_") if c.name in TAKEN else c for c in shape.columns),
    )


def _files(package: str, found: tuple[Kind, ...]) -> Iterator[File]:
    clock = "Stamps that order what clients did, though their clocks differ."
    yield module_file(package, "domain.clock", clock, _render("clock.py"), _known(package, found[0]))
    for kind in found:
        known = _known(package, kind)
        yield module_file(
            package,
            f"domain.{kind.one}",
            f"What clients do to {kind.plural}, and what it comes to.",
            _domain(kind),
            known,
        )
        about = f"The SQL of {kind.plural}. Each function works in the caller's transaction."
        yield module_file(package, f"storage.{kind.module}", about, _render("storage.py", kind=kind), known)
        about = f"The routes of {kind.plural}."
        yield module_file(package, f"api.{kind.module}", about, _render("routes.py", kind=kind), known)
        for (folder, name), about in TESTS.items():
            text = module_text(about.format(kind.plural), _test(name, kind), known)
            yield File(f"tests/{folder}/test_{kind.module}_{name}.py", text)


TESTS = {
    ("unit", "fold"): "What changes of {} come to.",
    ("contract", "sync"): "What clients rely on that write {} while they are cut off.",
    ("concurrency", "writers"): "What must hold of {} when many sync at once.",
    ("concurrency", "convergence"): "However clients that write {} meet, they come to one state.",
}


def _domain(kind: Kind) -> str:
    types = " ".join(c.annotation for c in kind.ordered)
    if kind.merge == "crdt":
        return _render("crdt.py", kind=kind, types=types)
    end = "siblings_fold.py" if kind.merge == "version-vector" else "merged_fold.py"
    typed = 'T = TypeVar("T")\n' if kind.merge == "application" else ""
    return typed + _render("siblings.py", kind=kind, types=types) + _render(end, kind=kind)


def _test(name: str, kind: Kind) -> str:
    given = ", ".join(f"{c.name}={_example(c)}" for c in kind.ordered)
    example = f"{kind.model}({given})"
    return _render(
        f"test_{name}.py",
        kind=kind,
        example=example,
        one_effect="Delete(deleted=False)" if kind.merge == "crdt" else f"write([], {example})",
        example_of=lambda column, number=1: _example(_alone(column), number),
        single=lambda column: _alone(column).strategy,
    )


def _alone(column: Column) -> Column:
    """One of its values."""
    return structs.replace(column, field=structs.replace(column.field, many=False, optional=False))


def _example(column: Column, number: int = 1) -> str:
    """A value that a test may give it."""
    if column.field.type == "enum":
        value = f'"{column.field.values[min(number, len(column.field.values)) - 1]}"'
        return f"[{value}]" if column.field.many else value
    value = re.sub(r'(?<!")\bnumber\b(?!")', str(number), column.sample)
    value = value.replace(f"{{{number}}}", str(number)).replace('f"', '"')
    return value.replace("START", "datetime(2030, 1, 1, tzinfo=UTC)")


def _known(package: str, kind: Kind) -> dict[str, str]:
    """The names that the modules use, by their modules."""
    known = dict.fromkeys(("Conflict", "Missing", "run"), f"{package}.platform.database")
    known |= dict.fromkeys(("Pool", "Problem"), f"{package}.platform.http")
    known |= dict.fromkeys(("Clock", "moment"), f"{package}.domain.clock")
    own = ("Change", "Dot", "Effect", "fold", "merge", "siblings", "write", kind.model, *kind.effects)
    known |= dict.fromkeys(own, f"{package}.domain.{kind.one}")
    known |= {f"take_from_{c.name}": f"{package}.domain.{kind.one}" for c in kind.sets}
    return known | {kind.module: f"{package}.storage"}


def _render(name: str, **values: object) -> str:
    return templates(HERE).get_template(f"{name}.jinja").render(values)


TROUBLES = (
    Trouble(
        symptom="A client's changes do not arrive",
        look="How its `/sync` is answered. 409: its next change has another number than it thinks; 422: its clock is "
        "ahead, or a change does not fit its description.",
        do="Nothing is lost: the client keeps what was not acknowledged, and sends it again. After a 409 it goes on "
        "at the number that the answer tells; after a 422 it sets its clock and stamps anew.",
    ),
)
