"""`backoff-with-jitter`: who fails waits longer each time, and not as long as the others."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.rules.facts.derivation import RECORDS
from datakeel.rules.facts.retries import FAR, inside
from datakeel.rules.facts.survey import Survey
from datakeel.rules.facts.words import thing
from datakeel.rules.strength import Seen, seen, strength


@strength("distribute", unless=("retry-without-backoff", "retry-without-idempotency", "saga-without-compensation"))
def backoff_with_jitter(survey: Survey) -> Iterator[Seen]:
    """What failed is tried again after waits that grow and differ, a bounded number of times."""
    for operation in survey.operations:
        for retry in operation.retries:
            if retry.chain or retry.wait != "jittered" or retry.attempts in ("", "unbounded"):
                continue
            again = inside(operation, retry)
            tried = next((e for e in again if e.store in FAR), None) or next(
                (e for e in again if e.store in RECORDS), None
            )
            if tried is not None:
                yield seen(operation, retry.place, f"{thing(tried)} is tried again after growing, random waits")
