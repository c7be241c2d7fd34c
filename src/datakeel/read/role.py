"""What a file is in its project: product, test, migration, script or generated; first by its path, then by its text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from datakeel.model.operation import Role

TEST_FOLDER = re.compile(
    r"^(?:tests?|.+[-_]tests|testing|e2e|mocks?|fakes|(?:.+[-_])?mock|mock[-_].+"
    r"|test[-_]?(?:data|fixtures|resources|helpers|utils|support)|(?:unit|integration|functional|acceptance|system|smoke|load|stress|perf|performance|e2e)[-_]?test(?:s|ing)?)$"
)
SCRIPT_FOLDERS = frozenset(
    (
        *(
            "scripts",
            "script",
            "bin",
            "tools",
            "tool",
            "docs",
            "doc",
            "documentation",
            "examples",
            "example",
            "samples",
        ),
        *(
            "sample",
            "demo",
            "demos",
            "benchmarks",
            "benchmark",
            "benches",
            "bench",
            "hack",
            "contrib",
            "dev",
            ".github",
        ),
        *(".ci", "ci", ".circleci", "devtools"),
    )
)
SCRIPT_FILES = frozenset(
    ("setup.py", "noxfile.py", "fabfile.py", "manage.py", "conf.py", "versioneer.py", "wscript.py")
)
TEST_FILE = re.compile(r"^(?:test_.*|.*_tests?|tests?|conftest)\.(?:py|sql)$")
TEST_DATA = re.compile(
    r"^(?:add|build|create|fill|generate|insert|load|make|populate|setup)[-_](?:test|dummy|fake)[-_]?data\.py$"
)  # what fills a database for tests
GENERATED_FILE = re.compile(r"_pb2(?:_grpc)?\.py$|_grpc\.py$")
NUMBERED = re.compile(r"^[VU]?\d{3,}")
MIGRATION_FOLDERS = frozenset(("migrations", "migration", "versions", "migrate"))

GENERATED = re.compile(
    rb"@generated\b"
    rb"|(?i:code generated\b.{0,200}do not edit)"
    rb"|(?i:\b(?:auto-?|automatically )generated\b.{0,200}do not (?:edit|modify))"
)
TESTING = re.compile(rb"^\s*(?:async )?def test|^\s*class \w*Test|\bpytest\b|\bunittest\b|\bTestCase\b", re.MULTILINE)
# what gives tests what they need, each with a word of it: looking for that first is ten times as fast
FOR_TESTS = (
    (b".fixture", re.compile(rb"^[ \t]*@pytest(?:_asyncio)?\.fixture\b", re.MULTILINE)),
    (b"ModelFactory", re.compile(rb"^class \w+\((?:[\w.]+\.)?(?:Django|SQLAlchemy)ModelFactory\b", re.MULTILINE)),
    (b"TestCase", re.compile(rb"^class \w+\([^)]*\b\w*TestCase\b", re.MULTILINE)),
)
REVISION = re.compile(rb"^(?:down_)?revision\b[^=\n]*=", re.MULTILINE)
ALEMBIC = re.compile(rb"^from alembic import (?:.*\b)?context\b", re.MULTILINE)
RUN_ALONE = re.compile(rb"^# /// script\s*$", re.MULTILINE)  # says what it needs by itself: nothing imports it
MIGRATION = re.compile(rb"^class Migration\(", re.MULTILINE)


def role_by_path(path: str, telling: Sequence[str] = ()) -> Role:
    """The role that a path alone suggests. `telling` are those of its folders whose names may make it a script."""
    *folders, name = path.split("/")
    if GENERATED_FILE.search(name):
        return Role.GENERATED
    if TEST_FILE.match(name) or TEST_DATA.match(name) or tests(folders):
        return Role.TEST
    if folders and folders[-1] in MIGRATION_FOLDERS and NUMBERED.match(name):
        return Role.MIGRATION
    if name in SCRIPT_FILES or not SCRIPT_FOLDERS.isdisjoint(telling):
        return Role.SCRIPT
    return Role.PRODUCT


def tests(folders: Sequence[str]) -> bool:
    """Whether one of the folders holds tests, or what stands for another service in them."""
    return any(TEST_FOLDER.match(f) for f in folders)


def role_of_others(path: str, telling: Sequence[str] = ()) -> Role:
    """The role that a file of another name would have in the same folder."""
    return role_by_path("/".join((*path.split("/")[:-1], "product.py")), telling)


def role_by_text(role: Role, path: str, data: bytes, others: Role = Role.PRODUCT) -> Role:
    """The role, now that the file's text is known. `others` is that of the files beside it."""
    *folders, name = path.split("/")
    if role is Role.TEST and not tests(folders) and not says_test(name, data) and not TEST_DATA.match(name):
        role = others
    if role is Role.PRODUCT and b"generated" in data[:1000].lower() and GENERATED.search(data, 0, 1000):
        return Role.GENERATED
    if role is Role.PRODUCT and any(word in data and pattern.search(data) for word, pattern in FOR_TESTS):
        return Role.TEST  # it runs nowhere else
    if role is Role.PRODUCT and (RUN_ALONE.search(data) or (name == "env.py" and ALEMBIC.search(data))):
        return Role.SCRIPT
    if folders and folders[-1] in MIGRATION_FOLDERS and role in (Role.PRODUCT, Role.MIGRATION):
        return migration_by_text(name, data)
    return role


def says_test(name: str, data: bytes) -> bool:
    """Whether a file that is only named like a test is one: a laboratory has ``test_result.py`` in its product."""
    return name == "conftest.py" or not name.endswith(".py") or TESTING.search(data) is not None


def migration_by_text(name: str, data: bytes) -> Role:
    if not name.endswith(".py"):
        return Role.MIGRATION
    if name == "env.py":
        return Role.SCRIPT
    if NUMBERED.match(name) or MIGRATION.search(data) or REVISION.search(data, 0, 4000):
        return Role.MIGRATION
    return Role.PRODUCT
