"""Sessions of a real PostgreSQL, stepped in a given order: the proof that an anomaly happens, or does not.

    outcome = play(
        dsn,
        "CREATE TABLE accounts (id int PRIMARY KEY, balance int); INSERT INTO accounts VALUES (1, 100)",
        [
            ("A", "BEGIN"),
            ("A", "SELECT balance FROM accounts WHERE id = 1 FOR UPDATE"),
            ("B", "UPDATE accounts SET balance = 0 WHERE id = 1"),
            ("A", "UPDATE accounts SET balance = %(balance)s - 10 WHERE id = 1"),
            ("A", "COMMIT"),
        ],
        check="SELECT balance FROM accounts",
    )
    assert outcome.steps[2].waited_for == ("A",)
    assert outcome.steps[2].ended_after == 4
    assert outcome.final == ((0,),)

A session comes into being at its first step. It is in autocommit mode: transactions begin where a step says `BEGIN`
(`BEGIN ISOLATION LEVEL REPEATABLE READ`, …), and what is open at the end is rolled back. It remembers the columns of
every single row that it has read, as an application's variables would, and a later step of the same session may use
them: `%(balance)s` above is the balance that A read. (In a step that uses one, write any other `%` as `%%`.)

A step that the server makes wait for a lock is left waiting, and the next step is begun; it ends when the lock is
given. After each step the play goes on only when every step begun so far has ended or stands still in the server's
table of locks, so the order is the same in every run. A deadlock always falls on the step that closes the circle.

A step that fails is no exception: its `sqlstate` says how, and the session goes on as the server has it (inside a
failed transaction, every step but `ROLLBACK` fails with 25P02; `COMMIT` then succeeds, and its `status` is `ROLLBACK`).
"""

import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from types import TracebackType

import psycopg

Rows = tuple[tuple[object, ...], ...]

DEADLOCK = "40P01"
DEADLOCK_TIMEOUT = 20  # milliseconds until a waiting session looks for a deadlock
STANDSTILL = 80  # and until its wait counts: it has looked by then, and a circle closed later is not its to find
LIMIT = 120.0  # seconds for a step that neither ends nor waits for a lock


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one statement."""

    session: str
    statement: str
    rows: Rows = ()
    status: str = ""  # the server's answer: "UPDATE 1"
    sqlstate: str | None = None  # None: no error
    message: str = ""
    waited_for: tuple[str, ...] = ()  # the sessions that it had to wait for, at first
    ended_after: int | None = None  # the index of the step, its own or a later one, by which it had ended; None: never

    @property
    def waited(self) -> bool:
        return bool(self.waited_for) or self.sqlstate == DEADLOCK

    @property
    def ended(self) -> bool:
        return self.ended_after is not None

    def __str__(self) -> str:
        waiting = f", waited for {' and '.join(self.waited_for)}" if self.waited_for else ""
        end = "" if self.ended else ", never ended"
        return f"{self.session}: {self.statement} -- {self.sqlstate or self.status}{waiting}{end}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a play; printed, it is a transcript."""

    steps: tuple[Step, ...]
    final: Rows = ()  # what `check` read when all sessions were closed

    @property
    def errors(self) -> tuple[tuple[str, str], ...]:
        """The session and the sqlstate of every step that failed."""
        return tuple((step.session, step.sqlstate) for step in self.steps if step.sqlstate)

    def of(self, session: str) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.session == session)

    def __str__(self) -> str:
        return "\n".join(f"{number:2} {step}" for number, step in enumerate(self.steps))


class StillWaiting(Exception):
    """The script gives a session its next step while the one before is waiting for a lock."""


def play(dsn: str, setup: str, steps: Iterable[tuple[str, str]], check: str = "") -> Outcome:
    """Run `setup`, step the sessions in the order given, close them, and read `check`."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        if setup:
            connection.execute(setup)
        with Sessions(dsn) as sessions:
            for session, statement in steps:
                sessions.step(session, statement)
            told = sessions.told()
        final = connection.execute(check).fetchall() if check else []
    return Outcome(told, tuple(final))


class Sessions:
    """Named sessions, stepped one statement at a time, for a play whose next step depends on what happened so far."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._observer = psycopg.connect(dsn, autocommit=True)
        self._sessions: dict[str, _Session] = {}
        self._begun: list[_Begun] = []

    def __enter__(self) -> "Sessions":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancel()
        for session in self._sessions.values():
            session.close()
        self._observer.close()

    def step(self, name: str, statement: str) -> Step:
        """Begin a statement and see it end or stand still."""
        for begun in self._open():
            if begun.session.name == name:
                raise StillWaiting(f"{name} cannot begin {statement!r}:\n{Outcome(self.told())}")
        if name not in self._sessions:
            self._sessions[name] = _Session(name, self._dsn)
        begun = self._sessions[name].begin(statement)
        self._begun.append(begun)
        self._settle()
        return begun.told()

    def told(self) -> tuple[Step, ...]:
        """All steps so far, as they stand now."""
        return tuple(begun.told() for begun in self._begun)

    def _open(self) -> list["_Begun"]:
        return [begun for begun in self._begun if begun.ended_after is None]

    def _settle(self) -> None:
        deadline = time.monotonic() + LIMIT
        while running := self._open():
            wait([begun.answer for begun in running], timeout=0.005, return_when=FIRST_COMPLETED)
            standing = self._standing()
            ended = False  # whoever waited for it may have gone on since
            for begun in running:
                if begun.answer.done():
                    begun.ended_after = len(self._begun) - 1
                    ended = True
                elif begun.session.process in standing:
                    begun.waited_for = begun.waited_for or standing[begun.session.process]
            if not ended and all(begun.session.process in standing for begun in self._open()):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"a step neither ended nor waited for a lock:\n{Outcome(self.told())}")

    def _cancel(self) -> None:
        """Cancel what still waits; those that nobody waits for first, so that none gets its lock from another's end."""
        open_steps = self._open()
        while open_steps:
            awaited = {name for blockers in self._standing().values() for name in blockers}
            begun = next((begun for begun in open_steps if begun.session.name not in awaited), open_steps[0])
            begun.cancel()
            open_steps.remove(begun)

    def _standing(self) -> dict[int, tuple[str, ...]]:
        """The server processes that wait for a lock and have looked for a deadlock, each with those it waits for."""
        names = {session.process: session.name for session in self._sessions.values()}
        waiting = self._observer.execute(
            "SELECT pid, pg_blocking_pids(pid) FROM pg_locks "
            "WHERE NOT granted AND waitstart < clock_timestamp() - %s * interval '1 millisecond'",
            [STANDSTILL],
        )
        return {
            process: tuple(sorted({names.get(blocker, "another client") for blocker in blockers}))
            for process, blockers in waiting
        }


@dataclass(frozen=True, slots=True)
class _Answer:
    rows: Rows = ()
    status: str = ""
    sqlstate: str | None = None
    message: str = ""


@dataclass(slots=True)
class _Begun:
    """A statement on its way."""

    session: "_Session"
    statement: str
    answer: Future[_Answer]
    waited_for: tuple[str, ...] = ()
    ended_after: int | None = None

    def cancel(self) -> None:
        while not self.answer.done():
            self.session.connection.cancel_safe()
            wait([self.answer], timeout=0.5)

    def told(self) -> Step:
        answer = _Answer() if self.ended_after is None else self.answer.result()
        return Step(
            self.session.name,
            self.statement,
            answer.rows,
            answer.status,
            answer.sqlstate,
            answer.message,
            self.waited_for,
            self.ended_after,
        )


@dataclass(slots=True)
class _Session:
    """A connection, the thread that waits for its answers, and what it has read."""

    name: str
    dsn: str
    connection: psycopg.Connection = field(init=False)
    process: int = field(init=False)
    thread: ThreadPoolExecutor = field(init=False)
    memory: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection = psycopg.connect(self.dsn, autocommit=True, prepare_threshold=None)
        self.connection.execute(f"SET deadlock_timeout = {DEADLOCK_TIMEOUT}")
        self.process = self.connection.info.backend_pid
        self.thread = ThreadPoolExecutor(1, thread_name_prefix=self.name)

    def begin(self, statement: str) -> _Begun:
        return _Begun(self, statement, self.thread.submit(self._run, statement))

    def _run(self, statement: str) -> _Answer:
        try:
            cursor = self.connection.execute(statement, self.memory if "%(" in statement else None)
        except psycopg.Error as error:
            if error.sqlstate is None:  # not the server's answer: a mistake in the script, or a lost connection
                raise
            return _Answer(sqlstate=error.sqlstate, message=error.diag.message_primary or "")
        rows = tuple(cursor.fetchall()) if cursor.description else ()
        self._remember([column.name for column in cursor.description or ()], rows)
        return _Answer(rows, cursor.statusmessage or "")

    def _remember(self, names: list[str], rows: Rows) -> None:
        for place, name in enumerate(names):
            self.memory.pop(name, None)
            if len(rows) == 1:
                self.memory[name] = rows[0][place]

    def close(self) -> None:
        self.thread.shutdown()
        self.connection.close()
