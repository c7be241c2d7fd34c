"""`print-logging`: a service's only log is what it prints."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Kind
from datakeel.model.operation import Operation
from datakeel.model.system import System
from datakeel.rules.facts.running import keeps_running
from datakeel.rules.rule import Hit, rule

LOGGING = re.compile(
    r"^(logging|structlog|loguru|eliot|logbook|absl|picologging|twiggy|aws_lambda_powertools)$|logg|sentry"
)
FEWEST = 2  # functions: one print is an oversight


@rule(Severity.MINOR)
def print_logging(system: System) -> Iterator[Hit]:
    """What a service has to say it prints: without a level, a time, or the request that it belongs to."""
    if any(LOGGING.search(use.name) for use in system.uses) or any(logs(o) for o in system.operations):
        return
    printing = {use.place for use in system.uses if use.name == "print"}
    services: dict[str, list[Operation]] = {}
    for operation in system.operations:
        if operation.place in printing and operation.entries and keeps_running(operation):
            services.setdefault(operation.service, []).append(operation)
    for found in services.values():
        if len(found) >= FEWEST:
            yield hit(sorted(found, key=lambda o: o.place))


def logs(operation: Operation) -> bool:
    return next(operation.of(Kind.LOG), None) is not None


def hit(found: list[Operation]) -> Hit:
    first = found[0]
    return Hit(
        place=first.place,
        message=f"print is this service's only log, in {len(found)} functions: no level, no time, no request to find "
        "it by",
        story=(
            *(Step(o.place, f"{o.symbol} prints") for o in found[:4]),
            Step(
                first.place,
                "at night something fails: among all lines none can be told to be an error, or whose it was",
            ),
        ),
        symbol=first.symbol,
        fix=Fix(
            title="log with a level and with what the line is about, as fields",
            text='log = structlog.get_logger()\n\nlog.info("order paid", order_id=order.id)',
        ),
    )
