"""What a system measures of itself, by the libraries that it uses and the things that it makes of them."""

from __future__ import annotations

import re

from datakeel.model.operation import Resource
from datakeel.model.system import System

TIME = re.compile(r"second|latency|duration|time|millis|_ms|elapsed|lag|delay", re.I)
TRACES = {  # what carries a trace, in words
    "trace-propagation": "the library's calls carry the trace",
    "trace-sent": "the trace goes with the message",
    "trace-taken": "the trace is taken from the message",
}
METERS = ("histogram", "summary", "counter", "gauge", "observation")
_TELLING = "telemetry|instrument|datadog|ddtrace|newrelic|elasticapm|sentry|scout|logfire"
_COUNTING = "metric|prometheus|statsd|influx"
MEASURING = re.compile(
    rf"{_TELLING}|{_COUNTING}|watchtower|markus|monitor|honeycomb|skywalking|appsignal|baseplate", re.I
)
TRACING = re.compile(rf"{_TELLING}|trace|tracing|jaeger|zipkin|xray|correlation|request_?id|opencensus", re.I)


def of_time(resource: Resource) -> str:
    """The name of a measure of how long things take; empty where it is none, or its name is not known."""
    name = resource.option("name")
    return name.value.strip("'\"") if name is not None and TIME.search(name.value) else ""


def seen_in(system: System, words: re.Pattern[str]) -> bool:
    """Whether a library that is used anywhere, or code of the project's own, bears such a name."""
    return any(words.search(use.name) for use in system.uses) or any(words.search(o.name) for o in system.operations)


def measured(system: System) -> bool:
    """Whether anything is measured, or may be by something that bears such a name."""
    resources = (*system.resources, *(r for o in system.operations for r in o.resources))
    return any(r.kind in METERS for r in resources) or seen_in(system, MEASURING)
