"""The rules of the house that no tool checks by itself."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import testing

ROOT = Path(__file__).resolve().parents[2]
ROOMS = frozenset({"admin", "bot", "catalog", "db", "ghala", "jobs", "keeping", "orders", "payments"})
BESIDE = frozenset({"benchmarks", "chaos", "dev", "sandbox", "simulation"})
TOP = frozenset({"app", "wsgi"})
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = {contract["id"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
PURE = tuple(CONTRACTS["pure-core"]["source_modules"])
CLOCKS = frozenset({"now", "utcnow", "today", "time", "monotonic", "perf_counter"})


def files_of(module: str) -> list[Path]:
    """The files of a module or package; a name without any is a mistake of the list."""
    path = ROOT.joinpath(*module.split("."))
    found = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    assert found, f"{module} has no files"
    return found


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a file imports, wherever in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def offences(paths: list[Path], forbidden: frozenset[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in paths
        for line, name in imported(path)
        if name.split(".")[0] in forbidden
    ]


def source_files() -> list[Path]:
    """Every Python file of the project itself, without its tests."""
    packages = [path for name in sorted(ROOMS | BESIDE) if (ROOT / name).is_dir() for path in files_of(name)]
    return [*sorted(ROOT.glob("*.py")), *packages]


def names(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def listed(variable: str) -> list[str]:
    found = re.search(rf"^{variable} = (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found
    return found[1].split()


@pytest.mark.parametrize("floor", ["config", "errors", "languages", "measuring", "observing"])
def test_the_floor_stands_on_nothing(floor: str) -> None:
    assert offences(files_of(floor), ROOMS | BESIDE | TOP) == []


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_know_neither_machine_nor_chance(module: str) -> None:
    forbidden = frozenset({"os", "time", "random", "secrets", "uuid", "socket", "subprocess", "threading"})
    assert offences(files_of(module), forbidden) == []


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_read_no_clock(module: str) -> None:
    found = [
        f"{names(path)}:{node.lineno} calls .{node.func.attr}()"
        for path in files_of(module)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
    ]
    assert found == []


def catches_everything(node: ast.AST) -> bool:
    """Whether this is ``except Exception``, ``except BaseException`` or a bare ``except`` that swallows."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    if node.type is None:
        return True
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"} for kind in kinds)


def test_everything_is_caught_in_one_place_the_edge_of_the_worker() -> None:
    found = [
        names(path)
        for path in source_files()
        if path.relative_to(ROOT).parts[0] not in BESIDE
        for node in ast.walk(tree(path))
        if catches_everything(node)
    ]
    assert len(found) == 1, found
    assert found[0].startswith("jobs/")


def test_http_leaves_the_house_in_few_places() -> None:
    found = [
        names(path)
        for path in source_files()
        if not names(path).startswith(("ghala/", "payments/gateways/", "sandbox/", "chaos/"))
        and offences([path], frozenset({"requests", "aiohttp", "httpx", "urllib3"}))
    ]
    assert found == []


def test_the_environment_is_read_in_one_place() -> None:
    # measuring.py writes it, for the one library that reads nothing else.
    allowed = {"config.py", "gunicorn.conf.py", "measuring.py"}
    found = [
        f"{names(path)}:{node.lineno}"
        for path in source_files()
        if names(path) not in allowed and path.relative_to(ROOT).parts[0] not in BESIDE
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"})
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {a.name for a in node.names} & {"environ", "getenv"}
        )
    ]
    assert found == []


def packages() -> list[str]:
    return sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests")


def test_the_types_of_every_package_and_module_are_checked() -> None:
    modules = sorted(path.name for path in ROOT.glob("*.py") if path.name != "gunicorn.conf.py")
    assert listed("ROOMS") == packages()
    assert listed("MODULES") == modules


def test_the_import_rules_cover_every_package() -> None:
    assert PROJECT["tool"]["importlinter"]["root_packages"] == packages()
    layers = {room for layer in CONTRACTS["one-way"]["layers"] for room in layer.split(" | ")}
    assert layers == ROOMS == set(packages()) - BESIDE
    assert set(CONTRACTS["nobody-knows-the-house"]["source_modules"]) == ROOMS


def test_the_platform_and_the_engineer_start_the_same_commands() -> None:
    def commands(name: str) -> dict[str, str]:
        lines = (ROOT / name).read_text().splitlines()
        return dict(line.split(": ", 1) for line in lines)

    platform, engineer = commands("Procfile"), commands("Procfile.dev")
    assert set(platform) == {"release", "web", "worker"}
    assert set(engineer) == {"web", "worker", "sandbox"}
    assert {name: platform[name] for name in ("web", "worker")} == {
        name: engineer[name] for name in ("web", "worker")
    }


def test_every_test_is_run_once_by_make_test() -> None:
    folders = [ROOT / name for part in testing.parts() for name in part]
    files = [file for file in (ROOT / "tests").rglob("test_*.py") if "vendor" not in file.parts]
    assert files
    runs = {str(file): sum(file.is_relative_to(folder) for folder in folders) for file in files}
    assert {file: times for file, times in runs.items() if times != 1} == {}
