"""What is known of SQLAlchemy's effects beyond that they happen: transactions, locks, rows, columns, guards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from datakeel.model.certainty import Answer
from datakeel.model.effect import Cardinality, Effect, Kind, Source
from datakeel.model.operation import Operation, same_rows
from tests.pages import read_system

MODELS = """
from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

class Base(DeclarativeBase):
    pass

class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)

class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (UniqueConstraint("shop", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    shop: Mapped[str]
    number: Mapped[str]
    status: Mapped[str]
    total: Mapped[int]
    version: Mapped[int]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    customer: Mapped[Customer] = relationship()

class Page(Base):
    __tablename__ = "pages"
    __mapper_args__ = {"version_id_col": "revision"}
    id: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int]
    views: Mapped[int]
"""
HEAD = """
from sqlalchemy import create_engine, delete, func, insert, or_, select, text, update
from sqlalchemy.orm import Session, joinedload, sessionmaker
from shop.models import *
"""

Reading = Callable[..., Operation]


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """Reads a function of a shop, whose models stand in a file of their own."""

    def read(code: str, name: str = "use", **files: str) -> Operation:
        others = {f"shop/{n}.py": content for n, content in files.items()}
        system = read_system(
            {"shop/__init__.py": "", "shop/models.py": MODELS, "shop/code.py": HEAD + code, **others}, tmp_path
        )
        return next(o for o in system.operations if o.name.endswith(f"code.{name}"))

    return read


def one(operation: Operation, kind: Kind, verb: str = "") -> Effect:
    found = [e for e in operation.of(kind) if not verb or e.verb == verb]
    assert len(found) == 1, found
    return found[0]


def read_of(operation: Operation, index: int = 0) -> Effect:
    return list(operation.of(Kind.READ))[index]


def write_of(operation: Operation, index: int = 0) -> Effect:
    return list(operation.of(Kind.WRITE))[index]


# Transactions ---------------------------------------------------------------------------------------------------------


def test_one_transaction_lasts_from_the_first_use_to_the_commit(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    order = session.get(Order, number)
    order.status = "busy"
    session.commit()
    order.status = "done"
    session.commit()
""")
    first, second = use.of(Kind.WRITE)
    commits = list(use.of(Kind.COMMIT))
    assert use.same_transaction(read_of(use), first)
    assert use.same_transaction(first, commits[0])
    assert not use.same_transaction(first, second)
    assert use.same_transaction(second, commits[1])


def test_a_rollback_ends_it_too(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    session.get(Order, number)
    session.rollback()
    session.delete(session.get(Order, number))
""")
    before, after = use.of(Kind.READ)
    assert not use.same_transaction(before, after)
    assert use.same_transaction(after, write_of(use))


def test_a_helpers_commit_ends_its_callers_transaction(reading: Reading) -> None:
    use = reading("""
def save(session: Session):
    session.commit()

def use(session: Session, number):
    order = session.get(Order, number, with_for_update=True)
    order.status = "busy"
    save(session)
    order.status = "done"
""")
    first, second = use.of(Kind.WRITE)
    assert use.same_transaction(first, one(use, Kind.COMMIT))
    assert not use.same_transaction(first, second)
    assert first.locks == (read_of(use).number,)
    assert second.locks == ()


def test_a_helper_joins_the_callers_transaction(reading: Reading) -> None:
    use = reading("""
def log(db):
    db.execute(insert(Customer).values(email="a"))

def use():
    with sessionmaker()() as session:
        session.execute(update(Order).values(total=0))
        log(session)
        session.commit()
""")
    first, second = use.of(Kind.WRITE)
    assert use.same_transaction(first, second)
    assert use.same_transaction(second, one(use, Kind.COMMIT))


def test_a_savepoint_is_part_of_the_transaction(reading: Reading) -> None:
    use = reading("""
def use(session: Session):
    session.execute(update(Order).values(total=0))
    with session.begin_nested():
        session.add(Customer(email="a"))
    session.commit()
""")
    first, second = use.of(Kind.WRITE)
    assert use.same_transaction(first, second)
    assert second.inside("savepoint") is not None
    assert len(list(use.of(Kind.COMMIT))) == 1


def test_two_sessions_have_two_transactions(reading: Reading) -> None:
    use = reading("""
Local = sessionmaker()

def use():
    a, b = Local(), Local()
    a.execute(update(Order).values(total=0))
    b.execute(update(Customer).values(email=""))
    a.commit()
    b.execute(delete(Order))
""")
    writes = list(use.of(Kind.WRITE))
    assert len({w.connection for w in writes}) == 2
    assert not use.same_transaction(writes[0], writes[1])
    assert use.same_transaction(writes[1], writes[2])
    assert use.same_transaction(writes[0], one(use, Kind.COMMIT))


def test_paths_that_each_begin_it_have_one_transaction(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    if number:
        order = session.get(Order, number, with_for_update=True)
    else:
        order = session.scalars(select(Order).with_for_update()).first()
    order.status = "new"
    session.commit()
    session.delete(order)
""")
    first, second = use.of(Kind.READ)
    write, delete = use.of(Kind.WRITE)
    assert use.same_transaction(first, write)
    assert use.same_transaction(second, write)
    assert len([t for t in use.transactions if t.kind == "session"]) == 2
    assert not use.same_transaction(write, delete)


def test_a_path_that_commits_and_one_that_does_not(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    order = session.get(Order, number)
    if number:
        session.commit()
        session.get(Customer, number)
    order.status = "new"
""")
    first, second = use.of(Kind.READ)
    assert not use.same_transaction(first, second)


def test_a_repositorys_session_is_the_one_it_was_given(reading: Reading) -> None:
    use = reading("""
class Orders:
    def __init__(self, session: Session):
        self.session = session

    def clear(self):
        self.session.execute(delete(Order))

def use(session: Session):
    Orders(session).clear()
    session.add(Customer(email="a"))
""")
    first, second = use.of(Kind.WRITE)
    assert first.connection == second.connection == "parameter:session"
    assert use.same_transaction(first, second)


def test_what_was_not_committed_ends_with_the_sessions_block(reading: Reading) -> None:
    use = reading("""
Local = sessionmaker()

def count():
    with Local() as session:
        return session.scalar(select(func.count(Order.id)))

def use(publisher):
    count()
    publisher.send("x")
    with Local() as session:
        session.delete(session.get(Order, 5))
        session.commit()
""")
    first, second = use.of(Kind.READ)
    assert not use.same_transaction(first, second)
    assert second.locks == ()


def test_an_exit_from_inside_another_context_keeps_the_commit(reading: Reading) -> None:
    use = reading("""
import threading
lock = threading.Lock()

def saved(session: Session):
    session.execute(delete(Order))
    with lock:
        session.commit()
        return True

def use(session: Session):
    saved(session)
    session.execute(delete(Customer))
""")
    first, second = use.of(Kind.WRITE)
    assert not use.same_transaction(first, second)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ('Session(create_engine("x", isolation_level="SERIALIZABLE"))', "serializable"),
        ('sessionmaker(bind=create_engine("x", isolation_level="REPEATABLE READ"))()', "repeatable-read"),
        ('Session(create_engine("x").execution_options(isolation_level="SERIALIZABLE"))', "serializable"),
        ('create_engine("x").connect().execution_options(isolation_level="SERIALIZABLE")', "serializable"),
        ("Session()", ""),
    ],
)
def test_the_isolation_of_a_transaction(reading: Reading, made: str, expected: str) -> None:
    use = reading(f"""
def use():
    session = {made}
    session.execute(delete(Order))
""")
    transaction = use.transaction_of(write_of(use))
    assert transaction is not None
    assert transaction.isolation == expected


def test_isolation_that_the_session_asks_for(reading: Reading) -> None:
    use = reading("""
def use(session: Session):
    session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
    session.execute(delete(Order))
    session.commit()
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    session.execute(delete(Order))
""")
    levels = [t.isolation for w in use.of(Kind.WRITE) if (t := use.transaction_of(w))]
    assert levels == ["serializable", "repeatable-read"]


def test_every_engines_isolation_is_that_of_a_session_from_outside(reading: Reading) -> None:
    use = reading(
        """
def use(session: Session):
    session.execute(delete(Order))
""",
        database='from sqlalchemy import create_engine\nLEVEL = "SERIALIZABLE"\n'
        'engine = create_engine("x", isolation_level=LEVEL)\n',
    )
    transaction = use.transaction_of(write_of(use))
    assert transaction is not None
    assert transaction.isolation == "serializable"


def test_autocommit_is_no_transaction(reading: Reading) -> None:
    use = reading("""
def use():
    with create_engine("x", isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("DELETE FROM orders"))
""")
    assert write_of(use).transaction is None


# Locks ----------------------------------------------------------------------------------------------------------------


def test_a_locking_read_is_held_to_the_commit(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    order = session.scalars(select(Order).where(Order.id == number).with_for_update(nowait=True)).one()
    order.total = order.total + 1
    session.commit()
    order.total = 0
""")
    read = read_of(use)
    assert read.selection is not None
    assert (read.selection.lock, read.selection.nowait) == ("update", True)
    locked, free = use.of(Kind.WRITE)
    assert locked.locks == (read.number,)
    assert free.locks == ()


def test_a_lock_by_a_parameter_is_as_it_was_called(reading: Reading) -> None:
    code = """
def load(session: Session, number, for_update=False):
    statement = select(Order).where(Order.id == number)
    if for_update:
        statement = statement.with_for_update()
    return session.scalar(statement)

def locked(session: Session, number):
    load(session, number, for_update=True).total = 5

def unlocked(session: Session, number):
    load(session, number).total = 5
"""
    assert write_of(reading(code, "locked")).locks
    assert not write_of(reading(code, "unlocked")).locks


def test_a_lock_of_another_table_does_not_lock_these_rows(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    session.scalar(select(Order).join(Order.customer).where(Order.id == number).with_for_update(of=Customer))
""")
    assert read_of(use).selection is not None
    assert read_of(use).selection.lock == ""  # type: ignore[union-attr]


def test_an_advisory_lock_of_the_transaction_ends_with_it(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    session.execute(select(func.pg_advisory_xact_lock(number)))
    session.execute(delete(Order))
    session.commit()
    session.execute(delete(Customer))
""")
    lock = one(use, Kind.LOCK)
    held, free = use.of(Kind.WRITE)
    assert lock.key == "parameter:number"
    assert held.locks == (lock.number,)
    assert free.locks == ()


# Rows -----------------------------------------------------------------------------------------------------------------


def test_the_row_that_was_read_is_the_row_that_is_written(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    order = session.query(Order).filter_by(number=number).one()
    order.total = order.total + 1
""")
    write = write_of(use)
    assert same_rows(read_of(use), write) is Answer.YES
    assert write.assigned[0].column == "total"
    assert write.assigned[0].how == "value"
    assert write.assigned[0].sources == (Source("read", read_of(use).number, path=("total",)),)


def test_a_helper_that_sets_attributes_writes_its_callers_row(reading: Reading) -> None:
    use = reading("""
def raised(order, amount):
    order.total = order.total + amount

def use(session: Session, number, amount):
    order = session.get(Order, number)
    raised(order, amount)
    session.commit()
""")
    write = write_of(use)
    assert same_rows(read_of(use), write) is Answer.YES
    assert Source("read", read_of(use).number, path=("total",)) in write.assigned[0].sources
    assert use.same_transaction(read_of(use), write)


def test_a_helper_that_fills_a_new_object_writes_nothing_by_itself(reading: Reading) -> None:
    use = reading("""
def fill(order: Order, total):
    order.total = total

def use(session: Session, total):
    order = Order(shop="a")
    fill(order, total)
    session.add(order)
    fill(order, 5)
""")
    write = one(use, Kind.WRITE)
    assert write.verb == "insert"
    assert {a.column: a.how for a in write.assigned} == {"shop": "constant", "total": "constant"}


def test_an_object_from_outside_is_inserted_or_left_as_its_caller_has_it(reading: Reading) -> None:
    code = """
def save(session: Session, order: Order):
    session.add(order)
    session.commit()

def new(session: Session):
    save(session, Order(total=5))

def known(session: Session, number):
    save(session, session.get(Order, number))
"""
    insert = one(reading(code, "new"), Kind.WRITE)
    assert (insert.verb, [a.column for a in insert.assigned]) == ("insert", ["total"])
    assert not list(reading(code, "known").of(Kind.WRITE))


def test_a_flushed_object_is_updated(reading: Reading) -> None:
    use = reading("""
def use(session: Session):
    order = Order(total=1)
    session.add(order)
    session.flush()
    order.total = 2
""")
    insert, update = use.of(Kind.WRITE)
    assert (insert.verb, update.verb) == ("insert", "update")
    assert insert.rows == update.rows


def test_elements_of_a_result_are_its_rows(reading: Reading) -> None:
    use = reading("""
def use(session: Session):
    for order in session.scalars(select(Order).where(Order.status == "new")):
        order.status = "seen"
""")
    assert same_rows(read_of(use), write_of(use)) is Answer.YES
    assert write_of(use).inside("loop") is not None


def test_a_statement_that_a_helper_executes_keeps_what_it_compares_with(reading: Reading) -> None:
    use = reading("""
class Orders:
    def __init__(self, session: Session):
        self.session = session

    def find(self, statement):
        return self.session.execute(statement).scalar_one_or_none()

    def by_number(self, number):
        return self.find(select(Order).where(Order.shop == "a", Order.number == number))

def use(session: Session, wanted):
    order = Orders(session).by_number(wanted)
    order.status = "seen"
""")
    read = read_of(use)
    assert read.dataset == "orders"
    assert read.selection is not None
    assert [(p.column, p.value) for p in read.selection.predicates] == [
        ("shop", "const:'a'"),
        ("number", "parameter:wanted"),
    ]
    assert same_rows(read, write_of(use)) is Answer.YES


# Columns --------------------------------------------------------------------------------------------------------------


def test_arithmetic_of_columns_is_the_stores(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number, amount):
    session.execute(update(Order).where(Order.id == number).values(total=Order.total + amount, status="x"))
    session.query(Order).filter_by(id=number).update({Order.total: Order.total - amount})
    order = session.get(Order, number)
    order.total = Order.total + 1
""")
    first, second, third = use.of(Kind.WRITE)
    assert {a.column: a.how for a in first.assigned} == {"total": "atomic", "status": "constant"}
    assert second.assigned[0].how == "atomic"
    assert third.assigned[0].how == "atomic"


def test_what_other_columns_say_is_no_change_of_the_own_one(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    session.execute(update(Order).where(Order.id == number).values(total=Order.version))
    session.execute(text("UPDATE orders SET total = p.total FROM paid p WHERE p.number = orders.number"))
""")
    assert [a.how for write in use.of(Kind.WRITE) for a in write.assigned] == ["derived", "derived"]


def test_what_is_set_on_a_conflict(reading: Reading) -> None:
    use = reading("""
from sqlalchemy.dialects.postgresql import insert as upsert

def use(session: Session, number, total):
    statement = upsert(Order).values(number=number, total=total, version=1)
    session.execute(statement.on_conflict_do_update(
        index_elements=["number"], set_={"total": statement.excluded.total, "version": Order.version + 1}
    ))
""")
    write = one(use, Kind.WRITE)
    assert (write.verb, write.conflict) == ("upsert", "update")
    assert {a.column: a.how for a in write.assigned} == {"number": "value", "total": "value", "version": "atomic"}


def test_a_version_is_checked_by_the_write(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    page = session.get(Page, number)
    page.views = page.views + 1
""")
    write = write_of(use)
    assert write.selection is not None
    assert "revision" in {p.column for p in write.selection.predicates}
    assert "revision" in {a.column for a in write.assigned}


def test_a_guarded_update_and_its_row_count(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    done = session.execute(update(Order).where(Order.id == number, Order.status == "new").values(status="paid"))
    if done.rowcount == 0:
        session.add(Customer(email="late"))
""")
    first, second = use.of(Kind.WRITE)
    assert first.selection is not None
    assert first.selection.equality_columns() == {"id", "status"}
    assert [(g.test, g.sources) for g in second.guards] == [("==", (Source("result", first.number, "rowcount"),))]


def test_a_decision_on_what_was_read(reading: Reading) -> None:
    use = reading("""
def use(session: Session, email):
    known = session.scalar(select(Customer).where(Customer.email == email))
    if known is None:
        session.add(Customer(email=email))
""")
    write = write_of(use)
    assert [(g.test, g.polarity) for g in write.guards] == [("is-none", True)]
    assert write.guards[0].sources == (Source("read", read_of(use).number),)


def test_columns_of_a_result_row(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    total, version = session.execute(select(Order.total, Order.version).where(Order.id == number)).one()
    session.execute(update(Order).where(Order.id == number).values(total=total + 1, version=version))
""")
    read, write = read_of(use), write_of(use)
    assert read.selection is not None
    assert read.selection.columns == ("total", "version")
    assert {a.column: a.sources for a in write.assigned} == {
        "total": (Source("read", read.number, path=("total",)),),
        "version": (Source("read", read.number, path=("version",)),),
    }
    assert same_rows(read, write) is Answer.YES


# Selections -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "cardinality"),
    [
        ("session.get(Order, number)", Cardinality.ONE),
        ("session.scalars(select(Order).where(Order.id == number)).all()", Cardinality.ONE),
        ("session.query(Order).filter_by(shop='a', number=number).first()", Cardinality.ONE),
        ("session.query(Customer).filter(Customer.email == number).all()", Cardinality.ONE),
        ("session.query(Order).filter_by(number=number).all()", Cardinality.MANY),
        ("session.query(Order).filter_by(number=number).first()", Cardinality.AT_MOST),
        ("session.scalars(select(Order).limit(10)).all()", Cardinality.AT_MOST),
        ("session.execute(select(Order).where(Order.total > 5)).scalars().first()", Cardinality.AT_MOST),
    ],
)
def test_how_many_rows_a_query_reads(reading: Reading, query: str, cardinality: Cardinality) -> None:
    use = reading(f"def use(session: Session, number):\n    return {query}\n")
    selection = read_of(use).selection
    assert selection is not None
    assert selection.cardinality == cardinality


def test_what_a_selection_knows(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number, names):
    session.query(Order).join(Order.customer).filter(
        Order.total >= 5, Order.status.in_(names), Order.version.is_(None), Customer.email == number
    ).order_by(Order.id.desc()).limit(20).offset(40).all()
    session.query(Order).filter(or_(Order.total == 1, Order.total == 2)).all()
    session.query(func.max(Order.total)).scalar()
""")
    first, second, third = (e.selection for e in use.of(Kind.READ))
    assert first is not None
    assert second is not None
    assert third is not None
    assert [(p.column, p.operator) for p in first.predicates] == [
        ("total", ">="),
        ("status", "in"),
        ("version", "is-null"),
        ("customers.email", "="),
    ]
    assert (first.order, first.limit, first.offset, first.joins) == (("id",), 20, True, ("customers",))
    assert not second.complete
    assert third.aggregate == "max"


def test_following_a_relation_reads_its_row_by_its_key(reading: Reading) -> None:
    use = reading("""
def use(session: Session, number):
    order = session.get(Order, number)
    order.customer.email = "x"
""")
    first, second = use.of(Kind.READ)
    assert second.selection is not None
    assert second.selection.predicates[0].value == f"read:{first.number}.customer_id"
    assert second.selection.cardinality == Cardinality.ONE
    assert write_of(use).dataset == "customers"
    assert write_of(use).rows == second.rows


def test_a_class_with_a_unique_column_and_no_key_in_sight(tmp_path: Path) -> None:
    code = """
    from sqlalchemy import Column, ForeignKey, Integer, String
    from sqlalchemy.orm import DeclarativeBase, relationship

    class Account(DeclarativeBase):
        __tablename__ = "accounts"
        email = Column(String, unique=True)
        orders = relationship("Order")

    class Order(DeclarativeBase):
        __tablename__ = "orders"
        number = Column(Integer, unique=True)
        account_email = Column(ForeignKey("accounts.email"))
        account = relationship("Account")

    def run(session, number):
        order = session.get(Order, number)
        session.merge(order)
        return order.account.orders, session.query(Order).filter(Order.number > 1).all()
    """
    system = read_system({"shop/__init__.py": "", "shop/code.py": dedent(code)}, tmp_path)
    (run,) = (o for o in system.operations if o.symbol == "run")
    *_, many = (e for e in run.of(Kind.READ) if e.dataset == "orders")
    assert many.selection is not None
    assert many.selection.cardinality is not Cardinality.ONE


def test_a_query_is_handed_to_what_runs_its_bound_method(tmp_path: Path) -> None:
    code = """
    from sqlalchemy import Column, Integer
    from sqlalchemy.orm import DeclarativeBase, sessionmaker

    Session = None

    class Account(DeclarativeBase):
        __tablename__ = "accounts"
        id = Column(Integer, primary_key=True)

    def attempt(run):
        for _ in range(5):
            try:
                return run()
            except OSError:
                continue

    def ask(query, kind="all"):
        run = None
        if kind == "all":
            run = query.all
        elif kind == "one":
            run = query.one
        return attempt(run)

    def first():
        session = sessionmaker()()
        return ask(session.query(Account).filter(Account.id == 1), "one")
    """
    system = read_system({"shop/__init__.py": "", "shop/code.py": dedent(code)}, tmp_path)
    assert not system.remarks
    (operation,) = (o for o in system.operations if o.symbol == "first")
    (read,) = operation.of(Kind.READ)
    assert (read.dataset, [p.column for p in read.predicates]) == ("accounts", ["id"])
