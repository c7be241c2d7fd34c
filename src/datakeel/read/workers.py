"""Work spread over forked processes that may die, hang or be interrupted without taking the rest with them."""

from __future__ import annotations

import contextlib
import gc
import math
import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from struct import Struct as Layout
from typing import NoReturn

from msgspec import Struct

MANY = 100  # below this many tasks a second process costs more than it saves
HEADER = Layout("=iI")  # the number of the task, the length of its result
ORDER = Layout("=I")
LONGEST = 4_000  # tasks in a chunk: two chunks' numbers fit into a pipe, so that giving them never blocks
BUSY = 5  # times the limit: then a task is given up in any case
CHUNKS = 16  # that each worker gets, if all goes evenly: large enough to be cheap, small enough to end together


class Failure(Struct, frozen=True, gc=False):
    """A task without a result, and why, in words for the report."""

    text: str


ENDING = {n for name in ("SIGINT", "SIGTERM", "SIGHUP") if (n := getattr(signal, name, None)) is not None}

Work = Callable[[int], bytes]
Result = tuple[int, bytes | Failure]


def spread(
    work: Work, weights: Sequence[int], jobs: int, seconds: float = 20.0, *, alike: bool = False
) -> Iterator[Result]:
    """Runs ``work(n)`` for every n below ``len(weights)`` and gives (n, its bytes) as they come, in no certain order.

    A task that kills its process, or takes longer than `seconds`, or raises, gives a Failure; every other one its
    result. Whoever stops asking (also by Ctrl-C) leaves no process behind. Where the system cannot fork, all is done
    here. `alike`: neighbouring tasks have work in common, so that each process should get neighbours; else the heaviest
    tasks are begun first.
    """
    if not weights:
        return iter(())
    if not hasattr(os, "fork"):
        return ((number, attempt(work, number)) for number in range(len(weights)))
    count = 1 if len(weights) < MANY else max(1, jobs)
    return Pool(work, seconds, zones(weights, count) if alike else [chunked(weights, count * CHUNKS)] * count).results()


def attempt(work: Work, number: int) -> bytes | Failure:
    try:
        return work(number)
    except Exception as reason:  # also of memory and of recursion: one task is lost
        return Failure(f"{type(reason).__name__}: {reason}"[:300])


class Worker:
    """The parent's side of one process: its pipes, what it was given, where it gets more, and since when it has been
    silent."""

    def __init__(self, pid: int, zone: deque[list[int]], orders: int, answers: int) -> None:
        self.pid = pid
        self.zone = zone
        self.orders = orders
        self.answers = answers
        self.pending: deque[int] = deque()
        self.received = bytearray()
        self.hear()

    def hear(self) -> None:
        self.heard = time.monotonic()
        self.spent = spent(self.pid)

    def late(self, now: float, seconds: float) -> bool:
        """Whether it has been silent for too long. Where a busy machine let it work for less, it may take longer."""
        silent = now - self.heard
        waits = spent(self.pid) - self.spent < seconds / 2  # no: also where nobody tells (NaN)
        return silent > seconds and (not waits or silent > BUSY * seconds)

    def give(self, chunk: Sequence[int]) -> None:
        self.pending.extend(chunk)
        self.hear()
        with contextlib.suppress(OSError):  # it died: its silence will be noticed
            write(self.orders, ORDER.pack(len(chunk)) + b"".join(ORDER.pack(number) for number in chunk))

    def take(self) -> Iterator[Result]:
        """The results that have come in since the last time; raises EOFError when the process is gone."""
        data = os.read(self.answers, 1 << 17)
        if not data:
            raise EOFError
        self.received += data
        self.hear()
        start = 0
        while len(self.received) - start >= HEADER.size:
            number, length = HEADER.unpack_from(self.received, start)
            end = start + HEADER.size + length
            if len(self.received) < end:
                break
            yield self.result(number, bytes(self.received[start + HEADER.size : end]))
            start = end
        del self.received[:start]

    def result(self, number: int, data: bytes) -> Result:
        task = self.pending.popleft()
        return (task, data) if number >= 0 else (task, Failure(data.decode("utf-8", "replace")))

    def end(self) -> int:
        """Makes sure that the process is gone; gives the signal that ended it, or 0."""
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
        os.close(self.orders)
        os.close(self.answers)
        try:
            _, status = os.waitpid(self.pid, 0)
        except ChildProcessError:
            return 0
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


class Pool:
    """As many processes as there are zones: each takes its chunks from its own zone, which may be one for all. None
    takes another's: what a process knows already can show in what it finds next, and the same input gives the same."""

    def __init__(self, work: Work, seconds: float, zones: Sequence[deque[list[int]]]) -> None:
        self.work = work
        self.seconds = seconds
        self.zones = zones
        self.workers: list[Worker] = []

    def results(self) -> Iterator[Result]:
        try:
            for zone in self.zones:
                self.start(zone)
            while self.workers:
                yield from self.turn()
            for zone in self.zones:  # no process could be had
                while zone:
                    yield from ((number, attempt(self.work, number)) for number in zone.popleft())
        finally:
            for worker in self.workers:
                worker.end()

    def start(self, zone: deque[list[int]]) -> None:
        """Starts one more worker and gives it work; where the system has no process or pipe left, it does without."""
        if not zone:
            return
        with held_back():  # whoever ends the program waits until the child is known, and sure to be a child
            worker = self.forked(zone)
        if worker is not None:
            worker.give(zone.popleft())

    def forked(self, zone: deque[list[int]]) -> Worker | None:
        pipes: list[int] = []
        try:
            pipes += os.pipe()
            pipes += os.pipe()
            pid = os.fork()
        except OSError:
            for descriptor in pipes:
                os.close(descriptor)
            return None
        if pid == 0:
            others = (fd for worker in self.workers for fd in (worker.orders, worker.answers))
            serve(self.work, pipes[0], pipes[3], (pipes[1], pipes[2], *others))
        os.close(pipes[0])
        os.close(pipes[3])
        worker = Worker(pid, zone, pipes[1], pipes[2])
        self.workers.append(worker)
        return worker

    def turn(self) -> Iterator[Result]:
        """Waits until a worker has something to say, or has been silent for too long."""
        begun = time.monotonic()
        patience = max(1.0, min(worker.heard for worker in self.workers) + self.seconds - begun)
        ready = wait([worker.answers for worker in self.workers], patience + 0.01)
        for worker in [w for w in self.workers if w.answers in ready]:
            try:
                yield from worker.take()
            except EOFError:
                yield from self.lose(worker, "")
            else:
                self.feed(worker)
        now = time.monotonic()
        if now - begun > patience + 1.0:  # everything was stopped for a while (Ctrl-Z): nobody is late
            for worker in self.workers:
                worker.hear()
        for worker in [w for w in self.workers if w.answers not in ready and w.late(now, self.seconds)]:
            yield from self.lose(worker, f"took longer than {self.seconds:g} s")

    def feed(self, worker: Worker) -> None:
        """Gives a worker the next chunk before it has finished the one at hand, so that it never waits."""
        if len(worker.pending) <= 1 and worker.zone:
            worker.give(worker.zone.popleft())
        elif not worker.pending:
            self.workers.remove(worker)
            worker.end()

    def lose(self, worker: Worker, reason: str) -> Iterator[Result]:
        """Gives up the task that a worker was at, and hands the rest of its work to a new one."""
        self.workers.remove(worker)
        ended_by = worker.end()
        if worker.pending:
            yield worker.pending.popleft(), Failure(reason or f"its reader was ended by {named(ended_by)}")
        if worker.pending:
            worker.zone.appendleft(list(worker.pending))
        self.start(worker.zone)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """The signals that end the program wait."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(work: Work, orders: int, answers: int, others: Sequence[int]) -> NoReturn:
    """A worker's life: take a chunk, answer for each task of it, until there are no more orders."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        for descriptor in others:
            os.close(descriptor)
        gc.disable()
        prefer_as_victim()
        while header := read(orders, ORDER.size):
            chunk = read(orders, ORDER.unpack(header)[0] * ORDER.size)
            for (number,) in ORDER.iter_unpack(chunk):
                result = attempt(work, number)
                if isinstance(result, Failure):
                    answer(answers, -1, result.text.encode("utf-8", "replace"))
                else:
                    answer(answers, number, result)
    except BaseException:  # nothing may leave a forked process by the parent's exits
        os._exit(1)
    os._exit(0)


def answer(answers: int, number: int, data: bytes) -> None:
    write(answers, HEADER.pack(number, len(data)) + data)


def prefer_as_victim() -> None:
    """Where memory runs out, Linux should end a worker (one file is lost) rather than the review."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("800")


def chunked(weights: Sequence[int], count: int) -> deque[list[int]]:
    """The tasks in about `count` chunks of even weight, the heaviest tasks first."""
    return deque(cut(sorted(range(len(weights)), key=lambda n: (-weights[n], n)), weights, count))


def zones(weights: Sequence[int], count: int) -> list[deque[list[int]]]:
    """The tasks in their order, in `count` zones of about `CHUNKS` chunks, all of even weight."""
    chunks = list(cut(range(len(weights)), weights, count * CHUNKS))
    size = -(-len(chunks) // count)
    return [deque(chunks[size * zone : size * (zone + 1)]) for zone in range(count)]


def cut(tasks: Iterable[int], weights: Sequence[int], count: int) -> Iterator[list[int]]:
    """Tasks in about `count` chunks of even weight."""
    target = sum(weights) / count
    chunk: list[int] = []
    weight = 0
    for number in tasks:
        chunk.append(number)
        weight += weights[number]
        if weight >= target or len(chunk) >= LONGEST:
            yield chunk
            chunk, weight = [], 0
    if chunk:
        yield chunk


def wait(descriptors: Sequence[int], seconds: float) -> set[int]:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(seconds * 1000)}


def spent(pid: int) -> float:
    """Seconds of a processor that a process has had; NaN where the system does not tell."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            user, system = file.read().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return math.nan


def read(descriptor: int, size: int) -> bytes:
    """Exactly `size` bytes, or none where the other end is closed."""
    data = b""
    while len(data) < size:
        more = os.read(descriptor, size - len(data))
        if not more:
            return b""
        data += more
    return data


def write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def named(number: int) -> str:
    try:
        return f"{signal.Signals(number).name}" if number else "an exit"
    except ValueError:
        return f"signal {number}"
