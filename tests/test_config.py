"""Configuration: where it is found, what it says, and what is wrong with it."""

import re
from pathlib import Path

import pytest

from datakeel.config import Config, Facts, load, repository
from datakeel.finding import Severity
from datakeel.mistake import Mistake
from tests.show.sample import LOST_UPDATE

RULES = {"lost-update": "transact", "write-skew": "transact", "dual-write": "derive", "slow-call": "distribute"}
PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a service in a folder."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "services/shop").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def own(folder: Path, text: str) -> None:
    (folder / "datakeel.toml").write_text(text, encoding="utf-8")


def faults(root: Path, text: str) -> list[str]:
    own(root, text)
    with pytest.raises(Mistake) as caught:
        load([root], RULES)
    return str(caught.value).split("\n")


def test_without_a_file_everything_is_as_shipped(root: Path) -> None:
    assert load([root], RULES) == Config()


def test_the_nearest_file_counts(root: Path) -> None:
    own(root, 'ignore = ["derive"]')
    shop = root / "services/shop"
    assert load([shop], RULES).ignore == ("derive",)
    own(shop, 'ignore = ["lost-update"]')
    near = load([shop / "orders.py"], RULES)
    assert (near.ignore, near.base, near.source) == (("lost-update",), "services/shop/", "services/shop/datakeel.toml")
    assert load([shop, root / "services"], RULES).ignore == ("derive",)


def test_a_file_outside_the_repository_does_not_count(root: Path) -> None:
    own(root, 'ignore = ["derive"]')
    (root / "services/.git").mkdir()
    assert load([root / "services/shop"], RULES) == Config()


def test_pyproject_counts_when_it_speaks_of_datakeel(root: Path) -> None:
    (root / "services/pyproject.toml").write_text('[project]\nname = "x"\n')
    (root / "pyproject.toml").write_text('[tool.datakeel]\nselect = ["transact"]\n')
    assert load([root / "services/shop"], RULES).select == ("transact",)


def test_both_in_one_folder_are_refused(root: Path) -> None:
    (root / "pyproject.toml").write_text("[tool.datakeel]\n")
    both = "datakeel.toml and [tool.datakeel] in pyproject.toml both configure datakeel: keep one of them"
    assert faults(root, "") == [both]
    (root / "pyproject.toml").write_text("[tool.other]\n")
    assert load([root], RULES).source == "datakeel.toml"


def test_a_named_file_counts_and_must_be_there(root: Path) -> None:
    own(root, 'ignore = ["derive"]')
    (root / "strict.toml").write_text('ignore = ["slow-call"]')
    assert load([root], RULES, file=root / "strict.toml").ignore == ("slow-call",)
    with pytest.raises(Mistake, match=r"cannot read missing.toml: No such file"):
        load([root], RULES, file=root / "missing.toml")
    (root / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(Mistake, match=r"no table \[tool.datakeel\]"):
        load([root], RULES, file=root / "pyproject.toml")


def test_unknown_words_are_told_with_line_and_suggestion_all_at_once(root: Path) -> None:
    assert faults(root, '# slect\nslect = []\nignore = ["lost-updat"]\n[facts]\nlossable = []\n') == [
        'datakeel.toml:2: unknown key "slect"; did you mean "select"?',
        'datakeel.toml:3: unknown rule "lost-updat"; did you mean "lost-update"?',
        'datakeel.toml:5: unknown key "lossable"; did you mean "losable"? (in facts)',
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('severity = {lost-update = "grave"}', "unknown severity"),
        ('severity = "minor"', "severity must be a table"),
        ('severity = {lost-updat = "minor"}', 'did you mean "lost-update"'),
        ('select = "transact"', "select must be a list of texts"),
        ("exclude = [1]", "exclude must be a list of texts"),
        ("[per-path]\npath = 'x'", r"per-path must be a list of tables"),
        ("[[per-path]]\nignore = ['derive']", r"needs path"),
        ("facts = 3", "facts must be a table"),
        ("[facts]\nalone = 'x'", "alone must be a list"),
        ('libraries = ["missing.toml"]', "cannot read missing.toml"),
        ("select = [", "is not TOML"),
    ],
)
def test_wrong_values_are_told(root: Path, text: str, fault: str) -> None:
    assert re.search(fault, faults(root, text)[0])


def test_a_file_that_is_not_text_is_told(root: Path) -> None:
    (root / "datakeel.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(Mistake, match="not UTF-8"):
        load([root], RULES)


def test_rules_run_by_name_or_category_and_the_name_is_stronger() -> None:
    def ran(**words: tuple[str, ...]) -> list[str]:
        return [rule for rule, category in RULES.items() if Config(**words).runs(rule, category)]  # type: ignore[arg-type]

    assert ran() == list(RULES)
    assert ran(select=("transact",), ignore=("write-skew",)) == ["lost-update"]
    assert ran(ignore=("transact",)) == ["dual-write", "slow-call"]
    assert ran(select=("lost-update", "derive"), ignore=("transact",)) == ["lost-update", "dual-write"]
    assert ran(select=("lost-update",), ignore=("lost-update",)) == []


def test_paths_are_matched_from_the_file_that_names_them(root: Path) -> None:
    own(root / "services/shop", 'exclude = ["legacy/", "*_pb2.py"]')
    config = load([root / "services/shop"], RULES)
    assert config.excludes("services/shop/legacy/a.py")
    assert config.excludes("services/shop/deep/x_pb2.py")
    assert not config.excludes("services/shop/orders.py")
    assert not config.excludes("legacy/a.py")
    whole = Config(exclude=config.exclusions())
    assert whole.excludes("services/shop/legacy/a.py")
    assert whole.excludes("services/shop/deep/x_pb2.py")
    assert not whole.excludes("legacy/a.py")


def test_a_finding_gets_the_teams_severity_or_none(root: Path) -> None:
    own(
        root,
        'severity = {transact = "minor"}\n[[per-path]]\npath = "shop/**"\nseverity = {lost-update = "suggestion"}\n'
        '[[per-path]]\npath = "old/"\nignore = ["transact"]\n',
    )
    config = load([root], RULES)
    elsewhere = Config(severity={"transact": Severity.MINOR})
    assert (found := config.adjusted(LOST_UPDATE)) and found.severity is Severity.SUGGESTION
    assert (found := elsewhere.adjusted(LOST_UPDATE)) and found.severity is Severity.MINOR
    assert Config().adjusted(LOST_UPDATE) is LOST_UPDATE
    own(root, '[[per-path]]\npath = "accounts.py"\nignore = ["transact"]\n')
    assert load([root], RULES).adjusted(LOST_UPDATE) is None


def test_libraries_come_from_here_and_from_files(root: Path) -> None:
    (root / "our_bus.toml").write_text('name = "our_bus"\n')
    own(root, 'libraries = ["our_bus.toml"]\n[[library]]\nname = "other"\n')
    assert load([root], RULES).libraries == ({"name": "other"}, {"name": "our_bus"})


def test_the_example_of_the_page_is_right(root: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert example
    (root / "our_bus.toml").write_text("")
    (root / "our_rules").mkdir()
    own(root, example.group(1))
    config = load([root], RULES)
    assert config.facts == Facts(
        losable=("metrics.page_views",),
        bounded=("countries", "settings"),
        distributed=("shop.orders",),
        alone=("shop.jobs.nightly_report",),
        serialised=("shop.ledger.post_entry",),
    )
    assert config.per_path[0].severity == {"lost-update": Severity.MINOR}


def test_a_file_may_begin_with_a_byte_order_mark(root: Path) -> None:
    (root / "pyproject.toml").write_bytes(b'\xef\xbb\xbf[tool.datakeel]\r\nignore = ["lost-update"]\r\n')
    assert load([root], RULES).ignore == ("lost-update",)


def test_a_table_that_is_none_is_a_fault(root: Path) -> None:
    (root / "pyproject.toml").write_text("[tool]\ndatakeel = 3\n")
    with pytest.raises(Mistake, match=r"\[tool.datakeel\] must be a table"):
        load([root], RULES)


def test_the_repository_is_that_of_git_else_the_outermost_project(tmp_path: Path) -> None:
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    (tmp_path / "a/pyproject.toml").touch()
    (inner / "pyproject.toml").touch()
    assert repository(inner / "x.py") == tmp_path / "a"
    (inner / ".git").mkdir()
    assert repository(inner) == inner
