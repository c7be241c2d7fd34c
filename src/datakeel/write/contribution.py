"""What one writer gives to a project beside its own files: what the common files (start, API, README, runbook) must
name."""

from __future__ import annotations

from msgspec import Struct

from datakeel.decision import Design
from datakeel.write.project import File


class Migration(Struct, frozen=True):
    """One step of the schema. Steps are numbered in the order of the writers, and then of each writer's own."""

    name: str
    sql: str


class Process(Struct, frozen=True):
    """What runs: ``python -m <package> NAME``. `target` is the dotted path, below the package, of a module with
    ``main(settings)``. `port`: where it answers HTTP; 0: nowhere. Not `deployed`: it is there for a first look at the
    system on one machine."""

    name: str
    target: str
    about: str
    replicas: int = 1
    port: int = 0
    deployed: bool = True


class Folder(Struct, frozen=True):
    """A folder on the disk of the process `process` that must outlive it: a setting of this name says where it is.
    `lasting`: it must outlive its machine as well. `storage`: what a cluster sets aside for one that need not."""

    name: str
    process: str
    about: str
    lasting: bool = False
    storage: str = "1Gi"


class Address(Struct, frozen=True):
    """Where somebody else's system answers: a setting of this name, in the environment of the process `process`."""

    setting: str
    process: str
    about: str


class Command(Struct, frozen=True):
    """What an operator runs: ``python -m <package> NAME ARGUMENTS``. `target` is the dotted path, below the package, of
    a module with ``main(settings, arguments)``, which gives the exit status."""

    name: str
    target: str
    about: str


class Trouble(Struct, frozen=True):
    """One entry of the runbook."""

    symptom: str
    look: str
    do: str


class Panel(Struct, frozen=True):
    """One part of the dashboard: `source` is the path of the API that answers with its rows, as JSON, at most `most` of
    them (0: all). `bars`: the column that is drawn. `alarms`: columns that should be nothing. `action`: a path that a
    row can be sent to (POST), its columns in braces; `verb`: what that is called."""

    title: str
    source: str
    about: str
    most: int = 0
    bars: str = ""
    alarms: tuple[str, ...] = ()
    action: str = ""
    verb: str = ""


LIGHT = frozenset({"tables", "http-api"})


def light(design: Design) -> bool:
    """Whether a system is so small that its project is flat: tables and routes, and nothing beside them."""
    return design.parts() <= LIGHT


class Contribution(Struct, frozen=True, kw_only=True):
    """`routers`: dotted paths, below the package, of modules with a FastAPI ``router``. `repeatable`: their routes that
    take new things and need no Idempotency-Key, as ``post /path``: what they are given has a key of its own. `diagram`:
    lines of the README's Mermaid flowchart."""

    files: tuple[File, ...] = ()
    migrations: tuple[Migration, ...] = ()
    processes: tuple[Process, ...] = ()
    folders: tuple[Folder, ...] = ()
    addresses: tuple[Address, ...] = ()
    commands: tuple[Command, ...] = ()
    routers: tuple[str, ...] = ()
    repeatable: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    panels: tuple[Panel, ...] = ()
    diagram: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()  # of pip, beyond those that every project has
