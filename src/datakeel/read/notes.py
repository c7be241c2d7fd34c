"""What is noted while functions are followed: who calls whom, and what starts what."""

from __future__ import annotations

from msgspec import Struct

from datakeel.model.operation import Context, Entry
from datakeel.model.system import Remark
from datakeel.read.registering import Callback


class Site(Struct, frozen=True, gc=False):
    """One function calls another; `context`: what stands round the call."""

    caller: str
    callee: str
    context: Context


class Way(Struct, frozen=True, gc=False):
    """Something starts a function; `assumed`: a framework does, unless the project's own code calls it."""

    function: str
    entry: Entry
    assumed: bool = False


Note = Site | Way | Callback | Remark
