"""Which files belong to a project, of what role they are, and by what names their modules go."""

import os
import subprocess
from pathlib import Path

import pytest

from datakeel.model.operation import Role
from datakeel.read.ignored import index_paths
from datakeel.read.modules import Modules, modules
from datakeel.read.role import role_by_text
from datakeel.read.source import PathNotFound, Sources, discover


def project(root: Path, *files: str, git: bool = True) -> Path:
    if git:
        (root / ".git").mkdir(parents=True)
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", "utf-8")
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def names(sources: Sources) -> list[str]:
    return [file.path for file in sources.files]


def roles(sources: Sources) -> dict[str, Role]:
    return {file.path: file.role for file in sources.files}


# Where the root is ---------------------------------------------------------------------------------------------------


def test_the_root_is_the_nearest_checkout(tmp_path: Path) -> None:
    project(tmp_path, "pyproject.toml", "shop/pyproject.toml", "shop/orders/models.py", "shop/pay.py")
    sources = discover([tmp_path / "shop" / "orders"])
    assert sources.root == tmp_path
    assert {file.path: file.named for file in sources.files} == {
        "shop/orders/models.py": True,
        "shop/pay.py": False,
    }


def test_without_a_checkout_the_root_is_the_outermost_project_file(tmp_path: Path) -> None:
    project(tmp_path / "a", "pyproject.toml", "b/pyproject.toml", "b/pay.py", git=False)
    assert discover([tmp_path / "a" / "b" / "pay.py"]).root == tmp_path / "a"


def test_a_folder_in_no_project_is_its_own_root(tmp_path: Path) -> None:
    project(tmp_path, "deep/er/pay.py", git=False)
    sources = discover([tmp_path / "deep"])
    assert sources.root == tmp_path / "deep"
    assert names(sources) == ["er/pay.py"]


def test_a_lone_file_has_its_package_and_neighbours_for_context(tmp_path: Path) -> None:
    project(tmp_path, "shop/__init__.py", "shop/pay.py", "shop/sub/__init__.py", "unrelated/other.py", git=False)
    sources = discover([tmp_path / "shop" / "pay.py"])
    assert sources.root == tmp_path
    assert names(sources) == ["shop/__init__.py", "shop/pay.py", "shop/sub/__init__.py"]


def test_paths_in_several_projects_share_the_folder_above(tmp_path: Path) -> None:
    project(tmp_path / "one", "a.py")
    project(tmp_path / "two", "b.py")
    sources = discover([tmp_path / "two", tmp_path / "one"])
    assert sources.root == tmp_path
    assert names(sources) == ["one/a.py", "two/b.py"]
    assert sources.projects == ("one", "two")


def test_a_path_that_does_not_exist_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match=r"nowhere\.py: no such file or folder"):
        discover([tmp_path / "nowhere.py"])


def test_a_worktree_has_its_git_folder_elsewhere(tmp_path: Path) -> None:
    project(tmp_path / "main", "a.py")
    (tmp_path / "main" / ".git" / "info").mkdir()
    (tmp_path / "main" / ".git" / "info" / "exclude").write_text("secret.py\n")
    private = tmp_path / "main" / ".git" / "worktrees" / "w"
    private.mkdir(parents=True)
    (private / "commondir").write_text("../..\n")
    project(tmp_path / "w", "a.py", "secret.py", git=False)
    (tmp_path / "w" / ".git").write_text(f"gitdir: {private}\n")
    sources = discover([tmp_path / "w"])
    assert sources.root == tmp_path / "w"
    assert names(sources) == ["a.py"]


# Which files ---------------------------------------------------------------------------------------------------------


def test_what_git_ignores_is_passed_over(tmp_path: Path) -> None:
    project(tmp_path, "a.py", "local/b.py", "app/c.py", "app/keep.py", "app/local/d.py", "app/gen/e.py", "x.sql")
    write(tmp_path / ".gitignore", "/local/\n*.sql\n# a comment\n\n!app/local/\n")
    write(tmp_path / "app" / ".gitignore", "c.py\n/gen\n")
    assert names(discover([tmp_path])) == ["a.py", "app/keep.py", "app/local/d.py"]


def test_a_later_and_a_nearer_pattern_win(tmp_path: Path) -> None:
    project(tmp_path, "a.py", "b.py", "sub/a.py", "sub/deep/b.py")
    write(tmp_path / ".gitignore", "*.py\n!a.py\n")
    write(tmp_path / "sub" / ".gitignore", "!b.py\na.py\n")
    assert names(discover([tmp_path])) == ["a.py", "sub/deep/b.py"]


def test_a_tracked_file_belongs_to_the_project_though_it_is_ignored(tmp_path: Path) -> None:
    git = ["git", "-c", "init.defaultBranch=main", "-C", str(tmp_path)]
    project(tmp_path, "lib/tracked.py", "lib2/stray.py", "a.py", git=False)
    try:
        subprocess.run([*git, "init", "-q"], check=True)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    subprocess.run([*git, "add", "lib/tracked.py"], check=True)
    write(tmp_path / ".gitignore", "lib/\nlib2/\n")
    for version in "234":
        subprocess.run([*git, "update-index", "--index-version", version], check=True)
        assert index_paths((tmp_path / ".git" / "index").read_bytes()) == ["lib/tracked.py"]
        assert names(discover([tmp_path])) == ["a.py", "lib/tracked.py"]


@pytest.mark.parametrize(
    "data", [b"", b"DIRC", b"DIRC\0\0\0\2\xff\xff\xff\xff", b"DIRC\0\0\0\4\0\0\0\1" + b"\xff" * 80]
)
def test_a_damaged_git_index_lists_nothing(data: bytes) -> None:
    assert index_paths(data) == []


def test_a_file_that_is_named_is_read_though_it_is_ignored(tmp_path: Path) -> None:
    project(tmp_path, "a.py", "out/b.py", "out/c.py")
    write(tmp_path / ".gitignore", "out/\n")
    assert "out/b.py" in names(discover([tmp_path / "out" / "b.py"]))
    assert names(discover([tmp_path / "out"])) == ["a.py", "out/b.py", "out/c.py"]


def test_what_the_configuration_excludes_is_passed_over(tmp_path: Path) -> None:
    project(tmp_path, "a.py", "legacy/b.py", "app/old_c.py")
    assert names(discover([tmp_path], exclude=["legacy/", "old_*.py"])) == ["a.py"]


def test_environments_and_build_outputs_are_no_part_of_a_project(tmp_path: Path) -> None:
    project(
        tmp_path,
        *("a.py", "env/pyvenv.cfg", "env/lib/b.py", "node_modules/m/c.py", "build/lib/d.py", ".tox/e.py"),
        *("x.egg-info/f.py", "conda/conda-meta/g.py", "app/build/own.py", "lib/site-packages/h.py"),
    )
    assert names(discover([tmp_path])) == ["a.py", "app/build/own.py"]


def test_vendored_code_is_found_and_marked(tmp_path: Path) -> None:
    project(tmp_path, "a.py", "pkg/_vendor/six.py", "third_party/x/b.py", "vendor/models.py", "vendor/pay.py")
    foreign = {file.path for file in discover([tmp_path]).files if file.foreign}
    assert foreign == {"pkg/_vendor/six.py", "third_party/x/b.py"}


def test_another_repository_inside_is_said_and_not_entered(tmp_path: Path) -> None:
    project(tmp_path, "a.py", "sub/.git/HEAD", "sub/b.py")
    sources = discover([tmp_path])
    assert names(sources) == ["a.py"]
    assert [remark.path for remark in sources.remarks] == ["sub"]


def test_a_script_without_a_suffix_is_read_when_it_is_named(tmp_path: Path) -> None:
    project(tmp_path, "a.py")
    write(tmp_path / "bin" / "worker", "#!/usr/bin/env python3\n")
    write(tmp_path / "bin" / "other", "#!/bin/sh\n")
    assert "bin/worker" not in names(discover([tmp_path]))
    assert "bin/worker" in names(discover([tmp_path / "bin" / "worker"]))
    assert [r.text for r in discover([tmp_path / "bin" / "other"]).remarks] == ["not a kind of file that is read"]


def test_the_order_is_that_of_the_paths(tmp_path: Path) -> None:
    project(tmp_path, "z.py", "a/b.py", "a.py", "B.py", "a/a.sql")
    assert names(discover([tmp_path])) == sorted(names(discover([tmp_path])))


# Roles ---------------------------------------------------------------------------------------------------------------


def test_a_path_tells_the_role(tmp_path: Path) -> None:
    expected = {
        "app/orders/models.py": Role.PRODUCT,
        "app/orders/tests/factories.py": Role.TEST,
        "shop_tests/orders/utils.py": Role.TEST,
        "community/github_mock/server.py": Role.TEST,
        "loadtest/load.py": Role.TEST,
        "app/test_data/old_schema.sql": Role.TEST,
        "app/latests/list.py": Role.PRODUCT,
        "app/orders/test_models.py": Role.TEST,
        "app/orders/create_test_data.py": Role.TEST,
        "conftest.py": Role.TEST,
        "app/orders/migrations/0001_initial.py": Role.MIGRATION,
        "db/migrations/001_orders.sql": Role.MIGRATION,
        "app/orders/management/commands/bill.py": Role.PRODUCT,
        "app/agent/tools/search.py": Role.PRODUCT,
        "src/tools/run.py": Role.PRODUCT,
        "scripts/load.py": Role.SCRIPT,
        "docs/conf.py": Role.SCRIPT,
        "examples/shop/app.py": Role.SCRIPT,
        "setup.py": Role.SCRIPT,
        "app/orders_pb2.py": Role.GENERATED,
    }
    project(tmp_path, "app/__init__.py", "app/agent/__init__.py", *expected)
    found = roles(discover([tmp_path]))
    assert {path: found[path] for path in expected} == expected


def test_an_example_that_is_reviewed_by_name_is_a_product(tmp_path: Path) -> None:
    project(tmp_path, "examples/shop/app.py", "examples/shop/scripts/load.py", "examples/bank/app.py")
    found = roles(discover([tmp_path / "examples" / "shop"]))
    assert found["examples/shop/app.py"] is Role.PRODUCT
    assert found["examples/shop/scripts/load.py"] is Role.SCRIPT
    assert found["examples/bank/app.py"] is Role.SCRIPT
    assert roles(discover([tmp_path / "examples" / "shop" / "app.py"]))["examples/shop/app.py"] is Role.PRODUCT


@pytest.mark.parametrize(
    ("role", "path", "text", "expected"),
    [
        (Role.PRODUCT, "api/client.py", b"# Code generated by smithy. DO NOT EDIT.\n", Role.GENERATED),
        (Role.PRODUCT, "api/client.py", b'"""@generated"""\n', Role.GENERATED),
        (Role.PRODUCT, "api/client.py", b"# the code generated here is edited by hand\n", Role.PRODUCT),
        (Role.PRODUCT, "db/versions/8f3a_orders.py", b"revision: str = '8f3a'\n", Role.MIGRATION),
        (Role.PRODUCT, "app/migrations/initial.py", b"class Migration(migrations.Migration):\n", Role.MIGRATION),
        (Role.PRODUCT, "app/versions/compare.py", b"def compare(a, b): ...\n", Role.PRODUCT),
        (Role.TEST, "laboratory/test_result.py", b"class Result(Model):\n    value = Integer()\n", Role.PRODUCT),
        (Role.TEST, "shop/create_test_data.py", b"def orders():\n    pass\n", Role.TEST),
        (Role.TEST, "laboratory/test_result.py", b"def test_result():\n    pass\n", Role.TEST),
        (Role.PRODUCT, "shop/pytest_plugin.py", b"@pytest.fixture\ndef client():\n    return Client()\n", Role.TEST),
        (Role.PRODUCT, "shop/factories.py", b"class Orders(DjangoModelFactory):\n    pass\n", Role.TEST),
        (Role.PRODUCT, "helpers/clients.py", b"class Client(APITestCase, Urls):\n    pass\n", Role.TEST),
        (Role.PRODUCT, "shop/cases.py", b"class TestCase(Model):\n    pass\n", Role.PRODUCT),
        (Role.PRODUCT, "shop/fixtures.py", b"# what @pytest.fixture gives is not made here\n", Role.PRODUCT),
        (Role.TEST, "tests/factories.py", b"class Result: ...\n", Role.TEST),
        (Role.PRODUCT, "server/alembic/env.py", b"from alembic import context\n", Role.SCRIPT),
        (
            Role.PRODUCT,
            "extras/authors.py",
            b"import requests\n# /// script\n# ///\n",
            Role.SCRIPT,
        ),
        (Role.PRODUCT, "games/env.py", b"from games import context\n", Role.PRODUCT),
    ],
)
def test_the_text_settles_the_role(role: Role, path: str, text: bytes, expected: Role) -> None:
    assert role_by_text(role, path, text) is expected


def test_a_script_that_is_only_named_like_a_test_is_a_script(tmp_path: Path) -> None:
    project(tmp_path, "scripts/stress_test.py", "laboratory/stress_test.py")
    found = {f.path: role_by_text(f.role, f.path, b"import requests\n", f.others) for f in discover([tmp_path]).files}
    assert found == {"scripts/stress_test.py": Role.SCRIPT, "laboratory/stress_test.py": Role.PRODUCT}


# Modules -------------------------------------------------------------------------------------------------------------


def test_a_module_is_named_from_the_nearest_folder_that_is_no_package(tmp_path: Path) -> None:
    project(tmp_path, "src/shop/__init__.py", "src/shop/orders/__init__.py", "src/shop/orders/models.py", "manage.py")
    found = modules(discover([tmp_path]))
    assert found.name("src/shop/orders/models.py") == "shop.orders.models"
    assert found.name("src/shop/orders/__init__.py") == "shop.orders"
    assert found.name("manage.py") == "manage"
    assert found.names("src/shop/orders/models.py") == ("shop.orders.models", "src.shop.orders.models")


def test_imports_tell_the_root_where_packages_have_no_init_file() -> None:
    paths = ["backend/app/api/orders.py", "backend/app/models.py", "backend/main.py", "backend/app/api/unused.py"]
    imported = {"backend/main.py": ["app.api.orders.router"], "backend/app/api/orders.py": ["app.models.Order"]}
    found = Modules(paths, imported=imported)
    assert found.name("backend/app/api/orders.py") == "app.api.orders"
    assert found.name("backend/app/models.py") == "app.models"
    assert found.name("backend/app/api/unused.py") == "app.api.unused"
    assert found.name("backend/main.py") == "main"


def test_imports_tell_when_a_project_is_started_from_further_up() -> None:
    paths = ["backend/app/__init__.py", "backend/app/models.py", "backend/app/main.py"]
    found = Modules(paths, ["backend/app"], {"backend/app/main.py": ["backend.app.models"]})
    assert found.name("backend/app/main.py") == "backend.app.main"


def test_two_services_with_modules_of_one_name_see_their_own() -> None:
    paths = [f"services/{s}/app/{f}.py" for s in ("pay", "ship") for f in ("__init__", "models", "main")]
    found = Modules(paths, ["services/pay/app", "services/ship/app"], {p: ["app.models"] for p in paths})
    assert found.name("services/pay/app/models.py") == "services.pay.app.models"
    assert found.find("app.models", "services/ship/app/main.py") == "services/ship/app/models.py"
    assert found.find("app.models", "services/pay/app/main.py") == "services/pay/app/models.py"
    assert found.find("app.absent", "services/pay/app/main.py") is None


def test_an_import_tells_the_root_of_the_nearest_service_alone() -> None:
    """One service is started in its `src`, the other above it: what the other imports says nothing of the first."""
    paths = [f"{s}/src/{p}/{f}.py" for s in ("pay", "ship") for p in ("jobs", "models") for f in ("__init__", "work")]
    packages = [f"{s}/src/{p}" for s in ("pay", "ship") for p in ("jobs", "models")]
    imported = {"pay/src/jobs/work.py": ["models.work"]} | {
        f"ship/src/{p}/work.py": ["src.models.work"] for p in ("jobs", "models")
    }
    found = Modules(paths, packages, imported)
    assert found.find("models.work", "pay/src/jobs/work.py") == "pay/src/models/work.py"
    assert found.find("src.models.work", "ship/src/jobs/work.py") == "ship/src/models/work.py"


def test_an_application_keeps_its_names_beside_a_small_library() -> None:
    paths = ["server/shop/__init__.py", *(f"server/shop/m{n}.py" for n in range(5)), "client/shop/__init__.py"]
    found = Modules(paths, ["server/shop", "client/shop"], {path: ["shop"] for path in paths})
    assert found.name("server/shop/__init__.py") == "shop"
    assert found.name("client/shop/__init__.py") == "client.shop"


def test_modules_that_nobody_imports_go_with_the_package_around_them() -> None:
    paths = ["shop/__init__.py", "shop/models.py", "shop/versions/8f3a_orders.py", "scripts/load.py"]
    found = Modules(paths, ["shop"], {"scripts/load.py": ["shop.models"]})
    assert found.name("shop/versions/8f3a_orders.py") == "shop.versions.8f3a_orders"
    assert found.name("scripts/load.py") == "load"


def test_a_reviewed_package_keeps_the_name_of_the_folders_above(tmp_path: Path) -> None:
    project(tmp_path, "shop/__init__.py", "shop/orders/__init__.py", "shop/orders/models.py", git=False)
    assert modules(discover([tmp_path / "shop" / "orders"])).name("models.py") == "shop.orders.models"


def test_a_link_inside_the_project_gives_a_second_name(tmp_path: Path) -> None:
    project(tmp_path, "libraries/money/round.py", "service/main.py")
    os.symlink("../libraries/money", tmp_path / "service" / "money")
    sources = discover([tmp_path])
    assert names(sources) == ["libraries/money/round.py", "service/main.py"]
    found = modules(sources)
    assert found.name("libraries/money/round.py") == "round"
    assert found.find("money.round", "service/main.py") == "libraries/money/round.py"


def test_a_bare_module_that_is_called_as_the_package_does_not_take_its_imports() -> None:
    paths = ["src/shop/__init__.py", "src/shop/pay.py", "src/shop/storage/shop.py", "src/shop/storage/orders.py"]
    imported = {
        "src/shop/pay.py": ["shop.storage.shop", "shop.pay"],
        "src/shop/storage/orders.py": ["shop", "shop.pay"],
    }
    found = Modules(paths, ["src/shop"], imported)
    assert found.name("src/shop/storage/shop.py") == "shop.storage.shop"
    assert found.name("src/shop/storage/orders.py") == "shop.storage.orders"


def test_files_that_may_name_code_stand_beside_it(tmp_path: Path) -> None:
    project(tmp_path, "Procfile", "LICENSE", "deploy/app.yaml", "shop/templates/cart.html", "shop/static/cart.js")
    project(tmp_path, "tests/settings.ini", "build/site.html", "shop/pay.py", git=False)
    write(tmp_path / ".gitignore", "build/\n")
    sources = discover([tmp_path])
    assert sources.beside == ("Procfile", "deploy/app.yaml", "shop/templates/cart.html")
    assert names(sources) == ["shop/pay.py"]
