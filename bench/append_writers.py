"""Writers that are processes: what the contenders of `append.py` have in common."""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

Done = tuple[float, float]  # transactions a second, and the seconds of processor time that the writer took for each
Way = Callable[[str, int, float, Barrier], Done]  # where, events in a transaction, seconds, start
WARM = 50  # transactions: statements are prepared, and code that runs often is known to the interpreter

forking = multiprocessing.get_context("fork")


def answer(ways: dict[str, Way], where: str) -> None:
    """Measure what each line of the standard input asks for, and answer with a line; to its end."""
    for line in sys.stdin:
        name, writers, events, seconds = line.split()
        print(*together(ways[name], where, int(writers), int(events), float(seconds)), flush=True)


def together(way: Way, where: str, writers: int, events: int, seconds: float) -> Done:
    """Events a second of so many processes that write at once, and the processor time of one event in a writer."""
    start = forking.Barrier(writers)
    ends = [forking.Pipe(duplex=False) for _ in range(writers)]
    arguments = (way, where, events, seconds, start)
    processes = [forking.Process(target=_tell, args=(*arguments, tell), daemon=True) for _, tell in ends]
    for process in processes:
        process.start()
    for _, tell in ends:
        tell.close()  # a writer that fails closes the last of them
    found: list[Done] = [heard.recv() for heard, _ in ends]
    for process in processes:
        process.join()
    return events * sum(rate for rate, _ in found), statistics.mean(spent for _, spent in found) / events


def _tell(way: Way, where: str, events: int, seconds: float, start: Barrier, tell: Connection) -> None:
    try:
        tell.send(way(where, events, seconds, start))
    except BaseException:
        start.abort()
        raise


def repeated(work: Callable[[], object], seconds: float, start: Barrier) -> Done:
    """Do it again and again, from when all writers are warm."""
    for _ in range(WARM):
        work()
    start.wait()
    count, begun, spent = 0, time.perf_counter(), time.process_time()
    while (passed := time.perf_counter() - begun) < seconds:
        work()
        count += 1
    return count / passed, (time.process_time() - spent) / count
