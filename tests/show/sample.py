"""A small review as the forms of the report get it, and the files that it is about."""

from pathlib import Path

from datakeel.finding import (
    Confidence,
    Edit,
    Finding,
    Fix,
    Pillar,
    Review,
    Severity,
    Step,
    Strength,
    Summary,
)
from datakeel.model.place import Place
from datakeel.model.system import Remark

ACCOUNTS = """\
from django.db import transaction


class Account:
    def withdraw(self, amount):
        account = Account.objects.get(pk=self.pk)
        if account.balance >= amount:
            account.balance -= amount
            account.save()
"""

ORDERS = """\
import requests

def pay(order):
\twith transaction.atomic():
\t\torder.save()
\t\tproducer.send("orders", order.id)
\trequests.post(URL, json={"größe": order.id})
"""

FILES = {"shop/accounts.py": ACCOUNTS, "shop/orders.py": ORDERS}


def write_files(root: Path) -> None:
    for path, text in FILES.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


READ = Place("shop/accounts.py", 6, 8, 6, 49)
SAVE = Place("shop/accounts.py", 9, 12, 9, 26)
SEND = Place("shop/orders.py", 6, 2, 6, 34)
POST = Place("shop/orders.py", 7, 1, 7, 45)

LOST_UPDATE = Finding(
    rule="lost-update",
    category="transact",
    severity=Severity.CRITICAL,
    confidence=Confidence.HIGH,
    pillar=Pillar.RELIABILITY,
    place=SAVE,
    symbol="Account.withdraw",
    message="Of two withdrawals at once, one is lost: balance is read, changed in memory and written back.",
    why="The second writer overwrites the first, and nobody is told: the balance is wrong from then on.",
    pattern="Atomic update in the database",
    story=(
        Step(READ, "A reads balance"),
        Step(READ, "B reads the same balance"),
        Step(SAVE, "B writes its result"),
        Step(SAVE, "A writes: B's withdrawal is gone"),
    ),
    reached_from=("POST /withdraw", "task settle"),
    related=("write-skew",),
    datasets=("accounts",),
    fix=Fix(
        title="Let the database subtract",
        text='Account.objects.filter(pk=self.pk, balance__gte=amount).update(balance=F("balance") - amount)',
        safe=True,
        edits=(Edit(SAVE, 'account.save(update_fields=["balance"])'),),
    ),
    fingerprint="aaaa",
)

PUBLISH = Finding(
    rule="publish-before-commit",
    category="derive",
    severity=Severity.MAJOR,
    confidence=Confidence.MEDIUM,
    pillar=Pillar.RELIABILITY,
    place=SEND,
    symbol="pay",
    message="The order is announced before it is committed.",
    why="After a rollback the consumers know an order that does not exist.",
    pattern="Transactional outbox",
    story=(
        Step(SEND, "The message leaves"),
        Step(READ, "Elsewhere, the consumer looks for the order and finds nothing"),
        Step(Place("", 0), "The transaction rolls back"),
    ),
    fingerprint="bbbb",
)

TIMEOUT = Finding(
    rule="remote-call-without-timeout",
    category="distribute",
    severity=Severity.MINOR,
    confidence=Confidence.HIGH,
    pillar=Pillar.SCALABILITY,
    place=POST,
    symbol="pay.<locals>.call",
    message="requests.post waits for ever when the other side hangs.",
    why="Every worker ends up waiting.",
    pattern="Timeout",
    fix=Fix(title="Give a timeout", text="requests.post(URL, json=body, timeout=5)"),
    fingerprint="cccc",
)

SUPPRESSED = Finding(
    rule="lost-update",
    category="transact",
    severity=Severity.CRITICAL,
    confidence=Confidence.HIGH,
    pillar=Pillar.RELIABILITY,
    place=Place("shop/orders.py", 5, 2, 5, 14),
    symbol="pay",
    message="Of two payments at once, one is lost.",
    why="The second overwrites the first.",
    pattern="Atomic update in the database",
    fingerprint="dddd",
    suppressed="one worker only",
)


def review(root: Path | str = "") -> Review:
    return Review(
        findings=(LOST_UPDATE, PUBLISH, TIMEOUT),
        strengths=(
            Strength(
                pattern="Unique key as guard",
                category="transact",
                message="A payment cannot be made twice: payments(order_id) is unique.",
                evidence=(Step(READ, "the unique key"),),
                name="constraint-behind-invariant",
                pillar=Pillar.RELIABILITY,
                why="A constraint holds in every run.",
                places=3,
                of=4,
            ),
        ),
        summary=Summary(
            text="A shop in Django with PostgreSQL and Kafka; one node would serve it.",
            files=2,
            lines=16,
            skipped_files=3,
            skipped_lines=120,
            functions=2,
            seconds=1.25,
            stores=("kafka", "postgresql"),
            remarks=(Remark("shop/legacy.py", 3, "Python 2, read in part"),),
            hidden=4,
            suppressed=1,
        ),
        suppressed=(SUPPRESSED,),
        root=str(root),
    )
