"""What a language makes of a cure's changes: formatting and comments stay, and what is not surely right is refused."""

from __future__ import annotations

from textwrap import dedent

import pytest

from datakeel.finding import Change
from datakeel.mend.text import applied
from datakeel.model.place import Place
from datakeel.read.languages.python.draft import Draft
from datakeel.read.languages.python.edit import edits, unused


def place(text: str, needle: str) -> Place:
    """Where the needle stands, which may go over several lines."""
    begin = text.index(needle)
    assert text.count(needle) == 1, needle
    end = begin + len(needle)
    starts = [0]
    for number, character in enumerate(text):
        if character == "\n":
            starts.append(number + 1)
    first = max(n for n, s in enumerate(starts) if s <= begin)
    last = max(n for n, s in enumerate(starts) if s <= end)
    return Place("code.py", first + 1, begin - starts[first], last + 1, end - starts[last])


def after(text: str, how: str, needle: str, library: str = "", name: str = "", value: str = "", other: str = "") -> str:
    """The text with one change made; empty where it is refused."""
    lock = place(text, other) if other else None
    made = edits(text, "code.py", [Change(how, place(text, needle), library, name, value, lock)])
    changed = applied(text, made) if made else ""
    compile(changed, "code.py", "exec")
    return changed


ARGUMENTS = {
    "the only one": ("requests.get()", "requests.get(timeout=10)"),
    "one more": ("requests.get(url)", "requests.get(url, timeout=10)"),
    "behind a trailing comma": ("requests.get(url,)", "requests.get(url, timeout=10,)"),
    "behind brackets of its own": ("requests.get((url))", "requests.get((url), timeout=10)"),
    "one on each line": (
        "requests.get(\n    url,\n    params={},  # none\n)",
        "requests.get(\n    url,\n    params={},  # none\n    timeout=10,\n)",
    ),
    "one on each line, without the last comma": (
        "requests.get(\n    url,\n    params={}\n)",
        "requests.get(\n    url,\n    params={},\n    timeout=10\n)",
    ),
    "a comment behind the last, without a comma": (
        "requests.get(\n    url  # theirs, (all)\n)",
        "requests.get(\n    url,  # theirs, (all)\n    timeout=10\n)",
    ),
    "the bracket closes the last line": (
        "requests.get(url,\n             params={})",
        "requests.get(url,\n             params={},\n             timeout=10)",
    ),
    "a table hugs the brackets": (
        'requests.post(url, json={\n    "é": "ü",\n})',
        'requests.post(url, json={\n    "é": "ü",\n}, timeout=10)',
    ),
    "the only one, between the brackets": ("requests.get(\n    url\n)", "requests.get(\n    url, timeout=10\n)"),
    "a line that would be too long": (
        f"requests.get({'a' * 30}, headers={'b' * 30})",
        f"requests.get(\n    {'a' * 30}, headers={'b' * 30}, timeout=10\n)",
    ),
    "a line that would be too long between the brackets, too": (
        f"get({'a' * 36}, headers={'b' * 29})",
        f"get(\n    {'a' * 36},\n    headers={'b' * 29},\n    timeout=10,\n)",
    ),
    "a line between the brackets that would be too long": (
        f"requests.get(\n    {'a' * 30}, headers={'b' * 36}\n)",
        f"requests.get(\n    {'a' * 30},\n    headers={'b' * 36},\n    timeout=10,\n)",
    ),
    "a line that is longer than others already": (
        f'requests.get("{"a" * 40}", headers={"b" * 30})',
        f'requests.get("{"a" * 40}", headers={"b" * 30}, timeout=10)',
    ),
    "the only one, which fills its line": (
        f"requests.get(\n    {'a' * 80}\n)",
        f"requests.get(\n    {'a' * 80},\n    timeout=10,\n)",
    ),
    "a comment that ends with a bracket": (
        "requests.get(  # (a)\n    url,\n    # last )\n)",
        "requests.get(  # (a)\n    url,\n    timeout=10,\n    # last )\n)",
    ),
}


@pytest.mark.parametrize("case", ARGUMENTS.values(), ids=list(ARGUMENTS))
def test_an_argument_is_laid_out_as_the_others_are(case: tuple[str, str]) -> None:
    before, expected = case
    assert after(f"x = {before}\n", "argument", before, name="timeout", value="10") == f"x = {expected}\n"


@pytest.mark.parametrize(
    "call",
    [
        "requests.get(url, **options)",
        "requests.get(*given)",
        "requests.get(url, timeout=None)",
        "any(u for u in urls)",
        "f(  # none\n)",
    ],
)
def test_an_argument_that_may_be_there_already_is_refused(call: str) -> None:
    assert after(f"x = {call}\n", "argument", call, name="timeout", value="10") == ""


def test_a_value_names_its_module_as_the_file_does() -> None:
    text = "import aiohttp as http\n\n\nasync def ask(session, url):\n    await session.get(url)\n"
    changed = after(text, "argument", "session.get(url)", name="timeout", value="aiohttp.ClientTimeout(total=10)")
    assert "session.get(url, timeout=http.ClientTimeout(total=10))" in changed


IMPORTS = {
    "none is there": ("", "from functools import partial\n\n"),
    "behind the docstring": ('"""Orders."""\n', '"""Orders."""\nfrom functools import partial\n\n'),
    "among its kind": ("import os\n\nimport django\n", "import os\nfrom functools import partial\n\nimport django\n"),
    "in its order": (
        "from abc import ABC\nfrom re import sub\n",
        "from abc import ABC\nfrom functools import partial\nfrom re import sub\n",
    ),
    "in the line of its module": (
        "from functools import cache, wraps\n",
        "from functools import cache, partial, wraps\n",
    ),
    "before those of others": ("import django\n", "from functools import partial\n\nimport django\n"),
    "it is there": ("from functools import partial\n", "from functools import partial\n"),
    "its module is there": ("import functools\n", "import functools\n"),
    "under another name": ("from functools import partial as bind\n", "from functools import partial as bind\n"),
    "behind what looks at the future": (
        "from __future__ import annotations\n\nimport django\n",
        "from __future__ import annotations\n\nfrom functools import partial\n\nimport django\n",
    ),
}


@pytest.mark.parametrize("case", IMPORTS.values(), ids=list(IMPORTS))
def test_what_is_needed_is_imported_where_it_belongs(case: tuple[str, str]) -> None:
    before, expected = case
    rest = "from django.db import transaction\n\n\ndef place(order):\n    bill.delay(order.id)\n"
    changed = after(before + rest, "defer", "bill.delay(order.id)", "django")
    assert changed.startswith(expected)


def test_an_import_that_only_a_type_checker_sees_is_none() -> None:
    text = dedent("""\
        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from django.db import transaction


        def place(order):
            bill.delay(order.id)
        """)
    changed = after(text, "defer", "bill.delay(order.id)", "django")
    assert "from django.db import transaction\n\nif TYPE_CHECKING" in changed


def test_an_import_of_the_function_itself_is_used() -> None:
    text = dedent("""\
        from functools import partial


        def place(order):
            from django.db import transaction as tx

            bill.delay(order.id)
        """)
    assert "    tx.on_commit(partial(bill.delay, order.id))" in after(text, "defer", "bill.delay(order.id)", "django")


@pytest.mark.parametrize("name", ["transaction", "partial"])
def test_a_name_that_means_something_else_is_refused(name: str) -> None:
    text = f"def place(order, {name}):\n    bill.delay(order.id)\n"
    assert after(text, "defer", "bill.delay(order.id)", "django") == ""


def test_a_statement_waits_for_the_commit_with_its_values_bound() -> None:
    text = dedent("""\
        from functools import partial

        from django.db import transaction


        class Orders:
            def place(self, orders):
                for order in orders:
                    bill.apply_async(
                        args=[order.id],  # the id
                        countdown=3,
                    )
                refresh.delay()
        """)
    first = text[text.index("bill.apply") : text.index("        refresh")].rstrip()
    changed = after(text, "defer", first, "django")
    assert changed == text.replace(
        first,
        "transaction.on_commit(partial(\n"
        "                bill.apply_async,\n"
        "                args=[order.id],  # the id\n"
        "                countdown=3,\n"
        "            ))",
    )
    assert "transaction.on_commit(refresh.delay)\n" in after(text, "defer", "refresh.delay()", "django")


@pytest.mark.parametrize("name", ["drop_what_nobody_needs", "drop_what_nobody_needs_in_any_shop_any_more"])
def test_a_call_that_waits_for_the_commit_is_laid_out_as_formatters_do(name: str) -> None:
    call = f"{name}.delay(\n        shipping_methods, [instance.id]\n    )"
    text = f"from functools import partial\n\nfrom django.db import transaction\n\n\ndef drop():\n    {call}\n"
    bound = (
        f"        partial({name}.delay, shipping_methods, [instance.id])\n"
        if len(name) < 30
        else f"        partial(\n            {name}.delay,\n"
        "            shipping_methods,\n            [instance.id],\n        )\n"
    )
    assert after(text, "defer", call, "django") == text.replace(call, f"transaction.on_commit(\n{bound}    )")


@pytest.mark.parametrize(
    ("line", "edited"),
    [
        ("    answer = await stub.Get(ask)", True),
        ("    async for part in stub.Get(ask):\n        print(part)", False),
        ("    answer = await stub.Get(ask).read()", False),
        ("    parts = stub.Get(ask)", False),
    ],
)
def test_a_stream_of_answers_is_not_cut(line: str, edited: bool) -> None:
    text = f"async def pay(stub, ask):\n{line}\n"
    assert bool(after(text, "argument", "stub.Get(ask)", "grpc", "timeout", "10")) == edited


@pytest.mark.parametrize(
    ("line", "edited"),
    [
        ("    answer = stub.Get(ask)\n    print(answer.state)", True),
        ("    parts = stub.Get(ask)\n    for part in parts:\n        print(part)", False),
        ("    for part in stub.Get(ask):\n        print(part)", False),
    ],
)
def test_a_stream_of_answers_is_not_cut_in_a_thread(line: str, edited: bool) -> None:
    text = f"def pay(stub, ask):\n{line}\n"
    assert bool(after(text, "argument", "stub.Get(ask)", "grpc", "timeout", "10")) == edited


def test_a_queue_that_nobody_waits_for_stays_without_a_limit() -> None:
    text = "jobs = Queue()\n\n\ndef put(job):\n    jobs.put_nowait(job)\n"
    assert after(text, "argument", "Queue()", name="maxsize", value="1000") == ""
    assert after(text.replace("_nowait", ""), "argument", "Queue()", name="maxsize", value="1000") != ""


@pytest.mark.parametrize(
    "line", ["job = bill.delay(order.id)", "return bill.delay(order.id)", "await bill.delay(order.id)"]
)
def test_a_statement_whose_result_is_used_does_not_wait(line: str) -> None:
    assert after(f"async def place(order):\n    {line}\n", "defer", "bill.delay(order.id)", "django") == ""


LOCKS = {
    "by its key": ("django", "Account.objects.get(pk=1)", "Account.objects.select_for_update().get(pk=1)"),
    "over several lines": (
        "django",
        "(\n    Account.objects\n    .filter(pk=1)\n    .first()\n)",
        "(\n    Account.objects\n    .filter(pk=1)\n    .select_for_update()\n    .first()\n)",
    ),
    "or not found": (
        "django",
        "get_object_or_404(Account, pk=1)",
        "get_object_or_404(Account.objects.select_for_update(), pk=1)",
    ),
    "through a session": ("sqlalchemy", "session.get(Account, 1)", "session.get(Account, 1, with_for_update=True)"),
    "a query": (
        "sqlalchemy",
        "session.query(Account).filter_by(id=1).one()",
        "session.query(Account).filter_by(id=1).with_for_update().one()",
    ),
    "a statement": (
        "sqlalchemy",
        "session.scalars(select(Account).where(Account.id == 1))",
        "session.scalars(select(Account).where(Account.id == 1).with_for_update())",
    ),
    "SQL": (
        "psycopg",
        'cursor.execute("SELECT balance FROM accounts WHERE id = %s", (1,))',
        'cursor.execute("SELECT balance FROM accounts WHERE id = %s FOR UPDATE", (1,))',
    ),
    "SQL over several lines": (
        "asyncpg",
        'connection.fetchrow("""\n    SELECT balance\n    FROM accounts WHERE id = $1;\n""", 1)',
        'connection.fetchrow("""\n    SELECT balance\n    FROM accounts WHERE id = $1 FOR UPDATE;\n""", 1)',
    ),
}


@pytest.mark.parametrize("case", LOCKS.values(), ids=list(LOCKS))
def test_a_query_locks_what_it_gives(case: tuple[str, str, str]) -> None:
    library, before, expected = case
    call = before[1:-1].strip() if before.startswith("(") else before
    assert after(f"x = {before}\n", "lock", call, library) == f"x = {expected}\n"


@pytest.mark.parametrize(
    ("library", "call"),
    [
        ("django", "Account.objects.select_related('owner').get(pk=1)"),
        ("django", "Account.objects.values('id').first()"),
        ("django", "Account.objects.count()"),
        ("django", "get_object_or_404(accounts(), pk=1)"),
        ("sqlalchemy", "session.query(Account).join(Owner).first()"),
        ("sqlalchemy", "session.execute(statement)"),
        ("psycopg", 'cursor.execute("SELECT sum(balance) FROM accounts WHERE owner = %s", (1,))'),
        ("psycopg", 'cursor.execute("SELECT balance FROM accounts WHERE id = 1 FOR SHARE")'),
        ("psycopg", "cursor.execute(QUERY, (1,))"),
    ],
)
def test_a_query_that_no_lock_goes_with_is_left(library: str, call: str) -> None:
    assert after(f"x = {call}\n", "lock", call, library) == ""


def test_the_store_computes_what_is_added() -> None:
    text = dedent("""\
        from django.db.models import Q, F as Field


        def pay(pk, amount):
            account = Account.objects.get(pk=pk)
            account.balance -= amount + 1  # with the fee
            account.save()
        """)
    changed = after(text, "atomic", "account.save()", "django", "balance")
    assert '    account.balance = Field("balance") - (amount + 1)  # with the fee\n' in changed


@pytest.mark.parametrize("use", ["return account.balance", "tell(account)", "if account.balance > 9:\n        stop()"])
def test_a_row_that_is_looked_at_behind_its_save_is_read_again(use: str) -> None:
    text = f"""\
from django.db.models import F


def pay(pk):
    account = Account.objects.get(pk=pk)
    account.balance += 1
    account.owners.add(1)
    account.save()
    {use}
"""
    changed = after(text, "atomic", "account.save()", "django", "balance")
    assert changed == text.replace("balance += 1", 'balance = F("balance") + 1').replace(
        "    account.save()\n", '    account.save()\n    account.refresh_from_db(fields=["balance"])\n'
    )


def test_an_attribute_of_a_mapped_class_computes_in_the_store() -> None:
    text = dedent("""\
        from shop.models import Account


        def pay(session, pk, amount):
            account = session.get(Account, pk)
            account.balance = account.balance - amount
            session.commit()
            return account
        """)
    changed = after(text, "atomic", "session.commit()", "sqlalchemy", "balance", "Account")
    assert "    account.balance = Account.balance - amount\n" in changed


@pytest.mark.parametrize(
    "body",
    [
        "account.balance += 1\n    tell(account)\n    account.save()",  # others read it
        "if account.balance:\n        account.balance += 1\n    account.save()",  # it decides
        "for amount in amounts:\n        account.balance += amount\n        account.save()",  # again at each save
        "account.balance += 1\n    account.save()\n    account.save()",
        "account.balance //= 2\n    account.save()",
    ],
)
def test_an_expression_that_others_would_see_is_refused(body: str) -> None:
    text = f"def pay(pk, amounts):\n    account = Account.objects.get(pk=pk)\n    {body}\n"
    first = text[: text.index("account.save()") + len("account.save()")]
    spot = Change("atomic", place(first, "account.save()"), "django", "balance")
    assert edits(text, "code.py", [spot]) == ()


def test_only_what_was_changed_is_saved() -> None:
    text = "def note(pk):\n    order = find(pk)\n    order.note = 1\n    order.save()\n"
    assert 'order.save(update_fields=["note", "changed_at"])' in after(
        text, "columns", "order.save()", name="note,changed_at"
    )
    related = text.replace("order.note", "order.buyer")
    assert 'order.save(update_fields=["buyer"])' in after(related, "columns", "order.save()", name="buyer_id")
    given_away = text.replace("order.note = 1", "order.note = 1\n    stamp(order)")
    assert after(given_away, "columns", "order.save()", name="note") == ""


def test_a_savepoint_holds_what_may_fail() -> None:
    text = dedent("""\
        from django.db import IntegrityError, transaction


        def register(names):
            with transaction.atomic():
                for name in names:
                    try:
                        # a name may be taken

                        Account.objects.create(
                            name=name,
                        )
                    except IntegrityError:
                        continue
                    else:
                        tell(name)
        """)
    expected = text.replace(
        """\
                # a name may be taken

                Account.objects.create(
                    name=name,
                )
""",
        """\
                # a name may be taken

                with transaction.atomic():
                    Account.objects.create(
                        name=name,
                    )
""",
    )
    assert after(text, "savepoint", "except IntegrityError:\n                continue", "django") == expected


def test_a_session_opens_its_savepoint_by_itself() -> None:
    text = dedent("""\
        async def register(session, name):
            try:
                session.add(Account(name=name))
                await session.flush()
            except IntegrityError:
                pass
        """)
    changed = after(text, "savepoint", "except IntegrityError:\n        pass", "sqlalchemy")
    assert "        async with session.begin_nested():\n            session.add(Account(name=name))\n" in changed


def test_text_over_several_lines_is_not_moved() -> None:
    text = 'try:\n    run("""a\n    b""")\nexcept IntegrityError:\n    pass\n'
    assert after(text, "savepoint", "except IntegrityError:\n    pass", "django") == ""


SORTED = {
    "by an attribute": (
        "for line in order.lines.all():\n    lock(pk=line.stock_id)",
        "for line in sorted(order.lines.all(), key=lambda line: line.stock_id):\n    lock(pk=line.stock_id)",
    ),
    "the keys themselves": ("for pk in ids:\n    lock(pk=pk)", "for pk in sorted(ids):\n    lock(pk=pk)"),
    "an entry": (
        'for line in lines:\n    lock(id=line["sku"])',
        'for line in sorted(lines, key=lambda line: line["sku"]):\n    lock(id=line["sku"])',
    ),
    "pairs": (
        "for pk, count in counts.items():\n    lock(pk=pk)",
        "for pk, count in sorted(counts.items()):\n    lock(pk=pk)",
    ),
}


@pytest.mark.parametrize("case", SORTED.values(), ids=list(SORTED))
def test_rows_are_locked_in_the_order_of_their_keys(case: tuple[str, str]) -> None:
    before, expected = case
    assert after(before + "\n", "sort", before, other=before[before.index("lock") :]) == expected + "\n"


def test_rows_that_are_changed_where_they_are_found_are_locked_in_the_order_of_their_keys() -> None:
    text = "for pk in ids:\n    rows.filter(pk=pk).update(stock=1)\n"
    changed = after(text, "sort", text.rstrip(), other="rows.filter(pk=pk).update(stock=1)")
    assert changed == text.replace("in ids", "in sorted(ids)")


@pytest.mark.parametrize("key", ["find(line)", "other.id", "line.stock_id + 1"])
def test_a_loop_whose_keys_are_not_plain_is_left(key: str) -> None:
    text = f"for line in lines:\n    lock(pk={key})\n"
    assert after(text, "sort", text.rstrip(), other=f"lock(pk={key})") == ""


CLOCKS = {
    "a duration": (
        "def f(limit):\n    begun = time.time()\n    while time.time() - begun < limit:\n        go()\n",
        "def f(limit):\n    begun = time.monotonic()\n    while time.monotonic() - begun < limit:\n        go()\n",
    ),
    "a deadline": (
        "def f(limit):\n    end = time.time() + limit\n    while time.time() < end:\n        go()\n",
        "def f(limit):\n    end = time.monotonic() + limit\n    while time.monotonic() < end:\n        go()\n",
    ),
    "two variables": (
        "def f():\n    begun = time.time()\n    ended = time.time()\n    return ended - begun > 3\n",
        "def f():\n    begun = time.monotonic()\n    ended = time.monotonic()\n    return ended - begun > 3\n",
    ),
}


@pytest.mark.parametrize("case", CLOCKS.values(), ids=list(CLOCKS))
def test_all_readings_of_a_duration_come_from_one_clock(case: tuple[str, str]) -> None:
    before, expected = ("import time\n\n\n" + text for text in case)
    begin = before.index("time.time()")
    spot = Change("clock", place(before[: begin + len("time.time()")], "time.time()"))
    assert applied(before, edits(before, "code.py", [spot])) == expected


def test_a_reading_under_its_own_name_needs_the_other_one() -> None:
    text = (
        "from time import sleep, time\n\n\ndef f(x):\n    begun = time()\n    while time() - begun < x:\n        go()\n"
    )
    spot = Change("clock", place(text[: text.index("time()") + 6], "time()"))
    changed = applied(text, edits(text, "code.py", [spot]))
    assert changed.startswith("from time import monotonic, sleep, time\n")
    assert "begun = monotonic()\n    while monotonic() - begun < x" in changed


@pytest.mark.parametrize("use", ["save(begun)", "self.begun = begun", "print(f'{begun}')", "begun += 3"])
def test_a_reading_that_is_also_a_time_of_day_is_left(use: str) -> None:
    text = f"import time\n\n\ndef f(self, x):\n    begun = time.time()\n    {use}\n    return time.time() - begun > x\n"
    spot = Change("clock", place(text[: text.index("time.time()") + 11], "time.time()"))
    assert edits(text, "code.py", [spot]) == ()


def test_an_option_gives_way_to_another_value() -> None:
    assert after("x = Producer(acks=1)\n", "option", "Producer(acks=1)", name="acks", value='"all"') == (
        'x = Producer(acks="all")\n'
    )
    assert after("x = Producer(topic)\n", "option", "Producer(topic)", name="acks", value='"all"') == (
        'x = Producer(topic, acks="all")\n'
    )
    table = 'Producer({\n    "a.b": 1,  # one\n    "acks": 1,\n})'
    assert '"acks": "all",\n' in after(f"x = {table}\n", "option", table, name="acks", value='"all"')
    table = 'Producer({\n    "a.b": 1,\n})'
    assert after(f"x = {table}\n", "option", table, name="acks", value='"all"') == (
        'x = Producer({\n    "acks": "all",\n    "a.b": 1,\n})\n'
    )


def test_what_python_refuses_is_not_edited() -> None:
    assert edits("def (:\n    f()\n", "code.py", [Change("argument", Place("code.py", 2, 4, 2, 7), "", "x", "1")]) == ()


def test_lines_end_as_they_did() -> None:
    text = "requests.get(\r\n    url,\r\n)\r\n"
    made = edits(text, "code.py", [Change("argument", Place("code.py", 1, 0, 3, 1), "", "timeout", "10")])
    assert applied(text, made) == "requests.get(\r\n    url,\r\n    timeout=10,\r\n)\r\n"


def test_a_consumer_is_given_so_many_messages_at_once() -> None:
    text = dedent("""\
        def on_message(channel, method, properties, body):
            start(body)


        def main(channel):
            channel.basic_consume(queue="orders", on_message_callback=on_message)
            channel.start_consuming()
        """)
    handler = text[: text.index("\n\n\n")]
    changed = after(text, "prefetch", handler, name="basic_qos", value="prefetch_count=10")
    assert "    channel.basic_qos(prefetch_count=10)\n    channel.basic_consume(queue=" in changed
    limited = text.replace("channel.start", "channel.basic_qos(prefetch_count=1)\n    channel.start")
    assert after(limited, "prefetch", handler, name="basic_qos", value="prefetch_count=10") == ""


def test_texts_stand_in_the_quotes_that_the_file_prefers() -> None:
    text = "a = ['b', 'c']\nx = Producer('k', acks=1)\n"
    assert "acks='all'" in after(text, "option", "Producer('k', acks=1)", name="acks", value='"all"')


ZONES = {
    "set": (
        "from datetime import datetime\n\n\ndef pay(row):\n    row.paid_at = datetime.utcnow()\n",
        "datetime.utcnow()",
        "",
        "    row.paid_at = datetime.now(timezone.utc)\n",
        "from datetime import datetime, timezone\n",
    ),
    "by the module's name": (
        "import datetime as dt\n\n\ndef pay(rows):\n    rows.update(paid_at=dt.datetime.now())\n",
        "dt.datetime.now()",
        "",
        "    rows.update(paid_at=dt.datetime.now(dt.timezone.utc))\n",
        "import datetime as dt\n",
    ),
    "with the name that is there": (
        "from datetime import UTC, datetime\n\n\ndef pay(rows):\n    rows.update(paid_at=datetime.utcnow())\n",
        "datetime.utcnow()",
        "",
        "    rows.update(paid_at=datetime.now(UTC))\n",
        "from datetime import UTC, datetime\n",
    ),
    "kept, moved and asked for": (
        "from datetime import datetime, timedelta\n\n\n"
        "def clear(rows):\n    cutoff = datetime.now() - timedelta(days=2)\n    return rows.filter(at__lt=cutoff)\n",
        "datetime.now()",
        "django",
        "    cutoff = timezone.now() - timedelta(days=2)\n",
        "\nfrom django.utils import timezone\n",
    ),
    "where Django's name is taken": (
        "from datetime import datetime, timezone\n\n\ndef pay(rows):\n    rows.update(paid_at=datetime.now())\n",
        "datetime.now()",
        "django",
        "    rows.update(paid_at=datetime.now(timezone.utc))\n",
        "from datetime import datetime, timezone\n",
    ),
}


@pytest.mark.parametrize("case", ZONES.values(), ids=list(ZONES))
def test_a_reading_of_the_clock_gets_its_zone(case: tuple[str, str, str, str, str]) -> None:
    text, needle, library, line, imported = case
    changed = after(text, "zone", needle, library)
    assert line in changed
    assert imported in changed


@pytest.mark.parametrize(
    "body",
    [
        "    now = datetime.utcnow()\n    row.paid_at = now\n    return now - row.made_at",
        "    row.paid_at = datetime.utcnow()\n    row.late = row.paid_at > row.due_at",
        "    at = datetime.utcnow()\n    rows.update(paid_at=at)\n    return at.isoformat()",
        "    rows.update(paid_at=datetime.utcnow().date())",
        "    keep(datetime.utcnow())",
        "    keep(at=datetime.utcnow())",
    ],
)
def test_a_time_that_others_are_held_against_stays_as_it_is(body: str) -> None:
    text = f"from datetime import datetime\n\n\ndef pay(row, rows):\n{body}\n"
    assert after(text, "zone", "datetime.utcnow()") == ""


UNUSED = {
    "one of several": (
        "from datetime import datetime, timedelta\n\nx = datetime.now() - timedelta(1)\n",
        "from datetime import datetime, timedelta\n\nx = now() - timedelta(1)\n",
        "from datetime import timedelta\n\nx = now() - timedelta(1)\n",
    ),
    "the last of several": (
        "from time import sleep, time\n\nsleep(time())\n",
        "from time import sleep, time\n\nsleep(1)\n",
        "from time import sleep\n\nsleep(1)\n",
    ),
    "one of a line of its own": (
        "from time import (\n    sleep,\n    time,\n)\n\nsleep(time())\n",
        "from time import (\n    sleep,\n    time,\n)\n\nsleep(1)\n",
        "from time import (\n    sleep,\n)\n\nsleep(1)\n",
    ),
    "all of them": (
        "import time\nimport os\n\nx = os.times(time.time())\n",
        "import time\nimport os\n\nx = os.times()\n",
        "import os\n\nx = os.times()\n",
    ),
    "a paragraph of its own": (
        '"""Orders."""\n\nimport time\n\nimport os\n\nx = os.times(time.time())\n',
        '"""Orders."""\n\nimport time\n\nimport os\n\nx = os.times()\n',
        '"""Orders."""\n\nimport os\n\nx = os.times()\n',
    ),
    "the first paragraph": (
        "import time\n\nimport os\n\nx = os.times(time.time())\n",
        "import time\n\nimport os\n\nx = os.times()\n",
        "import os\n\nx = os.times()\n",
    ),
    "none that was unused before": ("import time\n\nx = 1\n", "import time\n\nx = 2\n", "import time\n\nx = 2\n"),
    "none that is to stay": (
        "import time  # noqa: F401\n\nx = time\n",
        "import time  # noqa: F401\n\nx = 1\n",
        "import time  # noqa: F401\n\nx = 1\n",
    ),
    "none that is exported": (
        "import time\n\n__all__ = ['time']\nx = time.time()\n",
        "import time\n\n__all__ = ['time']\nx = 1\n",
        "import time\n\n__all__ = ['time']\nx = 1\n",
    ),
}


@pytest.mark.parametrize("case", UNUSED.values(), ids=list(UNUSED))
def test_an_import_that_an_edit_left_unused_goes(case: tuple[str, str, str]) -> None:
    before, edited, expected = case
    assert applied(edited, unused(before, edited)) == expected


JOINED = {
    "several names": (
        "from a import delta\nx = 1\n",
        ["gamma", "Beta", "zeta"],
        "from a import Beta, delta, gamma, zeta\nx = 1\n",
    ),
    "a line that would be too long": (
        f"from a import {'b' * 40}, {'d' * 30}\nx = 1\n",
        ["c"],
        f"from a import (\n    {'b' * 40},\n    c,\n    {'d' * 30},\n)\nx = 1\n",
    ),
    "a module that nobody has imported": (
        "from b import c\nx = 1\n",
        ["zeta", "Beta"],
        "from a import Beta, zeta\nfrom b import c\nx = 1\n",
    ),
    "each on a line": (
        "from a import (\n    beta,\n    delta,  # theirs\n)\nx = 1\n",
        ["gamma", "alpha", "zeta"],
        "from a import (\n    alpha,\n    beta,\n    delta,  # theirs\n    gamma,\n    zeta,\n)\nx = 1\n",
    ),
}


@pytest.mark.parametrize("case", JOINED.values(), ids=list(JOINED))
def test_names_join_an_import_in_their_order(case: tuple[str, list[str], str]) -> None:
    text, names, expected = case
    draft = Draft(text, "code.py")
    for name in names:
        assert draft.name("a", name, draft.tree.body[-1]) == name
    assert applied(text, draft.edits()) == expected


def test_docstrings_do_not_tell_which_quotes_a_file_prefers() -> None:
    draft = Draft('"""Orders."""\n\n\ndef paid():\n    """Whether."""\n    return \'paid\'\n', "code.py")
    assert draft.string("new") == "'new'"
    assert draft.quoted('F("new")') == "F('new')"
