"""Names as long as they may be give code that a Python reads."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from datakeel.design.designer import design
from datakeel.requirements import read
from datakeel.write.disk import put
from datakeel.write.writer import write


def long(word: str) -> str:
    """A name of 47 letters and spaces."""
    return f"{word} of the international association of friends"[:47].strip()


ORDER, PLACED = long("order"), f"{'OrderOfTheInternationalFriends'[:30]}Placed"
KINDS = {
    "aggregates": f"""
  aggregates:
    {ORDER}: {{events: {{{PLACED}: {{fields: {{{long("customer")}: text, {long("total")}: money}}}}}}}}
  views:
    {long("search")}: {{sources: {ORDER}, kind: search, fields: [{long("customer")}]}}
    {long("sales")}: {{sources: {ORDER}, kind: analytics, dimensions: [state], measures: [sum {long("total")}]}}
  streams:
    {long("busy")}: {{source: {ORDER}, key: {long("customer")}, window: 5 min, measures: [count, sum {long("total")}]}}
""",
    "tables": f"""
  tables:
    {long("room")}: {{fields: {{{long("name")}: text unique, {long("seats")}: integer at least 1}}}}
    {long("stay")}:
      fields: {{{long("room")}: reference {long("room")}, {long("time")}: period, {long("paid")}: timestamp}}
      invariants: [no-overlap: {long("time")} per {long("room")}]
  batches:
    {long("revenue")}: {{source: {long("stay")}, every: 1d, by: {long("room")}, measures: [count]}}
""",
    "documents": f"""
  documents:
    {long("form")}: {{fields: {{{long("patient")}: text}}, access: [{{by: {long("patient")}}}]}}
  views:
    {long("find")}: {{sources: {long("form")}, kind: search, fields: [{long("patient")}]}}
""",
    "series": f"""
  series:
    {long("reading")}:
      key: {{{long("sensor")}: uuid}}
      values: {{{long("heat")}: decimal}}
      rollups: [1h]
      workload: {{writes: 10/s, retention: 30d}}
""",
    "graphs": f"""
  graphs:
    {long("people")}: {{vertex: {long("person")}, edge: {long("follows")}, depth: 2}}
""",
    "replicated": f"""
  replicated:
    {long("list")}: {{fields: {{{long("items")}: text many, {long("done")}: boolean}}, writers: clients, merge: crdt}}
""",
    "sagas": f"""
  sagas:
    {long("checkout")}:
      steps:
        {long("reserve")}: {{service: {long("stock")}, compensation: {long("release")}}}
        {long("charge")}: {{service: {long("payments")}, compensation: {long("refund")}}}
  services:
    {long("payments")}: {{through: {long("provider")}}}
    {long("provider")}: external
    {long("stock")}:
      holds:
        {long("goods")}:
          fields: {{{long("item")}: text unique, {long("amount")}: integer}}
          invariants: [non-negative: {long("amount")}]
""",
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_longest_names_give_code_that_compiles(kind: str) -> None:
    fed = f"existing: {{{long('billing')}: {{engine: mysql, role: sink}}}}\n" if kind in FED else ""
    text = f"datakeel: 1\nname: {long('system')}\n{fed}domain:{KINDS[kind]}"
    made = write(design(read(text, "system.yaml")))
    for file in made.files:
        if file.path.endswith(".py"):
            compile(file.text, file.path, "exec")
            assert not re.search(r"%\(\w*[^\w)]", file.text), file.path  # the name of a parameter is whole


@pytest.mark.parametrize("kind", KINDS)
def test_lines_that_long_names_make_too_long_say_so(kind: str, tmp_path: Path) -> None:
    fed = f"existing: {{{long('billing')}: {{engine: mysql, role: sink}}}}\n" if kind in FED else ""
    text = f"datakeel: 1\nname: {long('system')}\n{fed}domain:{KINDS[kind]}"
    put(write(design(read(text, "system.yaml"))), tmp_path / "made")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise"]
    done = subprocess.run(command, cwd=tmp_path / "made", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "All checks passed!\n")


FED = ("aggregates", "tables", "documents")
