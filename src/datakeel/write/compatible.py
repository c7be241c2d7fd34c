"""Whether what is stored already can be read by what new requirements make: events are kept for ever, so each must stay
readable, under its name, with the fields that it has. Full compatibility: an old reader reads new events too. So it is
with what clients did to replicated records, and have yet to send. Sagas at work go on with the new code's steps."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel import naming
from datakeel.requirements import Aggregate, Event, Field, Replicated, Requirements

SAME_BYTES = {"money": "integer"}  # types that are stored alike
KEEP = "Events that are stored stay as they are."


def refusals(old: Requirements, new: Requirements) -> Iterator[str]:
    """Each change that what is stored does not bear, with the reason and what can be done in its place."""
    after = {naming.pascal(e.name): (a, e) for a in new.domain.aggregates for e in a.events}
    for aggregate in old.domain.aggregates:
        added = [e for a in new.domain.aggregates if _one(a.name, aggregate.name) for e in a.events]
        for event in aggregate.events:
            if naming.pascal(event.name) in after:
                yield from _of_event(aggregate, event, *after[naming.pascal(event.name)])
            else:
                yield _gone(
                    aggregate, event, [e for e in added if all(not _one(e.name, o.name) for o in aggregate.events)]
                )
    yield from _measured(old, new)
    yield from _replicated(old, new)


def notes(old: Requirements, new: Requirements) -> Iterator[str]:
    """What holds of new events alone."""
    before = {naming.pascal(a.name): a for a in old.domain.aggregates}
    for aggregate in new.domain.aggregates:
        was = before.get(naming.pascal(aggregate.name))
        if was is None:
            continue
        if aggregate.ordered_by != was.ordered_by:
            yield f"{aggregate.name}: events from before keep the order in which they were stored"
        claimed = {(e.name, f.name) for e in was.events for f in e.fields if f.unique}
        for event, field in ((e.name, f.name) for e in aggregate.events for f in e.fields if f.unique):
            if (event, field) not in claimed:
                yield (
                    f"{aggregate.name}: {field} is unique from now on; where the new version runs everywhere, what is "
                    "stored already claims its own, and what two have is told, by: python -m PACKAGE claim"
                )
    yield from _at_work(old, new)


def _one(name: str, other: str) -> bool:
    """Whether two names become one in the code."""
    return naming.pascal(name) == naming.pascal(other)


def _gone(aggregate: Aggregate, event: Event, added: list[Event]) -> str:
    fields = {naming.column(f.name) for f in event.fields}
    same = next((e.name for e in added if {naming.column(f.name) for f in e.fields} == fields), None)
    why = f"would be called {same}" if same else "would be gone"
    remedy = (
        f"keep {event.name}, and give it another name on screens alone"
        if same
        else f"keep {event.name}; to end its use, let nothing send its command"
    )
    return (
        f"{aggregate.name}: event {event.name} {why}, and those that are stored could not be read. {KEEP} "
        f"Compatible: {remedy}"
    )


def _of_event(aggregate: Aggregate, event: Event, home: Aggregate, now: Event) -> Iterator[str]:
    whole = f"{aggregate.name}: event {event.name}"
    if not _one(aggregate.name, home.name):
        yield (
            f"{whole} would belong to {home.name}, and streams of {aggregate.name} hold it. Compatible: leave it, and "
            f"add an event to {home.name}"
        )
        return
    if bool(event.after) != bool(now.after):
        was, will = ("began", "no longer begin") if not event.after else ("continued", "begin")
        yield (
            f"{whole} {was} the streams that are stored, and would {will} one, so they could not be read. Compatible: "
            f"leave its `after` as it is, and add an event {event.name}V2"
        )
    then = {naming.column(f.name): f for f in event.fields}
    fields = {naming.column(f.name): f for f in now.fields}
    come = [f for n, f in fields.items() if n not in then]
    for name, field in then.items():
        if name in fields:
            yield from _of_field(f"{whole}: field {field.name}", event, field, fields[name])
        elif not field.optional:
            yield _lost(whole, event, field, come)
    for field in (f for f in come if not f.optional):
        yield (
            f"{whole}: field {field.name} would be required, and events that are stored have none. Compatible: "
            f"`{field.name}: {_short(field)} optional`, or a new event {event.name}V2"
        )


def _lost(whole: str, event: Event, field: Field, come: list[Field]) -> str:
    like = next((f.name for f in come if _kind(f) == _kind(field)), None)
    why = f"would be called {like}" if like else "would be gone"
    remedy = f"keep {field.name}" + (
        f", and add `{like}: {_short(field)} optional` beside it"
        if like
        else f", and make it optional: `{field.name}: {_short(field)} optional`"
    )
    return (
        f"{whole}: field {field.name} {why}, and whoever reads events needs it. {KEEP} Compatible: {remedy}, or a new "
        f"event {event.name}V2"
    )


def _of_field(whole: str, event: Event, had: Field, now: Field) -> Iterator[str]:
    if _kind(had) != _kind(now):
        yield (
            f"{whole} would change from {_short(had)} to {_short(now)}, and events that are stored have the first. "
            f"Compatible: a new field `{now.name} {now.type}: {_short(now)} optional` beside it, or a new event "
            f"{event.name}V2"
        )
    elif had.optional and not now.optional:
        yield (
            f"{whole} would be required, and events that are stored may have none. Compatible: leave it optional, or a "
            f"new event {event.name}V2"
        )
    lost = [v for v in had.values if now.type == "enum" and v not in now.values]
    if lost:
        values = ", ".join(lost)
        yield f"{whole} would lose the value {values}, which events that are stored may have. Compatible: keep it"
    if had.type != "enum" and now.type == "enum":
        values = ", ".join(now.values)
        yield f"{whole} would be one of {values}, and stored events may have any text. Compatible: leave it text"


def _kind(field: Field) -> tuple[str, bool]:
    """What decides how it is stored."""
    type_ = "text" if field.type == "enum" else SAME_BYTES.get(field.type, field.type)
    return type_, field.many


def _short(field: Field) -> str:
    """The type, as it is written in ``system.yaml``."""
    one = f"enum({', '.join(field.values)})" if field.type == "enum" else field.type
    return f"{one} many" if field.many else one


def _measured(old: Requirements, new: Requirements) -> Iterator[str]:
    """Measurements that are stored have no value of what was not measured then."""
    after = {naming.snake(s.name): s for s in new.domain.series}
    for series in old.domain.series:
        now = after.get(naming.snake(series.name))
        had = {naming.column(v.name) for v in series.values}
        for value in now.values if now else ():
            if naming.column(value.name) not in had and not value.optional:
                yield (
                    f"{series.name}: {value.name} would be required, and measurements that are stored have none. "
                    f"Compatible: `{value.name}: {_short(value)} optional`"
                )


def _replicated(old: Requirements, new: Requirements) -> Iterator[str]:
    """What clients did is stored as they said it, and clients that are cut off will say it in the same way."""
    after = {naming.snake(r.name): r for r in new.domain.replicated}
    for records in old.domain.replicated:
        now = after.get(naming.snake(records.name))
        if now is None:
            continue
        if now.merge != records.merge:
            yield (
                f"{records.name}: what clients did is stored to be merged by {records.merge}, and could not be by "
                f"{now.merge}. Compatible: leave `merge` as it is, or new records beside these"
            )
            continue
        yield from _of_records(records, now)


def _of_records(records: Replicated, now: Replicated) -> Iterator[str]:
    then = {naming.column(f.name): f for f in records.fields}
    fields = {naming.column(f.name): f for f in now.fields}
    for name, field in then.items():
        if name in fields:
            yield from _of_said(f"{records.name}: field {field.name}", field, fields[name])
        else:
            yield (
                f"{records.name}: field {field.name} would be gone, and clients have set it, or will when they are "
                "back. Compatible: keep it, and show it nowhere"
            )
    for name, field in fields.items():
        if name not in then and records.merge != "crdt" and not field.optional and not field.many:
            yield (
                f"{records.name}: field {field.name} would be required, and records that clients have sent have none. "
                f"Compatible: `{field.name}: {_short(field)} optional`"
            )


def _of_said(whole: str, had: Field, now: Field) -> Iterator[str]:
    lost = [v for v in had.values if now.type == "enum" and v not in now.values]
    if _kind(had) != _kind(now) or (had.type != "enum" and now.type == "enum"):
        yield (
            f"{whole} would change from {_short(had)} to {_short(now)}, and clients have sent the first. Compatible: a "
            "new field beside it"
        )
    elif had.optional and not now.optional:
        yield f"{whole} would be required, and clients may have sent none. Compatible: leave it optional"
    elif lost:
        yield f"{whole} would lose the value {', '.join(lost)}, which clients may have sent. Compatible: keep it"


def _at_work(old: Requirements, new: Requirements) -> Iterator[str]:
    """Of sagas that change while some of them are at work."""
    after = {naming.kebab(s.name): s for s in new.domain.sagas}
    for saga in old.domain.sagas:
        now = after.get(naming.kebab(saga.name))
        had = [(naming.kebab(s.name), naming.snake(s.service)) for s in saga.steps]
        wanted = [(naming.kebab(s.name), naming.snake(s.service)) for s in now.steps] if now else []
        if wanted[: len(had)] != had:
            why = "has other steps" if now else "is gone"
            yield (
                f"saga {saga.name} {why}, and those at work stand at the number of a step: let none be at work before "
                "the new version starts (`GET /sagas`), or give the changed saga a new name beside the old one"
            )
    yield from _asked_for(old, new)


def _asked_for(old: Requirements, new: Requirements) -> Iterator[str]:
    """What requests of sagas at work do not say, since nobody asked for it then."""
    before = {(naming.snake(s.name), t.name): {f.name for f in t.fields} for s in old.domain.services for t in s.holds}
    for service in new.domain.services:
        for table in service.holds:
            had = before.get((naming.snake(service.name), table.name))
            come = [f.name for f in table.fields if had is not None and f.name not in had and not f.optional]
            if come and new.domain.sagas:
                yield (
                    f"service {service.name} asks for {', '.join(come)} of each {table.name}, which requests of sagas "
                    "at work do not say: let none be at work before the new version starts, or make it optional"
                )
