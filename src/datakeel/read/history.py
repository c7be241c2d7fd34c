"""What each migration does, written down while its changes run → migrations, for rules to judge."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.dataset import Column, Schema
from datakeel.model.migration import Alteration, Migration
from datakeel.model.place import Place
from datakeel.read.change import Change, Home
from datakeel.read.table import Table, has, same

PARTS = ("type", "nullable", "default")  # of a column, as far as a change may set them
LEFT_OUT = frozenset(("comment", "unseen-keys", "unseen-names", "create-view", "drop-view", "attach", "detach"))


class History:
    """The migrations of a project, in the order in which they run."""

    def __init__(self) -> None:
        self.done: dict[tuple[Home, str], list[Alteration]] = {}

    def migrations(self) -> Iterator[Migration]:
        for (home, name), alterations in self.done.items():
            yield Migration(name=name, place=home.place, tool=home.tool, alterations=tuple(alterations))

    def note(self, change: Change, home: Home, table: Table | None, before: Schema | None, *, fresh: bool) -> None:
        """A change that has run: on `table`, as it is called now, which stood as `before`."""
        alterations = self.done.setdefault((home, change.step), [])
        if change.kind in LEFT_OUT or (table is not None and table.view):
            return
        if before is not None and change.if_absent and (change.kind == "create-table" or has(before, change)):
            return  # it is there already
        was = column_of(before, change.name)
        now = column_of(table.schema if table is not None else None, new_name(change)) or change.column
        alterations.append(
            Alteration(
                kind=change.kind,
                table=change.table,
                place=within(change.place, home.place),
                name=change.name,
                to=change.to,
                column=now if change.kind in ("add-column", "alter-column", "rename-column") else None,
                was=was,
                sets=set_by(change, was, now) if change.kind == "alter-column" else (),
                index=change.index,
                constraint=change.constraint,
                before=None if fresh else before,
                fresh=fresh,
                concurrently=change.concurrently,
                transactional=change.transactional,
            )
        )


def within(place: Place | None, home: Place) -> Place:
    """The place of a change in its migration's own file: of what a helper does, the migration's."""
    return place if place is not None and place.path == home.path else home


def new_name(change: Change) -> str:
    """What the column of a change is called afterwards."""
    if change.kind == "rename-column":
        return change.to
    return change.column.name if change.column is not None else change.name


def column_of(schema: Schema | None, name: str) -> Column | None:
    return next((c for c in schema.columns if same(c.name, name)), None) if schema is not None and name else None


def set_by(change: Change, was: Column | None, now: Column | None) -> tuple[str, ...]:
    """What of a column a change sets: what differs, or where it was not known, all that the change gives."""
    if was is None:
        given = change.column or change
        return tuple(part for part in PARTS if getattr(given, part) is not None)
    return tuple(part for part in PARTS if now is not None and getattr(was, part) != getattr(now, part))
