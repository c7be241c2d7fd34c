"""`missing-pagination`: the first page of a list is taken for all of it."""

from __future__ import annotations

from collections.abc import Iterator

from datakeel.finding import Fix, Severity, Step
from datakeel.model.effect import Effect, Kind, StoreKind
from datakeel.model.operation import Operation, Role
from datakeel.rules.facts.listings import first_page, narrowed, removed
from datakeel.rules.rule import Hit, Record, rule

PAGES = {"s3": "1,000", "dynamodb": "1 MB", "stripe": "10", "http": "30"}


@rule(Severity.CRITICAL, Record(16, 27), sure=False)
def missing_pagination(operation: Operation) -> Iterator[Hit]:
    """The first page of a list is taken for all of it."""
    told: set[tuple[str, str, str]] = set()
    through = [e for e in operation.of(Kind.READ, Kind.CALL) if not e.chain and e.option("gone-through") is not None]
    for read in sorted(through, key=narrowed):
        what = (read.technology, read.dataset, read.text)
        if what not in told and first_page(read, operation):
            told.add(what)
            unsure = (narrowed(read) or read.store == StoreKind.REMOTE) and not removed(read, operation)
            by_hand = operation.role == Role.SCRIPT  # who runs it sees what it finds
            yield hit(read, doubts=2 if by_hand else int(unsure), narrow=unsure)


def hit(read: Effect, doubts: int, *, narrow: bool) -> Hit:
    what, size = listed(read), length(read)
    return Hit(
        place=read.place,
        message=f"only the first page of {what} is read ({size}): what stands on the next ones is silently missing",
        story=(
            Step(read.place, f"{what} is asked for; the answer holds {size}, and the token of the next page"),
            Step(read.place, "the entries are gone through, and nothing looks at the token"),
            Step(read.place, "once there are more, the rest is never seen, and nothing fails"),
        ),
        rests_on=(read,),
        apart=not narrow,  # what belongs to one owner, or another service lists, mostly fits on the first page
        doubts=doubts,
        datasets=(read.dataset,) if read.dataset else (),
        fix=Fix(title="follow the token to the last page", text=cure(read)),
    )


def listed(read: Effect) -> str:
    if read.store == "object":
        return f"the list of {read.dataset or 'the bucket'}"
    if read.dataset:
        return f"the answer of {read.dataset}"
    return f"{read.technology} {read.text}" if read.verb == "list" or read.technology != "http" else read.text


def length(read: Effect) -> str:
    size = read.option("page-size")
    if size is not None and size.value.isdigit():
        return f"at most {size.value} entries"
    known = PAGES.get(read.technology)
    return f"at most {known}" if known == "1 MB" else f"at most {known} entries" if known else "so many entries"


def cure(read: Effect) -> str:
    if read.technology == "stripe":
        return "for entry in stripe.….list(limit=100).auto_paging_iter():\n    …"
    if read.technology == "dynamodb":
        return (
            "options = {}\nwhile True:\n    answer = table.query(…, **options)\n    …\n"
            "    if 'LastEvaluatedKey' not in answer:\n        break\n"
            "    options['ExclusiveStartKey'] = answer['LastEvaluatedKey']"
        )
    if read.technology == "http":
        return (
            "while url:\n    answer = requests.get(url, timeout=…)\n    …\n"
            "    url = answer.links.get('next', {}).get('url')"
        )
    if read.technology == "slack":
        return (
            "while cursor is not None:\n    answer = client.…(cursor=cursor, limit=200)\n    …\n"
            "    cursor = answer['response_metadata']['next_cursor'] or None"
        )
    name = "list_objects_v2" if read.technology == "s3" else read.text
    return f"for page in client.get_paginator('{name}').paginate(…):\n    …"
