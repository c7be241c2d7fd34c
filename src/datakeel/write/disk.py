"""A project onto the disk: whole or not at all, never over what the user wrote; and how a folder differs from it."""

from __future__ import annotations

import difflib
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from datakeel.mistake import FULL, Mistake
from datakeel.write.project import EXECUTABLE, File, Project, frozen

try:
    import fcntl
except ImportError:  # not a POSIX system: nothing keeps two writers apart there
    fcntl = None  # type: ignore[assignment]

STATE = ".datakeel/state.json"  # what was written, with a digest of each file
OURS = ".datakeel/"  # what nobody but us writes
PENDING = ".datakeel/pending"  # a change that is laid out whole, and is being carried out
PLAN = "plan.json"


def put(project: Project, folder: Path, force: bool = False) -> list[str]:
    """Write the project into `folder`, and give the paths that were left as they are, since the user wrote or changed
    them. A folder that has something in it already is a Mistake, but with `force`. When anything fails, the disk is as
    it was before."""
    with _told(folder):
        if not _occupied(folder):
            _put_whole(project, folder)
            return []
        if not force:
            raise Mistake(
                f"{folder} is not empty: name another folder, or add --force to write beside what is there "
                "(files of your own stay as they are)"
            )
        with alone(folder):
            finish(folder)
            return _put_beside(project, folder)


def difference(project: Project, folder: Path) -> str:
    """What would change in `folder` if the project were written over it, as a unified diff: empty where nothing would.
    Files that nobody ever generated are not spoken of."""
    fresh = {file.path: file.text for file in project.files if not file.path.startswith(OURS)}
    gone = (path for path in _digests(folder) if path not in fresh)
    there = texts(folder, paths := sorted({*fresh, *gone}))
    return "".join(unified(path, there.get(path), fresh.get(path)) for path in paths)


def put_over(files: Iterable[File], gone: Iterable[str], folder: Path) -> None:
    """Write files over those of a project, and take the paths of `gone` away: all of it, or, when anything fails,
    nothing. Where the program is killed in the middle, `finish` does the rest."""
    files = tuple(files)
    with _told(folder):
        folder = folder.resolve()
        _refuse_obstacles(Project(files), folder)
        _lay_out(files, tuple(gone), folder)
        try:
            with ExitStack() as undo:
                _carry_out(folder, undo)
                undo.pop_all()
        finally:
            _clear(folder)


def finish(folder: Path) -> bool:
    """Carry out what is left of a change that was broken off; whether there was one. Raises Mistake where somebody has
    changed a file since."""
    if not pending(folder):
        return False
    with _told(folder), ExitStack() as done:
        _carry_out(folder.resolve(), done)
        done.pop_all()
        _clear(folder.resolve())
    return True


def pending(folder: Path) -> bool:
    """Whether a change of this folder was broken off."""
    return (folder / PENDING / PLAN).is_file()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps every other writer of a project out. Raises Mistake where one is at work."""
    with ExitStack() as held:
        with _told(folder):
            if fcntl is not None:
                handle = os.open(folder, os.O_RDONLY)
                held.callback(os.close, handle)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise Mistake(f"another datakeel writes into {folder} now: wait until it is through") from None
        yield


def texts(folder: Path, paths: Iterable[str]) -> dict[str, str]:
    """The texts of those of the files that are there."""
    with _told(folder):
        there = ((path, folder / path) for path in paths)
        return {path: place.read_bytes().decode(errors="replace") for path, place in there if place.is_file()}


def unified(path: str, before: str | None, after: str | None) -> str:
    """How a file changes, as a unified diff; None: it is not there. Empty where it does not."""
    if before == after:
        return ""
    lines = difflib.unified_diff(
        [] if before is None else before.splitlines(keepends=True),
        [] if after is None else after.splitlines(keepends=True),
        "/dev/null" if before is None else f"a/{path}",
        "/dev/null" if after is None else f"b/{path}",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _occupied(folder: Path) -> bool:
    if folder.is_symlink() and not folder.exists():
        raise Mistake(f"{folder} is a link that leads nowhere: remove it, or name another folder")
    if folder.exists() and not folder.is_dir():
        raise Mistake(f"{folder} is a file: remove it, or name another folder")
    return folder.exists() and any(folder.iterdir())


def _put_whole(project: Project, folder: Path) -> None:
    """Write beside, then rename: the folder appears complete, or not."""
    folder = folder.resolve()
    made = _missing_parents(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _beside(folder) as stage:
            for file in project.files:
                _write(stage, file)
            stage.chmod(0o777 & ~_umask())
            stage.rename(folder)  # also over an empty folder
    except BaseException:
        for parent in made:
            with suppress(OSError):
                parent.rmdir()
        raise


def _put_beside(project: Project, folder: Path) -> list[str]:
    """Write into a folder that has files already. What was generated before and is unchanged since makes room."""
    folder = folder.resolve()
    digests = _digests(folder)
    _refuse_other(project, digests, folder)
    _refuse_obstacles(project, folder)
    kept = [
        f.path
        for f in project.files
        if not f.path.startswith(OURS) and _of_the_user(folder / f.path, f, digests.get(f.path))
    ]
    put_over((f for f in project.files if f.path not in kept), (), folder)
    return kept


def _lay_out(files: tuple[File, ...], gone: tuple[str, ...], folder: Path) -> None:
    """Write down, beside the project, all that it is to become: with the last step, the change is decided."""
    ours = folder / OURS
    with ExitStack() as undo:
        if not ours.exists():
            ours.mkdir()
            undo.callback(ours.rmdir)
        _sweep(folder)
        stage = Path(tempfile.mkdtemp(prefix="staged-", dir=ours))
        undo.callback(shutil.rmtree, stage, ignore_errors=True)
        for file in files:
            _write(stage / "new", file)
        places = {path: _digest(folder / path) for path in (*(f.path for f in files), *gone)}
        (stage / PLAN).write_text(json.dumps({"files": places, "gone": gone}), encoding="utf-8")
        stage.rename(folder / PENDING)
        undo.pop_all()


def _carry_out(folder: Path, undo: ExitStack) -> None:
    """Put what is laid out into its places, as far as that has not been done."""
    stage = folder / PENDING
    plan = json.loads((stage / PLAN).read_text(encoding="utf-8"))
    for path, before in plan["files"].items():
        if _digest(folder / path) not in (None, before, _digest(stage / "new" / path)) and (
            path in plan["gone"] or (stage / "new" / path).exists()
        ):
            raise Mistake(
                f"{folder / path} was changed while a change of it was half done: {stage / 'new' / path} is what it "
                f"was to become. Put that into its place by hand, and remove {stage}"
            )
    for path in plan["files"]:
        if (stage / "new" / path).exists():
            _exchange(stage, folder, path, undo)
        elif path in plan["gone"] and (folder / path).exists():
            _move_aside(folder / path, stage / "old" / path, undo)


def _clear(folder: Path) -> None:
    """Take away what was laid out: first the plan, so that nobody takes a half of it for a change."""
    (folder / PENDING / PLAN).unlink(missing_ok=True)
    _sweep(folder)
    with suppress(OSError):
        (folder / OURS).rmdir()  # where nothing came of it


def _sweep(folder: Path) -> None:
    """Take away what others left behind."""
    rests = [*(folder / OURS).glob("staged-*"), folder / PENDING]
    for rest in (rest for rest in rests if not (rest / PLAN).exists() or rest.name.startswith("staged-")):
        shutil.rmtree(rest, ignore_errors=True)


def _exchange(stage: Path, folder: Path, path: str, undo: ExitStack) -> None:
    """Move a written file into its place, and what stood there aside, so that it can come back."""
    new, place, old = stage / "new" / path, folder / path, stage / "old" / path
    for parent in reversed(_missing_parents(place)):
        parent.mkdir()
        undo.callback(parent.rmdir)
    if place.exists():
        _move_aside(place, old, undo)
    new.rename(place)
    undo.callback(place.unlink)


def _move_aside(place: Path, old: Path, undo: ExitStack) -> None:
    old.parent.mkdir(parents=True, exist_ok=True)
    place.rename(old)
    undo.callback(old.rename, place)


def _digest(place: Path) -> str | None:
    return hashlib.sha256(place.read_bytes()).hexdigest() if place.is_file() else None


def _refuse_other(project: Project, digests: dict[str, str], folder: Path) -> None:
    """A project that was made from other requirements has databases, which cannot be made again."""
    was = {path: digest for path, digest in digests.items() if frozen(path)}
    now = {f.path: hashlib.sha256(f.text.encode()).hexdigest() for f in project.files if frozen(f.path)}
    if was and was != now:
        raise Mistake(
            f"{folder} holds a project already whose schema is another one; migrations are added, never rewritten: "
            f"change {folder / 'system.yaml'}, and then: datakeel update {folder}"
        )


def _of_the_user(place: Path, file: File, digest: str | None) -> bool:
    """Whether there is a file that differs from ours and that we did not write as it is."""
    if not place.exists():
        return False
    found = place.read_bytes()
    return found != file.text.encode() and hashlib.sha256(found).hexdigest() != digest


def _refuse_obstacles(project: Project, folder: Path) -> None:
    for file in project.files:
        place = folder / file.path
        if place.is_dir():
            raise Mistake(f"{place} is a folder, where a file is to be written: rename it, or name another folder")
        for parent in place.parents:
            if parent == folder:
                break
            if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
                raise Mistake(f"{parent} is no folder, where one is needed: rename it, or name another folder")
        if place.is_symlink():
            raise Mistake(f"{place} is a link, where a file is to be written: rename it, or name another folder")


def _digests(folder: Path) -> dict[str, str]:
    """What was last written into a folder by us: paths and digests."""
    try:
        files = json.loads((folder / STATE).read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {str(path): str(digest) for path, digest in files.items()} if isinstance(files, dict) else {}


def _write(folder: Path, file: File) -> None:
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.text.encode())
    if file.executable:
        path.chmod(EXECUTABLE & ~_umask())


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A folder on the same disk that is gone afterwards; those whose writers were killed go with it."""
    prefix = f".{folder.name[:100]}-datakeel-"
    for rest in folder.parent.glob(f"{glob.escape(prefix)}*") if fcntl is not None else ():
        with suppress(Mistake), alone(rest):  # nobody is at work there any more
            shutil.rmtree(rest, ignore_errors=True)
    stage = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        with alone(stage):
            yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _missing_parents(path: Path) -> list[Path]:
    """The folders above `path` that do not exist, the innermost first."""
    return [parent for parent in path.parents if not parent.exists()]


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """What the system refuses, as a sentence for the user."""
    try:
        yield
    except PermissionError as error:
        wanted = Path(error.filename or folder)
        place = next((path for path in (wanted, *wanted.parents) if path.exists()), wanted)
        raise Mistake(f"no permission for {place}: name a folder that you may write, or change its rights") from error
    except (FileExistsError, NotADirectoryError) as error:
        place = next((path for path in folder.parents if path.exists() and not path.is_dir()), folder)
        raise Mistake(f"{folder} cannot be made, since {place} is a file: name another folder") from error
    except OSError as error:
        full = error.errno in FULL
        remedy = ": make room there, or name a folder on another disk" if full else ""
        raise Mistake(f"{folder} cannot be written: {error.strerror or error}{remedy}") from error
