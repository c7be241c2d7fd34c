"""`no-circuit-breaker`: a web process waits for another service in many of its ways in, and nothing lets go when that
one hangs."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect
from datakeel.model.operation import Operation, Resource
from datakeel.model.system import System
from datakeel.rules.facts.dependencies import Dependency, hot, servers
from datakeel.rules.rule import Hit, Record, rule
from datakeel.rules.story import way


@rule(Severity.SUGGESTION, Record(0, 1))
def no_circuit_breaker(system: System) -> Iterator[Hit]:
    """Many ways into a web process wait for one other service, and nothing lets go when that one hangs."""
    for service, server in servers(system):
        dependency = hot(system, service)
        if dependency is not None:
            yield hit(system, server, dependency)


def hit(system: System, server: Resource, dependency: Dependency) -> Hit:
    call, owner = innermost(system, dependency.calls[0])
    timeout = call.option("timeout")
    limit = timeout.value if timeout is not None else ""
    name, ways = said(dependency, owner), len(dependency.ways)
    wait = f"{limit} s" if limit.replace(".", "").isdigit() else "as long as its timeout allows"
    first = dependency.calls[0]
    return Hit(
        place=call.place,
        message=f"when {name} hangs, all of this service does: {ways} ways in wait for it, and nothing stops asking",
        story=(
            Step(server.place, "the process starts, with so many workers and no more"),
            *(Step(o.place, f"{o.symbol} waits for {name}") for o in dependency.ways[:3]),
            *way(first),
            Step(call.place, f"{name} is slow: each request waits {wait}, and then fails; the next one asks again"),
            Step(server.place, "every worker waits: also what has nothing to do with it is no longer answered"),
        ),
        rests_on=(call,),
        doubts=1,  # a mesh or a proxy may do it
        symbol=owner.symbol if owner is not None else "",
        fix=Fix(
            title=f"refuse at once while {name} does not answer, and say what is answered then",
            text="breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=30)\n\n@breaker\n"
            f"def {owner.symbol.rpartition('.')[2] if owner is not None else 'ask'}(…):\n    …",
        ),
    )


def said(dependency: Dependency, owner: Operation | None) -> str:
    """What people call the other service: its host, else by the function that asks it."""
    known = not dependency.name.startswith(dependency.calls[0].place.path)
    return dependency.name if known or owner is None else f"what {owner.symbol} asks"


def innermost(system: System, call: Effect) -> tuple[Effect, Operation | None]:
    """A call as the function has it in whose text it stands."""
    return next(
        ((e, o) for o in system.operations for e in o.of(call.kind) if e.place == call.place and not e.chain),
        (call, None),
    )
