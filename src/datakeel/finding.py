"""One thing that can go wrong (or is done well): rule, place, story, and the change that makes it right."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from msgspec import Struct

from datakeel.model.atlas import Atlas
from datakeel.model.place import Place
from datakeel.model.system import Remark


class Severity(IntEnum):
    """Most severe first: comparing by `<` orders a report."""

    CRITICAL = 0
    MAJOR = 1
    MINOR = 2
    SUGGESTION = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class Confidence(IntEnum):
    """`LOW` findings are hidden unless asked for."""

    HIGH = 0
    MEDIUM = 1
    LOW = 2

    @property
    def word(self) -> str:
        return self.name.lower()


class Pillar(StrEnum):
    RELIABILITY = "reliability"
    SCALABILITY = "scalability"
    MAINTAINABILITY = "maintainability"


class Step(Struct, frozen=True, gc=False):
    """One step of a story: what happens, where. Several actors (A and B, first and second delivery) speak in the
    message."""

    place: Place
    message: str


class Edit(Struct, frozen=True, gc=False):
    """Replace the text of `place` by `text` (an empty place, start = end, inserts)."""

    place: Place
    text: str


class Change(Struct, frozen=True, gc=False):
    """One step of a cure, in no language yet: the language of the file makes edits of it, or refuses.

    `how` says what is done to what stands at `place`: ``argument`` (a call is given the option `name`, with the value
    `text`), ``option`` (the same, where the options may stand in a dictionary, and an old value gives way), ``columns``
    (a save writes only the columns that `name` lists, with commas), ``lock`` (a query locks the rows that it gives),
    ``atomic`` (an assignment lets the store compute the column `name`; `text` is the class that maps it), ``defer``
    (a statement runs after the commit), ``savepoint`` (what a handler's try holds is undone by itself), ``sort`` (a
    loop goes in the order of the keys by which the lock at `other` finds its rows), ``clock`` (a duration is measured
    by a clock that nobody sets), ``zone`` (a reading of the clock has its
    zone), ``prefetch`` (the function that handles messages is given so many at once).
    `library` is whose words are to be used.
    """

    how: str
    place: Place
    library: str = ""
    name: str = ""
    text: str = ""
    other: Place | None = None


class Fix(Struct, frozen=True, gc=False):
    """The suggested change: a title, the code to write in the user's own names, and edits where it can be applied.

    A rule names `changes`, where the model shows that they cure the fault and do nothing else; `edits` are what the
    language makes of them in the user's files. `safe`: the edits keep the behaviour except for the fault.
    """

    title: str
    text: str = ""
    safe: bool = False
    edits: tuple[Edit, ...] = ()
    changes: tuple[Change, ...] = ()


class Finding(Struct, frozen=True, gc=False, kw_only=True):
    """A fault, where it stands, and its proof. `symbol` is the function's qualified name in its file; `related` names
    rules that would also have spoken of the same places; `fingerprint` is made of rule, symbol, normalised code and
    datasets, never of a line."""

    rule: str
    category: str
    severity: Severity
    confidence: Confidence
    pillar: Pillar
    place: Place
    symbol: str
    message: str
    why: str
    pattern: str
    story: tuple[Step, ...] = ()
    reached_from: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    fix: Fix | None = None
    fingerprint: str = ""
    suppressed: str | None = None  # the reason given in the code; None: not suppressed


class Strength(Struct, frozen=True, gc=False, kw_only=True):
    """A pattern that is correctly applied, and where one sees it. `name` is that of its page; `pattern` its title;
    `evidence` holds all places where it is seen, the most telling first: `places` of the `of` where it could be."""

    pattern: str
    category: str
    message: str
    evidence: tuple[Step, ...] = ()
    name: str = ""
    pillar: Pillar = Pillar.RELIABILITY
    why: str = ""
    places: int = 0
    of: int = 0


class Summary(Struct, frozen=True, gc=False, kw_only=True):
    """What was reviewed, in numbers and words. `remarks` name what could not be analysed."""

    text: str = ""
    files: int = 0
    lines: int = 0
    skipped_files: int = 0  # found, and not judged: tests, generated, vendored
    skipped_lines: int = 0
    unreadable: int = 0
    functions: int = 0
    seconds: float = 0.0
    stores: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    by_severity: dict[str, int] = {}
    hidden: int = 0  # findings of low confidence that are not shown
    suppressed: int = 0
    migrations: int = 0  # not judged: they were not named themselves


class Entry(Struct, frozen=True, order=True, forbid_unknown_fields=True, gc=False):
    """One finding that a baseline knows. `path` is where it stood when it was noted: people read it, nothing is found
    by it. `identity` is made of rule, symbol, normalised code and datasets; `function` of its function's code."""

    path: str
    symbol: str
    rule: str
    identity: str
    function: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.identity, self.function


class Standing(Struct, frozen=True, gc=False, kw_only=True):
    """How a review stands to its baseline, the file `file`. `size` counts the entries that the file holds (`entries`),
    after its `change` (``update``, ``set``) where one was asked for; `matched` findings are known by it; of `gone`
    entries nothing was found any more; `reopened` findings were known, but their functions have changed; `added` are
    new in it."""

    file: str
    size: int = 0
    matched: int = 0
    gone: int = 0
    reopened: int = 0
    added: int = 0
    change: str = ""
    entries: tuple[Entry, ...] = ()


class Review(Struct, frozen=True, gc=False, kw_only=True):
    """What a review gives back. `findings` are in the order of the report: severity, then confidence, path, line, rule;
    those of low confidence are in `doubtful`, where they were asked for, and fail no build; those that a comment
    suppresses are in `suppressed`, those that the baseline knows in `baselined`. `root` is the folder that places are
    relative to; empty: the working directory. `atlas` is the whole system as it is drawn."""

    findings: tuple[Finding, ...] = ()
    strengths: tuple[Strength, ...] = ()
    summary: Summary = Summary()
    suppressed: tuple[Finding, ...] = ()
    root: str = ""
    doubtful: tuple[Finding, ...] = ()
    baselined: tuple[Finding, ...] = ()
    baseline: Standing | None = None
    atlas: Atlas = Atlas()
