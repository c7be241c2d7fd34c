"""The target of tables: one migration, and for each table its model, its SQL, its routes and the proofs of what must
hold of it. A light system has one module for each table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path as Folder

from msgspec import structs

from datakeel import naming
from datakeel.decision import Design
from datakeel.requirements import Requirements
from datakeel.write.contribution import Contribution, Migration, Trouble, light
from datakeel.write.modules import module_file, module_text
from datakeel.write.project import File, templates
from datakeel.write.targets.tables.shape import Column, Guard, Path, Shape, quoted, shapes

ORDER = 10
PARTS = frozenset({"tables"})
PARTS_FOLDER = Folder(__file__).parent / "parts"


def contribution(design: Design) -> Contribution:
    found = shapes(_in_place(design), versioned=not light(design))
    if not found:
        return Contribution()
    system = System(design, found)
    return Contribution(
        files=tuple(system.files()),
        migrations=tuple(system.migrations()),
        routers=tuple(system.modules[s.table]["routes"] for s in found),
        troubles=TROUBLES,
        diagram=(f"api -->|SQL| tables[({', '.join(s.about for s in found)})]",),
    )


def _in_place(design: Design) -> Requirements:
    """What is required, less the views of which copies are kept."""
    domain = design.requirements.domain
    views = tuple(view for view in domain.views if not design.size(f"{view.name}.copied"))
    return structs.replace(design.requirements, domain=structs.replace(domain, views=views))


class System:
    """What the modules of all tables share: where they stand, and what they import."""

    def __init__(self, design: Design, found: tuple[Shape, ...]) -> None:
        self.package = naming.snake(design.requirements.name)
        self.light = light(design)
        self.shapes = found
        self.repeats = any(s.of("non-negative") for s in found)  # twice is not the same as once
        self.modules = {s.table: self._modules(s) for s in found}
        self.known = self._known()

    def _modules(self, shape: Shape) -> dict[str, str]:
        """Dotted paths below the package."""
        if self.light:
            return dict.fromkeys(("model", "storage", "routes"), shape.module)
        return {"model": f"domain.{shape.one}", "storage": f"storage.{shape.module}", "routes": f"api.{shape.module}"}

    def _known(self) -> dict[str, str]:
        package = self.package
        database, http, values = (
            (f"{package}.database", f"{package}.http", f"{package}.values")
            if self.light
            else (f"{package}.platform.database", f"{package}.platform.http", f"{package}.domain.values")
        )
        found = dict.fromkeys(("Conflict", "Missing", "run", "open_pool"), database)
        found |= dict.fromkeys(("Limit", "NewId", "Pool"), http)
        found |= dict.fromkeys(("Answer", "Key", "once"), f"{package}.{'' if self.light else 'platform.'}idempotency")
        found |= dict.fromkeys(("EARLIEST", "HIGHEST", "LATEST", "NIL", "Instant", "Integer", "Number", "Text"), values)
        for shape in self.shapes:
            modules = self.modules[shape.table]
            names = [shape.model, f"New{shape.model}", f"{shape.model}Change", f"{shape.model}Values"]
            names += [report.model for report in shape.reports]
            found |= dict.fromkeys(names, f"{package}.{modules['model']}")
            above, _, module = modules["storage"].rpartition(".")
            found[module] = f"{package}.{above}".rstrip(".")
            found |= dict.fromkeys((f"new_{shape.one}", f"{article(shape)}_{shape.one}"), "samples")
        found |= dict.fromkeys(("INSTANTS", "START", "TEXT", "at_once"), "samples")
        found |= dict.fromkeys(("Api", "power_fails", "wait_until"), "conftest") if self.light else HARNESS
        found |= {"LocalPostgres": f"{package}.platform.local_postgres", "Settings": f"{package}.settings"}
        return found

    def migrations(self) -> Iterator[Migration]:
        if self.light and self.repeats:  # every other system has this one anyway
            yield Migration("idempotency_keys", IDEMPOTENCY_KEYS)
        yield Migration("deleted", DELETED)
        for shape in self.shapes:  # one each, so that a table that comes later is a step of its own
            text = self._render("schema.sql", shape=shape, constraints=list(_constraints(shape)))
            yield Migration(shape.table, text.replace("\n,\n", ",\n"))

    def files(self) -> Iterator[File]:
        code = [file for shape in self.shapes for file in self._of(shape)]
        tests = [File("tests/samples.py", self._samples()), *self._tests(), self._faults()]
        yield from code
        yield self._values([f.text for f in (*code, *tests)])
        if self.light and self.repeats:
            about = "One effect for one Idempotency-Key, where what is asked for makes nothing that could bear it."
            yield self._module("idempotency", about, self._render("idempotency.py"))
        yield from tests

    def _of(self, shape: Shape) -> Iterator[File]:
        modules = self.modules[shape.table]
        model = self._render("model.py", shape=shape).strip("\n") + "\n"
        storage = self._storage(shape)
        routes = self._routes(shape)
        plural = shape.about if shape.about.endswith("s") else naming.plural(shape.about)
        if self.light:
            text = "\n\n".join((model, storage, routes))
            yield self._module(
                modules["model"], f"{plural.capitalize()}: what they are, their SQL, their routes.", text
            )
            return
        yield self._module(modules["model"], f"What a {shape.about} is.", model)
        yield self._module(
            modules["storage"], f"The SQL of {plural}. Each function works in the caller's transaction.", storage
        )
        yield self._module(modules["routes"], f"The routes of {plural}.", routes)

    def _storage(self, shape: Shape) -> str:
        return self._render(
            "storage.py",
            shape=shape,
            conflict=_conflict(shape),
            json=any(c.type.sql == "jsonb" for c in shape.columns),
            wrapped=lambda value: _wrapped(shape, value),
            before=_before,
        )

    def _routes(self, shape: Shape) -> str:
        return self._render(
            "routes.py",
            shape=shape,
            s="" if self.light else f"{shape.module}.",
            isolation=_isolation(shape),
        )

    def _values(self, texts: list[str]) -> File:
        used = {name for text in texts for name in re.findall(r"\w+", text)}
        body = self._render("values.py", used=used)
        about = "The values that rows hold, within what the database can hold."
        return self._module("values" if self.light else "domain.values", about, body)

    def _samples(self) -> str:
        samples = {s.table: [_sample(column, s) for column in s.given] for s in self.shapes}
        body = self._render("samples.py", shapes=self.shapes, article=article, samples=samples, flat=self.light)
        about = "Rows that are valid and differ from one another, with those that they refer to."
        return module_text(about, body, self.known)

    def _tests(self) -> Iterator[File]:
        bodies = [self._test(shape) for shape in self.shapes]
        if self.light:
            about = "What must hold of the rows, also when many work at once."
            yield File("tests/test_tables.py", module_text(about, "\n".join(bodies), self.known))
            return
        for shape, body in zip(self.shapes, bodies, strict=True):
            about = f"What must hold of {naming.plural(shape.about)}, also when many work at once."
            yield File(f"tests/concurrency/test_{shape.module}.py", module_text(about, body, self.known))

    def _test(self, shape: Shape) -> str:
        free = [c for c in shape.given if c.parent is None and c.field.type != "period"]
        return self._render(
            "test.py",
            shape=shape,
            a=f"{article(shape)}_{shape.one}",
            client=("api: Api", "api.client") if self.light else ("client: httpx.Client", "client"),
            isolation=_isolation(shape),
            repeated=not self.light or bool(shape.of("no-overlap")) or not shape.guards,
            contest=_contest,
            refused=_refused,
            walk=lambda path: _walk(shape, path),
            walked=[path for path in shape.paths if _walkable(shape, path) and not self.light],
            strategies="{" + ", ".join(f'"{c.name}": {c.strategy}' for c in free) + "}"
            if free and not self.light
            else "",
        )

    def _faults(self) -> File:
        """Of the table that most is asked of."""
        shape = max(self.shapes, key=lambda s: (len(s.of("no-overlap")), len(s.guards), len(s.parents)))
        name = "faults_light.py" if self.light else "faults.py"
        body = self._render(name, shape=shape, plural=naming.plural(shape.about))
        path = "tests/test_faults.py" if self.light else f"tests/faults/test_{shape.module}.py"
        return File(path, module_text("Processes and the database fall while clients are at work.", body, self.known))

    def _module(self, dotted: str, about: str, body: str) -> File:
        return module_file(self.package, dotted, about, body, self.known)

    def _render(self, name: str, **values: object) -> str:
        return templates(PARTS_FOLDER).get_template(f"{name}.jinja").render(values)


IDEMPOTENCY_KEYS = """\
CREATE TABLE idempotency_keys (
    key text PRIMARY KEY,
    request text NOT NULL,
    status integer,
    body jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
"""
DELETED = """\
-- Ids of rows that were deleted: whoever asks late, or again, for one to be made makes no second.
CREATE TABLE deleted (id uuid PRIMARY KEY, since timestamptz NOT NULL DEFAULT now());

CREATE INDEX deleted_since ON deleted (since);
"""
HARNESS = dict.fromkeys(("SCALE", "Running", "cut_connections", "wait_until"), "harness")


def article(shape: Shape) -> str:
    return "an" if shape.one[0] in "aeio" else "a"


def _constraints(shape: Shape) -> Iterator[str]:
    """The table's constraints, each with a name that says what it is."""
    if shape.period:
        begins, ends = shape.period
        yield f"CONSTRAINT {shape.table}_begin_before_they_end CHECK ({begins} < {ends})"
    for column in shape.columns:
        if column.field.values and not column.field.many:
            values = ", ".join("'" + v.replace("'", "''") + "'" for v in column.field.values)
            yield f"CONSTRAINT {shape.table}_{column.name}_known CHECK ({column.name} IN ({values}))"
        least = 0 if column.amount else column.field.minimum
        if least is not None and not column.field.many:
            yield f"CONSTRAINT {shape.table}_{column.name}_least CHECK ({column.name} >= {least})"
    for guard in shape.of("unique"):
        names = ", ".join(c.name for c in guard.columns)
        yield f"CONSTRAINT {shape.table}_{guard.name}_once UNIQUE ({names})"
    for guard in shape.of("no-overlap"):
        begins, ends = shape.period or ("", "")
        place = _place(guard)
        yield (
            f"CONSTRAINT {shape.table}_of_one_{guard.name}_apart\n"
            f"        EXCLUDE USING gist ({shape.one}_stretch({place}, {begins}, {ends}) WITH &&)"
        )


def _place(guard: Guard) -> str:
    """A uuid that stands for what must agree: the reference itself, or a digest of several values."""
    if len(guard.columns) == 1 and guard.columns[0].type.sql == "uuid":
        return guard.columns[0].name
    texts = " || chr(31) || ".join(_as_text(c) for c in guard.columns)
    return f"md5({texts})::uuid"


def _as_text(column: Column) -> str:
    """Its value as text, by an expression that no setting changes."""
    if column.type.sql == "date":
        return f"({column.name} - date '2000-01-01')::text"
    return column.name if column.type.sql == "text" else f"{column.name}::text"


def _conflict(shape: Shape) -> str:
    """What is said when a new row meets one that is there."""
    told = [f"there is one with this {g.sentence}" for g in shape.of("unique")]
    told += [f"this {g.sentence} is taken in that period" for g in shape.of("no-overlap")]
    sentence = ", or ".join(told) or "its id was used before"
    return sentence[0].upper() + sentence[1:]


def _wrapped(shape: Shape, value: str) -> str:
    """Those values that the driver cannot adapt by itself."""
    return ", ".join(
        f'"{c.name}": [Jsonb(one) for one in {value}.{c.name}]'
        if c.field.many
        else f'"{c.name}": Jsonb({value}.{c.name})'
        for c in shape.columns
        if c.type.sql == "jsonb"
    ).join("{}")


def _before(guard: Guard) -> str:
    moves = ", ".join(f'"{to}": [{", ".join(quoted(s) for s in states)}]' for to, states in guard.before.items())
    return f"{{{moves}}}"


def _isolation(shape: Shape) -> str:
    """The argument of `run` under which one is made: what is counted needs it where no row can be locked."""
    return ', "serializable"' if any(g.locked is None for g in shape.of("at-most")) else ""


def _sample(column: Column, shape: Shape) -> str:
    if column.parent is not None:
        value = f"{article(column.parent)}_{column.parent.one}(connection).id"
    elif shape.period and column.name == shape.period[1]:
        value = "START + timedelta(hours=number + 1)"
    else:
        value = column.sample
    return f'"{column.name}": {value}'


def _contest(guard: Guard) -> str:
    """The states of which only one can follow the first: two at least, or nothing."""
    ways = [to for start, to in guard.moves if start == guard.initial]
    apart = [a for a in ways if all((a, b) not in guard.moves for b in ways)]
    return ", ".join(quoted(state) for state in apart) if len(apart) > 1 else ""


def _refused(guard: Guard) -> tuple[str, str] | None:
    """A state that can follow the first, and one that cannot follow that."""
    states = dict.fromkeys(state for move in guard.moves for state in move)
    after = [to for start, to in guard.moves if start == guard.initial]
    return next(((a, b) for a in after for b in states if a != b and (a, b) not in guard.moves), None)


def _walkable(shape: Shape, path: Path) -> bool:
    """Whether seven rows can agree in what the path asks for."""
    by = {c.name for c in path.by}
    key = {path.key.name} if path.key else set()
    once = any({c.name for c in g.columns} <= by for g in shape.of("unique"))
    few = any(g.limit < 7 and {c.name for c in g.columns} <= by for g in shape.of("at-most"))
    state = any(c.state for c in path.by)
    optional = path.key is not None and path.key.field.optional
    return bool(by | key) and not (once or few or state or optional)


def _walk(shape: Shape, path: Path) -> str:
    """Statements that read all pages of a path, three rows at a time."""
    given = "".join(f"first.{c.name}, " for c in path.by)
    names = [name for name, _, _ in path.window]
    starts = ", ".join(default for _, _, default in path.window)
    last = ", ".join(
        "page[-1].id" if name in ("after", "before") else f"page[-1].{path.key.name}" if path.key else ""
        for name in names[:2]
    )
    moving = ", ".join(names[: 2 if path.key else 1])
    return "\n".join(
        (
            "        found: list[UUID] = []",
            f"        {', '.join(names)} = {starts}",
            f"        while page := {shape.module}.{path.name}(connection, {given}{', '.join(names)}, 3):",
            "            found += [one.id for one in page]",
            f"            {moving} = {last}",
            "    assert len(found) == len(made) and set(found) == made",
        )
    )


TROUBLES = (
    Trouble(
        symptom="Requests are answered with 409",
        look="The `detail` of the answer: it names what the request contradicts.",
        do="Nothing: this is an invariant at work, or a repeated request whose row was deleted meanwhile (`deleted` "
        "knows its id for 30 days). The client reads the row again and decides anew.",
    ),
)
