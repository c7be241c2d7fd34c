"""What the templates speak of: the sagas, steps and services of the requirements, with the names and roles that they
have in code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from datakeel import naming
from datakeel.requirements import held, nouns

ATTEMPTS = 8  # with waits from 0.1 s, doubled each time, the last comes some ten seconds after the first
STEP_TIMEOUT = 2.0  # seconds
SAGA_TIMEOUT = 60.0
PATIENCE = 0.4  # of a step's time-out: two requests to a provider fit into it
TAKEN = {"places", "outcomes", "saga", "sagas", "holds", "faults", "idempotency_keys", "schema_migrations"}
LONGEST = 36  # characters of a service's name that its provider's begins with: the rest must fit too
COLUMNS = {"id", "state", "made_at"}  # of the table of holds
ANNOTATIONS: dict[str, str] = {
    "integer": "int",
    "money": "int",
    "decimal": "Decimal",
    "boolean": "bool",
    "uuid": "UUID",
    "timestamp": "AwareDatetime",
    "date": "date",
    "json": "dict[str, Any]",
}


SAMPLES = {
    "int": "1",
    "Decimal": '"1.50"',
    "bool": "True",
    "UUID": '"0b9e2c1e-5f3a-4a55-9d38-0b4a7c7c2f11"',
    "AwareDatetime": '"2030-01-01T00:00:00Z"',
    "date": '"2030-01-01"',
    "dict[str, Any]": "{}",
    "Quantity": "chance.randint(1, 3)",
}


TEXT = r'"(?:[^"\\]|\\.)*"'  # in Python
LEAST = re.compile(r"Annotated\[int, Field\(ge=(-?\d+)\)")
LITERAL = re.compile(rf"Literal\[({TEXT})")


class Field(Struct, frozen=True):
    name: str
    annotation: str

    @property
    def sample(self) -> str:
        """A value for a test, as Python."""
        one = self.annotation.removesuffix(" | None = None")
        inner = one.removeprefix("list[").removesuffix("]") if one.startswith("list[") else one
        literal = LITERAL.match(inner) or LEAST.match(inner)
        named = f'f"{naming.kebab(self.name)}-{{chance.randrange(KEYS)}}"'
        value = literal[1] if literal else SAMPLES.get(inner, named)
        return value if inner == one else f"[{value}]"


class Operation(Struct, frozen=True, order=True):
    """What a service is asked to do. `role`: hold, confirm or release."""

    name: str
    function: str
    role: str


class Service(Struct, frozen=True, kw_only=True):
    """`kind`: the folder of templates that it is written from. A counting one holds `quantity` units out of `counter`
    of the row that has `key` in `table`. `patience`: how long it waits for its provider, in seconds."""

    name: str
    title: str
    kind: str
    fields: tuple[Field, ...]
    operations: tuple[Operation, ...] = ()
    key: str = ""
    quantity: str = ""
    counter: str = ""
    table: str = ""
    provider: Service | None = None
    patience: float = 0.0

    @property
    def path(self) -> str:
        return naming.kebab(self.table)

    @property
    def varied(self) -> bool:
        """Whether a sample of it names one of several things."""
        return any("KEYS" in field.sample for field in self.fields)

    @property
    def holders(self) -> str:
        """Where its holds are found, as the inside of a tuple in Python."""
        names = [self.name, *([self.provider.name] if self.provider else [])]
        return ", ".join(f'"{name}"' for name in names) + ("," if len(names) == 1 else "")

    @property
    def by_role(self) -> dict[str, str]:
        """The path of one operation of each role, or nothing."""
        paths = {operation.role: f"/{operation.name}" for operation in self.operations[::-1]}
        return {role: paths.get(role, "") for role in ("hold", "confirm", "release")}

    @property
    def slow(self) -> float:
        """Seconds that a provider takes when it is slow: longer than anybody waits for it."""
        return round(1.5 * self.patience, 3)

    @property
    def process(self) -> str:
        return naming.kebab(self.name)


class Part(Struct, frozen=True):
    """What a request says for one hold."""

    name: str
    service: Service

    @property
    def model(self) -> str:
        return naming.pascal(self.name)


class Step(Struct, frozen=True, kw_only=True):
    name: str
    service: str
    hold: str
    role: str
    compensation: str
    reversible: bool
    timeout: float
    attempts: int


class Saga(Struct, frozen=True, kw_only=True):
    name: str
    steps: tuple[Step, ...]
    parts: tuple[Part, ...]
    timeout: float

    @property
    def module(self) -> str:
        return free(self.name)

    @property
    def constant(self) -> str:
        return self.module.upper()

    @property
    def model(self) -> str:
        return f"{naming.pascal(self.name)}Request"

    @property
    def title(self) -> str:
        return " ".join(naming.words(self.name))

    @property
    def path(self) -> str:
        return naming.kebab(naming.plural(naming.snake(self.name)))

    @property
    def counts(self) -> bool:
        return any(field.annotation == "Quantity" for field in self.fields)

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(field for part in self.parts for field in part.service.fields)


def services(domain: nouns.Domain) -> tuple[Service, ...]:
    """Those that the sagas call, in the order in which they do, and then those that these work through."""
    nouns_by_name = {naming.snake(s.name): s for s in domain.services}
    used = dict.fromkeys(naming.snake(step.service) for saga in domain.sagas for step in saga.steps)
    own = [_service(name, nouns_by_name, domain.sagas) for name in used]
    providers = {s.provider.name: replace(s.provider, patience=s.patience) for s in own if s.provider}
    return (*own, *providers.values())


def sagas(domain: nouns.Domain, known: Iterable[Service]) -> tuple[Saga, ...]:
    by_name = {service.name: service for service in known}
    return tuple(_saga(saga, by_name) for saga in domain.sagas)


def kept(sagas: Iterable[Saga]) -> list[str]:
    """What services hold of steps that have nothing to undo, also after the rest of the saga was undone."""
    steps = [step for saga in sagas for step in saga.steps]
    return sorted({s.hold for s in steps if s.role == "hold" and s.reversible and not s.compensation})


def _saga(saga: nouns.Saga, known: dict[str, Service]) -> Saga:
    steps = tuple(_steps(saga))
    made = dict.fromkeys((s.hold, s.service) for s in steps if s.role == "hold")
    return Saga(
        name=naming.kebab(saga.name),
        steps=steps,
        parts=tuple(Part(hold, known[service]) for hold, service in made),
        timeout=saga.timeout or SAGA_TIMEOUT,
    )


def _steps(saga: nouns.Saga) -> Iterator[Step]:
    """A step without a compensation finishes what an earlier one holds at its service. Where there is no such hold, it
    is the last and makes one for good, or there is nothing to undo."""
    holding = [naming.snake(s.service) for s in saga.steps if s.compensation]
    open_holds: dict[str, str] = {}
    for number, step in enumerate(saga.steps, 1):
        service = naming.snake(step.service)
        finishes = not step.compensation and service in open_holds
        alone = holding.count(service) < 2
        hold = open_holds[service] if finishes else free(service) if alone else naming.snake(step.name)
        if step.compensation:
            open_holds[service] = hold
        yield Step(
            name=naming.kebab(step.name),
            service=free(service),
            hold=hold,
            role="confirm" if finishes else "hold",
            compensation=naming.kebab(step.compensation) if step.compensation else "",
            reversible=bool(step.compensation) or not (finishes or number == len(saga.steps)),
            timeout=step.timeout or STEP_TIMEOUT,
            attempts=ATTEMPTS if step.retries is None else step.retries + 1,
        )


def _service(name: str, known: dict[str, nouns.Service], sagas: tuple[nouns.Saga, ...]) -> Service:
    noun = known.get(name, nouns.Service(name=name))
    provider = _provider(noun, known)
    table = held.counted(noun)
    operations = tuple(dict.fromkeys(_operations(name, sagas)))
    timeouts = [s.timeout for saga in sagas for s in _steps(saga) if s.service == free(name)]
    title = " ".join(naming.words(noun.name))
    if provider:
        return Service(
            name=free(name),
            title=title,
            kind="gateway",
            fields=provider.fields,
            operations=operations,
            key=provider.key,
            quantity=provider.quantity,
            provider=provider,
            patience=round(PATIENCE * min(timeouts), 3),
        )
    if table:
        return _counting(free(name), title, "counting", table, operations)
    fields = tuple(Field(naming.snake(f.name), _annotation(f)) for f in held.noted(noun))
    return Service(name=free(name), title=title, kind="recording", fields=fields, operations=operations)


def _operations(service: str, sagas: tuple[nouns.Saga, ...]) -> Iterator[Operation]:
    for step in (step for saga in sagas for step in _steps(saga) if step.service == free(service)):
        yield Operation(step.name, naming.snake(step.name), step.role)
        if step.compensation:
            yield Operation(step.compensation, naming.snake(step.compensation), "release")


def _provider(noun: nouns.Service, known: dict[str, nouns.Service]) -> Service | None:
    """A stand-in for the external service that this one works through, if it does. Of what it is not said to hold, it
    holds accounts."""
    if not noun.through and not noun.external:
        return None
    name = noun.through or f"{naming.snake(noun.name)[:LONGEST]} provider"
    outside = known.get(naming.snake(name), nouns.Service(name=name))
    accounts = nouns.Table(
        name="accounts",
        fields=(nouns.Field(name="account", unique=True), nouns.Field(name="balance", type="money", minimum=0)),
    )
    title = " ".join(naming.words(name))
    return _counting(free(naming.snake(name)), title, "stub", held.counted(outside) or accounts, ())


def _counting(name: str, title: str, kind: str, table: nouns.Table, operations: tuple[Operation, ...]) -> Service:
    unique, counter = table.fields
    key = naming.column(unique.name)
    key = f"{naming.snake(table.name)}_{key}" if key in COLUMNS else key
    quantity = "amount" if counter.type == "money" or key == "quantity" else "quantity"
    return Service(
        name=name,
        title=title,
        kind=kind,
        fields=(Field(key, "Text"), Field(quantity, "Quantity")),
        operations=operations,
        key=key,
        quantity=quantity,
        counter=naming.column(counter.name),
        table=free(naming.column(table.name)),
    )


def _annotation(field: nouns.Field) -> str:
    one = ANNOTATIONS.get(field.type, "Text")
    if field.values:
        one = f"Literal[{', '.join(map(json.dumps, field.values))}]"
    elif one == "int" and field.minimum is not None:
        one = f"Annotated[int, Field(ge={field.minimum})]"
    several = f"list[{one}]" if field.many else one
    return f"{several} | None = None" if field.optional else several


def free(name: str) -> str:
    """A name that nothing else has in a generated project."""
    found = naming.snake(name)
    return f"{found}_" if found in TAKEN else found
