"""Whether a process hears that it is asked to stop."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.model.operation import Resource
from datakeel.model.system import System

AT_ONCE = ("signal.SIG_IGN", "signal.SIG_DFL", "signal.default_int_handler", "None")


def asked_to_stop(resource: Resource) -> bool:
    """Whether it is a handler of SIGTERM that does something."""
    return any(name.endswith(".SIGTERM") for name in signals(resource))


def interrupted(resource: Resource) -> bool:
    """Whether it hears of SIGINT alone, and does something of its own then."""
    names = signals(resource)
    return bool(names) and all(name.endswith(".SIGINT") for name in names)


def signals(resource: Resource) -> tuple[str, ...]:
    """The signals that a handler which does something is set for."""
    number, handler = resource.option("signalnum"), resource.option("handler")
    if resource.kind != "signal-handler" or number is None or handler is None or handler.value in AT_ONCE:
        return ()
    return tuple(number.value.split(" | ")) if number.value else ()


def signal_handlers(system: System) -> Iterator[Resource]:
    """What hears of any signal, wherever it is set."""
    everywhere = (r for o in system.operations for r in o.resources)
    yield from (r for r in (*everywhere, *system.resources) if r.kind == "signal-handler")
