"""What a consumer remembers of the messages that it has handled."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.model.effect import Cardinality, Effect, Kind, StoreKind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.duplicates import minted, told_columns, violation_expected
from datakeel.rules.facts.outcomes import decided_by, looked_at

INBOX = re.compile(
    r"inbox|processed|received|handled|consumed|dedup|seen_(message|event)|(message|event|delivery)_?id", re.I
)
REQUESTS = re.compile(r"idempot|request_?(id|key)", re.I)
ACTS = (Kind.WRITE, Kind.CALL, Kind.PUBLISH)


def deduplicated(operation: Operation, system: System) -> bool:
    """Whether the operation remembers what it has handled: an insert under a unique key that it answers to, or a
    claim. An upsert that adds an amount to what stands there remembers nothing, nor does a note that nobody heeds."""
    unheeded = unheeded_note(operation, system)
    for effect in operation.of(Kind.WRITE):
        if effect is unheeded:
            continue
        if effect.store == StoreKind.CACHE and effect.verb == "add":
            return True
        adding = any(a.how == "atomic" for a in effect.assigned)
        if (effect.verb in ("upsert", "get-or-create") and not adding) or effect.conflict == "ignore":
            return True
        if effect.verb == "insert" and effect.store == StoreKind.RELATIONAL and known_key(effect, system):
            return True
    return False


def unheeded_note(operation: Operation, system: System) -> Effect | None:
    """A note of one message that a second insert leaves as it is, where nothing depends on whether it was new."""
    for note in operation.of(Kind.WRITE):
        if note.verb != "insert" or note.conflict != "ignore" or note.store != StoreKind.RELATIONAL or of_many(note):
            continue
        if INBOX.search(note.dataset) and given_key(note, system) and not looked_at(operation, note):
            return note
    return None


def known_key(effect: Effect, system: System) -> bool:
    dataset = system.dataset(effect.dataset) if effect.dataset else None
    return dataset is not None and dataset.schema.unique_within(told_columns(effect)) is not None


def notes(operation: Operation, system: System, *, of: re.Pattern[str]) -> Iterator[tuple[Effect, Effect]]:
    """What a function notes once for each input, under a unique key that the input gives, each with the effect that
    happens only where it was not known yet. `of`: what the notes are called, or one of their columns."""
    for note in operation.of(Kind.WRITE):
        if note.verb not in ("insert", "get-or-create") or not of.search(called(note)):
            continue
        if note.store != StoreKind.RELATIONAL or not takes_one(note, operation) or not given_key(note, system):
            continue
        work = next((e for e in decided_by(operation, note) if e.kind in ACTS and e.dataset != note.dataset), None)
        if work is None and (not note.conflict or of_many(note)):
            work = next((e for e in operation.of(*ACTS) if follows(operation, note, e)), None)
        if work is not None:
            yield note, work


def called(note: Effect) -> str:
    return " ".join((note.dataset, *(a.column for a in note.assigned)))


def takes_one(note: Effect, operation: Operation) -> bool:
    """Whether a second insert of the same key does nothing, or fails and is answered to."""
    if note.verb in ("insert", "get-or-create") and note.conflict == "ignore":
        return True
    return note.verb == "insert" and not note.conflict and violation_expected(operation, note)


def of_many(note: Effect) -> bool:
    """Whether many messages are noted at once, and the store tells which of them were new."""
    many = note.selection is not None and note.selection.cardinality == Cardinality.MANY
    return many and note.result_used and bool(INBOX.search(note.dataset))


def follows(operation: Operation, note: Effect, work: Effect) -> bool:
    """Whether work stands behind an insert that fails the second time, in the same transaction."""
    same = note.transaction is not None and note.transaction == work.transaction
    return same and work.dataset not in ("", note.dataset) and operation.before_on_all_paths(note, work)


def given_key(note: Effect, system: System) -> bool:
    """Whether the unique key is one that the input says, and not one that each run makes for itself."""
    dataset = system.dataset_of(note)
    said = ("value", "unknown") if of_many(note) else ("value",)
    given = {a.column for a in note.assigned if a.how in said and (a.sources or of_many(note)) and not minted(a)}
    key = dataset.schema.unique_within(frozenset(given)) if dataset is not None else None
    return key is not None
