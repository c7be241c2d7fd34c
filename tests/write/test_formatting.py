"""Lines that are broken as ruff breaks them."""

import subprocess
import sys

import pytest

from datakeel.write.formatting import formatted

WAYS = [
    "from {0}.platform.database import {1}, {2}, Isolation, open_pool, run\n",
    "def {0}({1}: int, {2}: str, third: bool) -> Iterator[Connection]:\n    pass\n",
    "class A:\n    def {0}(self, {1}: int = 1, *, {2}: dict[str, int]) -> None:\n        pass\n",
    "x = {0}({1}, {2}, third=[1, 2, 3])\n",
    "x = {0}({1}({2}, 1), [{2}, 2])\n",
    "x = [{0}, {1}, '{2}, and (so) on']\n",
    "if True:\n    x = {{'{0}': 1, '{1}': {2}}}\n",
    "x: dict[str, int] = {{'{0}': {1}, 'b': 2}}\n",
    "row = {0}.execute('{1}', ({2},)).fetchone()\n",
    "return_ = f(\n    {0}({1}, {2}, 1),\n    2,\n)\n",
    "@router.get('/{0}/{{{1}}}', status_code=200, response_model={2})\ndef f() -> None:\n    pass\n",
    "x = [{0}({1}) for {1} in {2}]\n",
    "x.append({{{0}: {1} for {0}, {1} in {2}.items() if {0} != 1}})\n",
    "from {0}.platform.storage.{0} import (\n    {1},\n    {2},\n)\n",
    "x = {0}\ny = (\n    {1}({2}, 1),\n)\n",
    "assert {0}.{1} == {2}\n",
    "assert {0}({1}).{2}() == {{'a': {1}, 'b': {2}}}\n",
    "assert [one.{0} for one in {1}] == [{2}]\n",
    "assert {0}.{1}('{2}') is not None, '{1}'\n",
    "x = {0}.{1}({2}).first().{1}().last()\n",
    "x = {0} if {1} else {2}\n",
    "x = {0} + {1} * {2}\n",
    "x = {0} + {1} + {2}(1)\n",
    "if {0} and not {1}({2}):\n    pass\nelif {1} < {0} <= {2}:\n    pass\n",
    "while page := {0}.{1}({2}, 1).first().json():\n    pass\n",
    "a, b = {0}({1}), {2}(1)\n",
    "{0}.{1} += sign * {2}.{1}\n",
    "def {0}({1}: {2} | None, third: int) -> None:\n    pass\n",
    "def {0}({1}: Sequence[{2}]) -> bytes:\n    return {1}.{2}\n",
    "def test_{0}_{1}() -> None:\n    pass\n",
    "def {0}(first: int, {1}: str) -> Iterator[{2}]:\n    yield {0}, {{'{1}': {2}}}\n",
    "{0}: {1} | None = None\n",
    "{0}: list[{1}] = [\n]\n",
    "x = {{\n    '{0}': (\n        Choice({1}, 1),\n    ),\n    'b': (\n        {2},\n        {1},\n    ),\n}}\n",
    "{0}: Literal['{1}'] = '{2}'\n",
    "{0} = '{1}{2}'\n",
    "wait(lambda: {0}({1})[0]['{2}'] == 0)\n",
    "wait(pool, lambda connection: {0}.{1}(connection, {2}))\n",
    "x = lambda: {0}({1}, {2})\n",
    "with {0}({1}) as one, {1}({2}) as other:\n    pass\n",
    "with {0}({1}, {2}) as one:\n    pass\n",
    "for {0}, {1} in {2}.items():\n    pass\n",
    "match x:\n    case {0}({1}={2}):\n        pass\n    case {0}() as {1}:\n        pass\n",
    "match x:\n    case {0}(value=value) if {1} not in {2}:\n        pass\n",
    "try:\n    pass\nexcept ({0}, {1}, {2}) as error:\n    raise {0}('{1}') from error\n",
    "class {0}({1}, {2}):\n    x = 1\n",
    "x = f(\n    # why\n    {0}({1}, {2}),  # because\n    2,\n)\n",
    "{0} = {1}  # {2}\n",
    "x = {0}[{1}, {2}]\n",
    "x = {0}[{1} : len({2})]\n",
    "x = -{0}({1}, {2})\n",
    "del {0}[{1}]\nreturn_ = not {0}.{1}({2})\n",
    "async def f() -> None:\n    x = await {0}.{1}({2})\n",
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("length", [5, 18, 26, 30, 34, 41, 48])
def test_long_names_break_lines_as_ruff_does(way: str, length: int) -> None:
    text = way.format("a" * length, "b" * length, "c" * (length - 2)).replace("'", '"')
    assert formatted(text) == by_ruff(text)


@pytest.mark.parametrize("length", [77, 78, 79, 90])
def test_arguments_on_a_line_of_their_own_have_a_line_each_where_they_are_too_long(length: int) -> None:
    text = f'last = connection.execute(\n    "{"a" * length}", (client_id,)\n).fetchone()\n'
    assert formatted(text) == by_ruff(text)


def by_ruff(text: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_an_import_that_is_too_long_has_a_line_for_each_name() -> None:
    text = f"from {'a' * 90}.b import Name, other\n"
    assert formatted(text) == f"from {'a' * 90}.b import (\n    Name,\n    other,\n)\n"


def test_what_stands_in_long_strings_stays() -> None:
    text = f'"""\n{"word, (word) " * 12}\n"""\n'
    assert formatted(text) == text
