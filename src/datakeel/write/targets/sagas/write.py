"""Sagas: an orchestrator whose state is in the database, the services that it coordinates, each with a database of its
own, and the outbox through which it tells how sagas go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from datakeel import naming
from datakeel.decision import Design
from datakeel.write.contribution import Contribution, Migration, Panel, Process, Trouble
from datakeel.write.project import File, rendered, templates
from datakeel.write.targets.sagas import shape
from datakeel.write.targets.sagas.shape import Saga, Service

ORDER = 60
PARTS = frozenset({"saga"})
BESIDE = frozenset({"outbox"})
HERE = Path(__file__).parent
KEYS = HERE.parent / "service" / "parts"  # the table of idempotency keys, which every service has in its database

SHOWN = 200  # of dead letters; the API says it too
PANELS = (
    Panel(
        title="Sagas at work",
        source="/sagas",
        about="How many are in which state, and how old the oldest is.",
        bars="sagas",
    ),
    Panel(
        title="Sagas that stopped",
        source="/sagas/dead-letters",
        about="Dead letters. Replayed, they go on from the step at which they stopped.",
        most=SHOWN,
        action="/sagas/dead-letters/{id}/replay",
        verb="Replay",
    ),
    Panel(
        title="Messages that were refused",
        source="/outbox/dead-letters",
        about="Dead letters of the outbox. Replayed, they leave again.",
        most=SHOWN,
        action="/outbox/dead-letters/{id}/replay",
        verb="Replay",
    ),
)
FORGET = (
    "WITH old AS (SELECT id FROM sagas WHERE state IN ('completed', 'compensated') AND updated_at < now() - interval "
    "'1 year' LIMIT 1000), history AS (DELETE FROM transitions WHERE saga_id IN (SELECT id FROM old)) "
    "DELETE FROM sagas WHERE id IN (SELECT id FROM old)"
)
TROUBLES = (
    Trouble(
        symptom="Sagas stop as dead letters",
        look="`GET /sagas/dead-letters` gives the step and the reason; the saga's own address gives its history. "
        "`saga_transitions_total{state='dead-lettered'}` counts them.",
        do="Mend what the reason names (a service that is down, a request that it refuses after a step that cannot be "
        "undone), then `POST /sagas/dead-letters/{identifier}/replay` with an Idempotency-Key. Every call carries the "
        "key of its saga and step, so that what had happened already does not happen again.",
    ),
    Trouble(
        symptom="Sagas grow old and nothing moves",
        look="`GET /sagas` (the age of the oldest), `saga_calls_in_flight`, `saga_call_seconds`, and the logs of the "
        "orchestrator: `no answer` names the service.",
        do="A service that is slow or down is tried again with growing waits. Bring it back. An orchestrator that died "
        "needs nothing: its sagas are taken over when their lease ends.",
    ),
    Trouble(
        symptom="Messages do not leave the outbox",
        look="`outbox_lag_seconds` of outbox-relay grows, and its log says `messages wait in the outbox`; "
        "`SELECT count(*) FROM outbox WHERE sent_at IS NULL AND dead_at IS NULL`.",
        do="Bring the receiver back. Nothing is lost: messages leave in their order, and the receiver knows those that "
        "it has had. `outbox_messages_sent_total` rises again.",
    ),
    Trouble(
        symptom="Sagas that have ended fill the disk",
        look="`SELECT state, count(*), min(updated_at) FROM sagas GROUP BY state`. They are kept for ever: they say "
        "what was done to whom. Messages of the outbox are forgotten 7 days after they left.",
        do="When nobody has to answer for them any more, delete those that ended long ago, with their history: "
        f"`{FORGET}`, again until it deletes none.",
    ),
    Trouble(
        symptom="The steps of a saga are to change",
        look="`GET /sagas`: a saga at work stands at the number of its step, and goes on by the list of the new code.",
        do="A step that is added at the end needs nothing. Before any other change let no saga be at work: stop the "
        "API, wait until only dead letters are left, deploy, start. Or give the changed saga a new name and keep the "
        "old one until its last has ended.",
    ),
)


def contribution(design: Design) -> Contribution:
    domain = design.requirements.domain
    services = shape.services(domain)
    sagas = shape.sagas(domain, services)
    return Contribution(
        files=tuple(_files(naming.snake(design.requirements.name), sagas, services)),
        migrations=tuple(_migrations()),
        processes=tuple(_processes(services)),
        routers=("api.dead_letters", *(f"api.{saga.module}" for saga in sagas)),
        troubles=TROUBLES,
        panels=PANELS,
        diagram=tuple(_diagram(sagas, services)),
        requirements=("httpx>=0.28",),
    )


def _files(package: str, sagas: tuple[Saga, ...], services: tuple[Service, ...]) -> Iterator[File]:
    values: dict[str, object] = {"package": package, "sagas": sagas, "services": services, "kept": shape.kept(sagas)}
    yield from _rendered(values, sagas, services)
    keys = templates(KEYS).get_template("idempotency_keys.sql.jinja").render()
    for name in (*(service.name for service in services), "outcomes"):
        yield File(f"migrations/{name}/0000_idempotency_keys.sql", keys)


def _rendered(values: dict[str, object], sagas: tuple[Saga, ...], services: tuple[Service, ...]) -> Iterator[File]:
    yield from rendered(HERE / "every", values)
    for saga in sagas:
        yield from rendered(HERE / "each", values | {"saga": saga, "module": saga.module})
    for service in services:
        named = {"service": service, "name": service.name, **service.by_role}
        yield from rendered(HERE / service.kind, values | named)


def _migrations() -> Iterator[Migration]:
    for name in ("sagas", "outbox"):
        yield Migration(name, templates(HERE / "parts").get_template(f"{name}.sql.jinja").render())


FIRST_PORT = 8001  # after the API's, in the order of `services/places.py`


def _processes(services: tuple[Service, ...]) -> Iterator[Process]:
    yield Process("orchestrator", "processing.orchestrator", "carries sagas through their steps", replicas=2)
    yield Process("outbox-relay", "processing.outbox_relay", "sends the messages of the outbox")
    yield Process("visitors", "processing.visitors", "starts sagas, so that there is something to see", deployed=False)
    for number, service in enumerate(services):
        target = f"services.{service.name}.api"
        yield Process(service.process, target, _about(service), port=FIRST_PORT + number)
    yield Process("outcomes", "services.outcomes.api", "counts how sagas go", port=FIRST_PORT + len(services))


def _about(service: Service) -> str:
    if service.provider:
        return f"works through the {service.provider.title}"
    return {
        "counting": f"holds {service.counter} of {service.table}",
        "recording": "keeps records",
        "stub": "stands in for somebody else's service, and fails on demand",
    }[service.kind]


def _diagram(sagas: tuple[Saga, ...], services: tuple[Service, ...]) -> Iterator[str]:
    yield "api --> sagas[(sagas)]"
    yield "sagas <--> orchestrator"
    yield "sagas --> outbox[(outbox)] --> outbox_relay[outbox-relay] --> outcomes"
    for service in services:
        node = naming.snake(service.name)
        if service.kind != "stub":
            yield f"orchestrator -- one key for each step --> {node} --> {node}_database[({service.title})]"
        if service.provider:
            yield f"{node} --> {naming.snake(service.provider.name)}"
