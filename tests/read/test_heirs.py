"""What a call of a method does that only says what heirs shall have."""

from __future__ import annotations

from pathlib import Path

import pytest

from datakeel.model.certainty import Origin
from datakeel.model.effect import Effect
from datakeel.read import facts, reader
from datakeel.read.source import discover

PORT = """
import abc

class Storage(abc.ABC):
    @abc.abstractmethod
    def put(self, key, body): ...

    def on_put(self, key):
        pass

class Memory(Storage):
    def put(self, key, body):
        self.kept = body
"""
PROTOCOL = """
from typing import Protocol

class Storage(Protocol):
    def put(self, key, body) -> None: ...
    def drop(self, key) -> None: ...
"""
S3 = """
import boto3
{imported}

class S3({base}):
    def __init__(self):
        self.client = boto3.client("s3")

    def put(self, key, body):
        self.client.put_object(Bucket="files", Key=key, Body=body)

    def drop(self, key):
        self.client.delete_object(Bucket="files", Key=key)

    def on_put(self, key):
        self.drop(key)
"""
TABLE = """
import psycopg
from ports import Storage

class Table(Storage):
    def __init__(self, connection: psycopg.Connection):
        self.connection = connection

    def put(self, key, body):
        self.connection.execute("INSERT INTO files (key, body) VALUES (%s, %s)", (key, body))
"""
CALLER = """
from ports import Storage

def keep(storage: Storage, key, body):
    storage.put(key, body)

def keep_both(storage: Storage, key, body):
    storage.put(key, body)
    storage.put("again", body)

def tell(storage: Storage, key):
    storage.on_put(key)
"""
IMPORTED = "from ports import Storage"


def effects(folder: Path, operation: str, **files: str) -> tuple[Effect, ...]:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    system = reader.system(facts.read(discover([folder])))
    found = system.operation(operation)
    assert found is not None
    return found.effects


def verbs(found: tuple[Effect, ...]) -> list[tuple[str, str]]:
    return [(e.verb, e.dataset) for e in found]


def test_the_one_heir_that_acts_is_followed(tmp_path: Path) -> None:
    s3 = S3.format(imported=IMPORTED, base="Storage")
    found = effects(tmp_path, "caller.keep", ports=PORT, s3=s3, caller=CALLER)
    assert verbs(found) == [("set", "files")]
    assert found[0].chain
    assert found[0].origin is Origin.CONVENTION


def test_the_only_heir_is_meant_for_sure(tmp_path: Path) -> None:
    s3 = S3.format(imported=IMPORTED, base="Storage")
    found = effects(tmp_path, "caller.keep", ports=PORT.partition("class Memory")[0], s3=s3, caller=CALLER)
    assert [(e.verb, e.origin) for e in found] == [("set", Origin.RESOLVED)]


def test_of_several_that_act_one_does(tmp_path: Path) -> None:
    s3 = S3.format(imported=IMPORTED, base="Storage")
    found = effects(tmp_path, "caller.keep_both", ports=PORT, s3=s3, table=TABLE, caller=CALLER)
    assert sorted(verbs(found)) == [("insert", "files"), ("insert", "files"), ("set", "files"), ("set", "files")]
    arms = {(s.number, s.arm, e.verb) for e in found for s in e.scopes if s.kind == "branch"}
    assert len({number for number, _, _ in arms}) == 1  # both calls mean the same object
    assert len({arm for _, arm, _ in arms}) == len(arms) == 2


def test_a_protocol_is_what_has_its_methods(tmp_path: Path) -> None:
    s3 = S3.format(imported="", base="object")
    found = effects(tmp_path, "caller.keep", ports=PROTOCOL, s3=s3, caller=CALLER)
    assert verbs(found) == [("set", "files")]


@pytest.mark.parametrize("changed", [("key, body", "name, body"), ("def drop", "def remove")])
def test_a_protocol_is_nothing_that_lacks_one(tmp_path: Path, changed: tuple[str, str]) -> None:
    s3 = S3.format(imported="", base="object").replace(*changed)
    assert effects(tmp_path, "caller.keep", ports=PROTOCOL, s3=s3, caller=CALLER) == ()


def test_a_hook_does_nothing_where_no_heir_says_more(tmp_path: Path) -> None:
    s3 = S3.format(imported=IMPORTED, base="Storage")
    assert effects(tmp_path, "caller.tell", ports=PORT, s3=s3, caller=CALLER) == ()


def test_what_an_heirs_constructor_hands_on_is_its_own(tmp_path: Path) -> None:
    text = """
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    class Base(DeclarativeBase):
        pass

    class Tag(Base):
        __tablename__ = "tags"
        id: Mapped[int] = mapped_column(primary_key=True)

    class Repository:
        def __init__(self, session: Session, model) -> None:
            self.session = session
            self.model = model

        def get(self, key):
            return self.session.get(self.model, key)

    class Tags(Repository):
        def __init__(self, session: Session) -> None:
            super().__init__(session, Tag)

    def read(tags: Tags, key):
        return tags.get(key)
    """
    found = effects(tmp_path, "tags.read", tags="\n".join(line[4:] for line in text.splitlines()))
    assert verbs(found) == [("select", "tags")]
