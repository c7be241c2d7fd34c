"""A service without a function round its loop."""

from pathlib import Path
from textwrap import dedent

from datakeel.model.effect import Kind
from datakeel.model.operation import Operation
from tests.pages import read_system

CONSUMER = """
    import json
    import psycopg2
    from kafka import KafkaConsumer

    def total(order): return order["total"]

    conn = psycopg2.connect("dbname=shop")
    consumer = KafkaConsumer("orders", group_id="totals")
    for message in consumer:
        order = json.loads(message.value)
        with conn, conn.cursor() as cur:
            cur.execute("UPDATE totals SET amount = amount + %s WHERE customer = %s", (total(order), order["customer"]))
        consumer.commit()
    """


def main_of(text: str, folder: Path) -> Operation | None:
    system = read_system({"shop/__init__.py": "", "shop/totals.py": dedent(text)}, folder)
    return next((o for o in system.operations if o.symbol == "<module>"), None)


def test_a_loop_over_messages_in_a_module_is_a_consumer(tmp_path: Path) -> None:
    found = main_of(CONSUMER, tmp_path)

    assert found is not None
    assert [(e.kind, e.name) for e in found.entries] == [("consumer", "orders")]
    assert [e.kind for e in found.effects if e.kind in (Kind.CONSUME, Kind.WRITE, Kind.ACK)] == [
        *(Kind.CONSUME, Kind.WRITE, Kind.ACK),
    ]
    write = next(e for e in found.effects if e.kind == Kind.WRITE)
    consume = next(e for e in found.effects if e.kind == Kind.CONSUME)
    assert write.dataset == "totals"
    assert any(source.number == consume.number for source in write.computed_from)


def test_so_is_one_that_runs_only_as_a_script(tmp_path: Path) -> None:
    head, loop = dedent(CONSUMER).split("conn = ")
    text = head + 'if __name__ == "__main__":\n' + "".join(f"    {line}\n" for line in ("conn = " + loop).splitlines())

    found = main_of(text, tmp_path)
    assert found is not None
    assert [e.kind for e in found.entries] == ["consumer"]


def test_a_loop_that_ends_makes_no_service(tmp_path: Path) -> None:
    text = """
        import psycopg2
        conn = psycopg2.connect("dbname=shop")
        cur = conn.cursor()
        for number in range(10):
            cur.execute("INSERT INTO numbers (value) VALUES (%s)", (number,))
        """
    assert main_of(text, tmp_path) is None


def test_a_function_that_the_module_calls_stands_for_itself(tmp_path: Path) -> None:
    lines = dedent(CONSUMER).split("conn = ")
    text = (
        lines[0] + "def run():\n" + "".join(f"    {line}\n" for line in ("conn = " + lines[1]).splitlines()) + "run()\n"
    )

    assert main_of(text, tmp_path) is None
