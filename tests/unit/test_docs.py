"""The documents name only what exists: links, variables, commands, routes, files, functions, log events."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import House, create_app
from config import Config

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CODE = {
    path: path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.py"), *ROOT.glob("[a-z]*/**/*.py")])
    if path.relative_to(ROOT).parts[0] not in {"tests", "var", "tmp"}
}
# Read by gunicorn and by `make run`, not by the shop.
NOT_OURS = {"GUNICORN_CMD_ARGS", "POSTGRES_PASSWORD", "WEB_CONCURRENCY", "SANDBOX_PORT"}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def prose(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def without_blocks(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", prose(page), flags=re.MULTILINE | re.DOTALL)


def quoted(page: Path) -> list[str]:
    """What stands between backticks in running text."""
    return re.findall(r"`([^`\n]+)`", without_blocks(page))


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def operations() -> str:
    return prose(ROOT / "docs" / "operations.md")


def links(page: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page)):
        if not target.startswith(("https://", "http://", "mailto:")):
            yield target


def resolves(page: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = (page.parent / file).resolve() if file else page
    if target.parent == IMAGES and not IMAGES.is_dir():
        return True  # the screenshots have not been taken yet
    return target.exists() and (not anchor or anchor in anchors(target))


@every_page
def test_every_link_within_the_project_resolves(page: Path) -> None:
    assert [link for link in links(page) if not resolves(page, link)] == []


@every_page
def test_every_variable_named_is_one_that_config_reads(page: Path) -> None:
    named = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", prose(page)))
    known = set(re.findall(r'"([A-Z][A-Z0-9_]+)"', CODE[ROOT / "config.py"]))
    in_code = {name for text in CODE.values() for name in re.findall(r"^_?[A-Z][A-Z_]+", text, re.MULTILINE)}
    assert named - known - NOT_OURS - in_code == set()


def test_every_variable_that_config_reads_is_explained() -> None:
    call = r'self\.(?:text|number|choice|url)\(\s*"([A-Z_]+)"'
    read = set(re.findall(call, CODE[ROOT / "config.py"]))
    assert len(read) > 20
    assert read == set(re.findall(r"^\| `([A-Z_]+)`", operations(), re.MULTILINE))


@every_page
def test_every_make_target_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^|[\s\"])make (?:-C \w+ )?([a-z]+)`?", "\n".join(commands(page))))
    assert named - targets == set()


def commands(page: Path) -> list[str]:
    """Inline code and blocks of shell; "make" is also a word of English."""
    blocks = re.findall(r"^```sh\n(.*?)^```", prose(page), re.MULTILINE | re.DOTALL)
    inline = [code for code in quoted(page) if re.search(r"(?:^|\s)make ", code)]
    return [*blocks, *inline]


@pytest.fixture(scope="module")
def known_routes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[tuple[str, str]]]:
    """Method and path of every route, the names of its places left out."""
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('docs')}/duka.db",
        "GHALA_WEBHOOK_SECRET": "not-used",
        "ADMIN_PASSWORD": "not-used",
    }
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    house = House.build(Config.from_env(environment))
    app = create_app(house.config, house)
    root.handlers[:], root.level = handlers, level
    yield {
        (method, re.sub(r"<[^>]+>", "<>", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    house.database.close()


def named_routes(page: Path) -> set[tuple[str, str]]:
    return {
        (method, re.sub(r"<[^>]+>", "<>", path))
        for code in quoted(page)
        for method, path in re.findall(r"^(GET|POST) (/\S*)$", code)
    }


def test_every_route_of_the_api_page_exists(known_routes: set[tuple[str, str]]) -> None:
    named = named_routes(ROOT / "docs" / "api.md")
    assert len(named) > 10
    assert named - known_routes == set()


def test_every_route_of_the_api_is_explained(known_routes: set[tuple[str, str]]) -> None:
    ours = {(method, path) for method, path in known_routes if path.startswith("/api/")}
    ours = {(method, path) for method, path in ours if method in {"GET", "POST"}}
    assert ours - named_routes(ROOT / "docs" / "api.md") == set()


@every_page
def test_every_file_named_exists(page: Path) -> None:
    named = {code for code in quoted(page) if re.fullmatch(r"[\w./-]+\.(?:py|toml|yaml|txt|conf\.py)", code)}
    assert {name for name in named if not (ROOT / name).exists()} == set()


@every_page
def test_every_function_named_exists(page: Path) -> None:
    named = {
        code.removesuffix("()").rpartition(".") for code in quoted(page) if re.fullmatch(r"[\w.]+\(\)", code)
    }
    defined = {name for text in CODE.values() for name in re.findall(r"def (\w+)\(", text)}
    classes = {name for text in CODE.values() for name in re.findall(r"^class (\w+)", text, re.MULTILINE)}
    assert {function for _, _, function in named} - defined == set()
    assert {owner for owner, _, _ in named if owner[:1].isupper()} - classes == set()


def test_the_log_events_explained_are_those_that_are_written() -> None:
    written = {
        event
        for path, text in CODE.items()
        if path.relative_to(ROOT).parts[0] not in {"sandbox", "dev"}
        for event in re.findall(r'log\.\w+\(\s*(?:level,\s*)?"([a-z_]+)"', text)
    }
    table = operations().split("## Logs")[1].split("\n## ")[0]
    explained = {
        event
        for cell in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
        for event in re.findall(r"`(\w+)`", cell)
    }
    assert explained == written
