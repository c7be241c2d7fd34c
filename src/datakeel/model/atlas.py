"""The system as it is drawn: the parts of its code, what they keep and move data in, and who does what to whom."""

from __future__ import annotations

from msgspec import Struct

from datakeel.model.place import Place


class Node(Struct, frozen=True, order=True, gc=False):
    """A part of the code (`kind` is ``part``), or what it reads and writes: ``table``, ``topic``, ``queue``, ``cache``,
    ``index``, ``bucket``, ``service`` (another one, called) and so on.

    `group` is the code's service, or the store and its technology; `runs` are the kinds of what starts a part (request,
    task, consumer …), `ways` the entry points in it by name; `place` is where a part or a table is defined.
    """

    id: str
    kind: str
    name: str
    group: str = ""
    runs: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    place: Place | None = None


class Edge(Struct, frozen=True, order=True, gc=False):
    """What `source` does to `target`: a part ``reads``, ``writes``, ``publishes``, ``consumes`` or ``calls`` it; of
    data, the target ``derives`` from the source. `verbs` say it more finely; `places` are where it stands."""

    source: str
    target: str
    kind: str
    verbs: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()


class Atlas(Struct, frozen=True):
    """Nodes sorted by identity, edges by their ends and kind. `untouched` datasets are known to no code."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    untouched: int = 0
