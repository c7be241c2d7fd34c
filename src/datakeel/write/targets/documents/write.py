"""The target of documents: for each kind a table that holds them whole, its SQL, its routes and its proofs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path as Folder

from msgspec import Struct, structs

from datakeel import naming
from datakeel.decision import Design
from datakeel.requirements import Domain, Requirements, Table
from datakeel.write.contribution import Contribution, Migration, Trouble
from datakeel.write.modules import module_file, module_text
from datakeel.write.project import File, templates
from datakeel.write.targets.tables.shape import Column, Path, Shape, shapes
from datakeel.write.targets.tables.write import DELETED

ORDER = 12
PARTS = frozenset({"documents"})
HERE = Folder(__file__).parent / "parts"

# Text becomes these by functions of PostgreSQL that its settings can change, so an index cannot rest on them. What is
# stored is always ISO 8601, with its offset, and is read the same under every setting.
TAKEN = frozenset({"body", "can_be_stored"})  # what every document has
STEADY = {"timestamptz": "instant", "date": "day"}


class Kind(Struct, frozen=True):
    """One kind of documents. `looked_up`: the columns that are made from what the documents hold, since somebody looks
    for it. `indexes`: columns of each; `contained`: the lists that are looked into."""

    shape: Shape
    looked_up: tuple[Column, ...]
    indexes: tuple[tuple[str, ...], ...]
    contained: tuple[Column, ...]

    @property
    def unique(self) -> tuple[Column, ...]:
        return tuple(g.columns[0] for g in self.shape.of("unique"))

    @property
    def plural(self) -> str:
        about = self.shape.about
        return about if about.endswith("s") else naming.plural(about)

    @property
    def sentence(self) -> str:
        """What is said when a document meets one that is there."""
        once = ", or ".join(" ".join(naming.words(c.name)) for c in self.unique)
        return f"There is one with this {once}" if once else "Its id was used before"

    def generated(self, column: Column) -> str:
        """The definition of a column that follows from the body."""
        value = f"body -> '{column.name}'" if column.field.many else f"body ->> '{column.name}'"
        kind = "jsonb" if column.field.many else column.type.sql
        if kind in STEADY:
            value = f"{STEADY[kind]}({value})"
        elif kind not in ("text", "jsonb"):
            value = f"({value})::{kind}"
        null = "" if column.field.optional else " NOT NULL"
        return f"{column.name} {kind}{null} GENERATED ALWAYS AS ({value}) STORED"

    def condition(self, column: Column) -> str:
        if column.field.many:
            return f"{column.name} @> to_jsonb(%({column.name})s::{column.type.sql})"
        return f"{column.name} = %({column.name})s"


def contribution(design: Design) -> Contribution:
    found = kinds(design.requirements)
    if not found:
        return Contribution()
    return Contribution(
        files=tuple(_files(naming.snake(design.requirements.name), found)),
        migrations=(
            *(() if design.requirements.domain.tables else (Migration("deleted", DELETED),)),
            *(Migration(k.shape.table, _schema(k)) for k in found),
        ),
        routers=tuple(f"api.{k.shape.module}" for k in found),
        troubles=TROUBLES,
        diagram=(f"api -->|whole| documents[({', '.join(k.plural for k in found)})]",),
    )


def kinds(requirements: Requirements) -> tuple[Kind, ...]:
    """The kinds of documents. What is looked up is named as the columns of a table are."""
    tables = tuple(Table(name=d.name, fields=d.fields, access=d.access) for d in requirements.domain.documents)
    views = tuple(v for v in requirements.domain.views if v.kind in ("lookup", "cache"))
    found = structs.replace(requirements, domain=Domain(tables=tables, views=views))
    return tuple(_kind(shape) for shape in shapes(found, taken=TAKEN))


def _kind(shape: Shape) -> Kind:
    paths = tuple(_whole(path) for path in shape.paths)
    by = [c for path in paths for c in path.by]
    keys = [path.key for path in paths if path.key is not None]
    wanted = {c.name for c in (*by, *keys, *(c for g in shape.of("unique") for c in g.columns))}
    looked_up = tuple(c for c in shape.columns if c.name in wanted)
    contained = tuple(c for c in looked_up if c.field.many)
    lists = {c.name for c in contained}
    return Kind(
        shape=structs.replace(shape, paths=paths),
        looked_up=looked_up,
        indexes=tuple(i for i in shape.indexes if not lists & set(i)),
        contained=contained,
    )


def _whole(path: Path) -> Path:
    """A list has no place in an order, and objects cannot be told equal by what a client types."""
    key = path.key if path.key is not None and not path.key.field.many else None
    return structs.replace(path, key=key, by=tuple(c for c in path.by if c.field.type != "json"))


def _schema(kind: Kind) -> str:
    """One migration each, so that documents that come later are a step of their own."""
    used = {c.type.sql for c in kind.looked_up if not c.field.many}
    return _render("schema.sql", kind=kind, used=used, STEADY=STEADY)


def _files(package: str, found: tuple[Kind, ...]) -> Iterator[File]:
    known = _known(package, found)
    made = [file for kind in found for file in _of(package, kind, known)]
    used = {name for file in made for name in re.findall(r"\w+", file.text)}
    whole = _render("whole.py", used=used)
    yield module_file(package, "domain.whole", "What every document is.", whole, known)
    about = "The version of a document as HTTP says it: an ETag."
    yield module_file(package, "api.versions", about, _render("versions.py"), known)
    samples = {k.shape.table: _sample(k.shape) for k in found}
    body = _render("samples.py", kinds=found, samples=samples)
    yield File("tests/some_documents.py", module_text("Documents that are valid and differ.", body, known))
    yield from made


def _of(package: str, kind: Kind, known: dict[str, str]) -> Iterator[File]:
    shape = kind.shape
    words = {"kind": kind, "shape": shape}
    about = f"What a {shape.about} is: what is known of all of them."
    yield module_file(package, f"domain.{shape.one}", about, _render("model.py", **words), known)
    about = f"The SQL of {kind.plural}. Each function works in the caller's transaction."
    yield module_file(package, f"storage.{shape.module}", about, _render("storage.py", **words), known)
    about = f"The routes of {kind.plural}: a version is an ETag, and who changes one says which it has seen."
    yield module_file(package, f"api.{shape.module}", about, _render("routes.py", **words), known)
    about = f"What clients of {kind.plural} rely on."
    test = _render("test_api.py", **words, missing=_required(shape), walked=_walked(kind), differs=_differs)
    yield File(f"tests/contract/test_{shape.module}_api.py", module_text(about, test, known))
    about = f"What must hold of {kind.plural} when many work at once."
    test = _render("test_writers.py", **words)
    yield File(f"tests/concurrency/test_{shape.module}_writers.py", module_text(about, test, known))


def _sample(shape: Shape) -> list[str]:
    return [f'"{c.name}": {c.sample},' for c in shape.columns] or ['"number": number,']


def _required(shape: Shape) -> Column | None:
    return next((c for c in shape.columns if not c.field.optional), None)


def _walked(kind: Kind) -> tuple[Path, ...]:
    """The paths that several documents can share."""
    once = {c.name for c in kind.unique}
    return tuple(
        path
        for path in kind.shape.paths
        if path.by and not {c.name for c in path.by} & once and (path.key is None or not path.key.field.optional)
    )


def _differs(path: Path) -> bool:
    """Whether a further sample is none of those that the path finds."""
    return any("number" in c.sample or "uuid4" in c.sample for c in path.by)


def _known(package: str, found: tuple[Kind, ...]) -> dict[str, str]:
    """The names that the modules use, by their modules."""
    known = dict.fromkeys(("Conflict", "Missing", "run", "transaction"), f"{package}.platform.database")
    known |= dict.fromkeys(("Limit", "Pool", "Problem"), f"{package}.platform.http")
    own = ("EARLIEST", "HIGHEST", "LATEST", "NIL", "Instant", "Integer", "Number", "Text", "Stored", "Whole")
    known |= dict.fromkeys(own, f"{package}.domain.whole")
    known |= dict.fromkeys(("IfMatch", "IfNoneMatch", "etag", "version_of"), f"{package}.api.versions")
    known |= dict.fromkeys(("JSON", "TEXT", "START"), "some_documents")
    for kind in found:
        shape = kind.shape
        known[shape.model] = f"{package}.domain.{shape.one}"
        known[shape.module] = f"{package}.storage"
        known[f"some_{shape.one}"] = "some_documents"
    return known


def _render(name: str, **values: object) -> str:
    return templates(HERE).get_template(f"{name}.jinja").render(values)


TROUBLES = (
    Trouble(
        symptom="Changes of documents are answered with 412",
        look="Who else writes them: the logs carry the correlation id of each request.",
        do="Nothing is lost: the client reads the document again, puts its change into it, and sends it with the new "
        "ETag. If it happens often, what is changed so often belongs into a document of its own.",
    ),
)
