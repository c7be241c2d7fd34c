"""How sure a finding is, beside what its rule says: whether anything starts what it is about."""

from pathlib import Path

from tests.pages import findings

TAKE = """
import sqlite3


class Stock:
    def __init__(self):
        self.connection = sqlite3.connect("shop.db")

    def take_one(self, item):
        row = self.connection.execute("SELECT left FROM stock WHERE item = ?", (item,)).fetchone()
        self.connection.execute("UPDATE stock SET left = ? WHERE item = ?", (row[0] - 1, item))
        self.connection.commit()
"""


def served(ways: int, *, naming: str = "pass") -> dict[str, str]:
    """A shop with so many ways in; what the first one does."""
    head = ["from flask import Flask", "from shop.stock import Stock", "app = Flask(__name__)"]
    head.append('app.extensions["stock"] = Stock()')
    routes = [f'@app.get("/{n}")\ndef page_{n}():\n    {"pass" if n else naming}\n' for n in range(ways)]
    return {"shop/__init__.py": "", "shop/stock.py": TAKE, "shop/pages.py": "\n".join([*head, *routes])}


def told(files: dict[str, str], folder: Path) -> list[str]:
    return [f.confidence.word for f in findings(files, folder) if f.rule == "lost-update"]


def test_a_race_that_nothing_is_seen_to_start_is_less_sure_where_the_ways_in_are_known(tmp_path: Path) -> None:
    (library,) = told(served(3), tmp_path / "library")
    (program,) = told(served(30), tmp_path / "program")
    assert (library, program) == ("medium", "low")


def test_a_race_that_nothing_is_seen_to_start_is_less_sure_in_a_whole_program(tmp_path: Path) -> None:
    files = served(3)
    loads = [f"def load_{n}(cursor):\n    cursor.execute('SELECT name FROM shelves')\n" for n in range(250)]
    files["shop/loads.py"] = "\n".join(loads)
    assert told(files, tmp_path) == ["low"]


def test_a_race_that_a_request_may_start_is_as_sure_as_its_rule_says(tmp_path: Path) -> None:
    assert told(served(30, naming='app.extensions["stock"].take_one(1)'), tmp_path) == ["medium"]


def test_a_race_that_only_a_decorator_of_the_project_may_start_is_less_sure(tmp_path: Path) -> None:
    files = served(30)
    files["shop/dispatch.py"] = "TASKS = {}\n\n\ndef task(function):\n    TASKS[function.__name__] = function\n"
    files["shop/nightly.py"] = (
        "from shop.dispatch import task\nfrom shop.stock import Stock\n\n@task\ndef close():\n    Stock().take_one(1)\n"
    )
    assert told(files, tmp_path) == ["low"]
