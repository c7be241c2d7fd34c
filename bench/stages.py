"""The parts of a review that can be run alone: `floor LIST` parses files; `read PATH` finds and lowers a project's
files. And a generation, part by part: `generate REQUEST FOLDER`.

Each prints one line of JSON. They run in processes of their own, so that nothing is warm that would not be warm.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    stage, argument, *rest = sys.argv[1:]
    stages: dict[str, Callable[..., object]] = {"floor": floor, "read": read, "generate": generate}
    print(json.dumps(stages[stage](argument, *rest)))


def floor(listing: str) -> dict[str, float]:
    """`ast.parse` of the listed files on one core without the garbage collector; reading them is not counted."""
    texts = [Path(path).read_bytes() for path in Path(listing).read_text().split("\0") if path]
    warnings.simplefilter("ignore")
    gc.disable()
    refused = 0
    begun = time.perf_counter()
    for text in texts:
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            refused += 1
    return {"seconds": time.perf_counter() - begun, "files": len(texts), "refused": refused}


def read(path: str, jobs: str = "0") -> dict[str, object]:
    """The reading stage: discovery, cache, lowering, and the decoding of every interface."""
    gc.disable()
    begun = time.perf_counter()
    from datakeel.cache import Cache  # noqa: PLC0415  (the time of loading counts)
    from datakeel.read.facts import read as read_facts  # noqa: PLC0415
    from datakeel.read.source import discover  # noqa: PLC0415

    steps = {"load": time.perf_counter() - begun}

    def step(name: str) -> None:
        steps[name] = time.perf_counter() - begun - sum(steps.values())

    sources = discover([path])
    step("discover")
    cache = Cache.open(sources.root)
    facts = read_facts(sources, cache, int(jobs))
    step("read")
    cache.save()
    step("save")
    remarks = facts.remarks()
    step("decode")
    facts.modules()
    step("modules")
    counts = {name: getattr(facts.counts, name) for name in facts.counts.__struct_fields__}
    lowered = [sources.location(source) for source in facts.sources.files if source.path in facts.files]
    python = [sources.location(source) for source in facts.sources.files if source.kind == "python"]
    return {
        "steps": steps,
        "counts": counts,
        "remarks": [f"{remark.path}:{remark.line}: {remark.text}" for remark in remarks],
        "lowered": lowered,
        "python": python,
    }


def generate(request: str, folder: str) -> dict[str, float]:
    """The processor time of each part of a generation, in their order; that of the programs that it runs counts."""
    steps = {"the interpreter": time.process_time()}

    def step(name: str) -> None:
        steps[name] = sum(os.times()[:4]) - sum(steps.values())

    from datakeel import generator  # noqa: PLC0415  (the time of loading counts)
    from datakeel.design.designer import design  # noqa: PLC0415
    from datakeel.write import disk  # noqa: PLC0415
    from datakeel.write.writer import write  # noqa: PLC0415

    step("load")
    understood = generator.understood(request)
    step("understand")
    decided = design(understood)
    step("decide")
    project = write(decided)
    step("write")
    disk.put(project, Path(folder))
    step("put on the disk")
    return steps


if __name__ == "__main__":
    main()
