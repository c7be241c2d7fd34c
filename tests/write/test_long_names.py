"""Names of any length give code that a Python reads, and that is laid out and clean."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from datakeel.design.designer import design
from datakeel.mistake import Mistake
from datakeel.requirements import read
from datakeel.write.disk import put
from datakeel.write.writer import write
from tests.write.clean import assert_laid_out_and_clean, assert_passes

LENGTHS = (8, 17, 25, 34, 41, 47)
PLACED = "OrderOfTheInternationalFriendsPlaced"
Long = Callable[[str], str]


def named(length: int) -> Long:
    """What makes a word a name of so many letters and spaces."""
    return lambda word: f"{word} of the international association of friends and of all their friends"[:length].strip()


def kinds(long: Long) -> dict[str, str]:
    """A domain for each kind of construct."""
    return {
        "aggregates": f"""
  aggregates:
    {long("order")}: {{events: {{{PLACED}: {{fields: {{{long("customer")}: text, {long("total")}: money}}}}}}}}
  views:
    {long("search")}: {{sources: {long("order")}, kind: search, fields: [{long("customer")}]}}
    {long("sales")}: {{sources: {long("order")}, kind: analytics, dimensions: [state], measures: [sum {long("total")}]}}
  streams:
    {long("busy")}:
      source: {long("order")}
      key: {long("customer")}
      window: 5 min
      measures: [count, sum {long("total")}]
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


KINDS = tuple(kinds(named(8)))
FED = ("aggregates", "tables", "documents")


def system(kind: str, length: int) -> str:
    long = named(length)
    fed = f"existing: {{{long('billing')}: {{engine: mysql, role: sink}}}}\n" if kind in FED else ""
    return f"datakeel: 1\nname: {long('system')}\n{fed}domain:{kinds(long)[kind]}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", LENGTHS)
def test_names_of_any_length_give_code_that_compiles_and_is_laid_out_and_clean(
    kind: str, length: int, tmp_path: Path
) -> None:
    made = write(design(read(system(kind, length), "system.yaml")))
    for file in made.files:
        if file.path.endswith(".py"):
            compile(file.text, file.path, "exec")
            assert not re.search(r"%\(\w*[^\w)]", file.text), file.path  # the name of a parameter is whole
    put(made, tmp_path / "made")
    assert_laid_out_and_clean(tmp_path / "made")


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_of_the_longest_names_and_of_assumptions_alone_passes_its_own_tests(
    kind: str, tmp_path: Path
) -> None:
    """Those of one process, on a PostgreSQL that keeps 63 bytes of a name."""
    put(write(design(read(system(kind, LENGTHS[-1]), "system.yaml"))), tmp_path / "made")
    assert_passes(tmp_path / "made", "tests/unit", "tests/contract", seconds=600)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [63, 71])
def test_names_that_no_database_keeps_whole_are_refused_before_anything_is_written(kind: str, length: int) -> None:
    with pytest.raises(Mistake, match="characters in code: expected at most 48"):
        read(system(kind, length), "system.yaml")
