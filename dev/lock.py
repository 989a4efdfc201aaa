"""``make lock``: write into the requirements what the named packages need besides, and the hash of each file.

The first block of each file is written by people: name and version. The second block, what the first needs, and all
hashes are written here. A version that stands in a file stays; to take a newer one, write it, or take the line out.
Asks the package index by pip only, for every Python and platform in ``PYTHONS`` and ``PLATFORMS``; files for others,
and sources, have no hash and are refused at the installation.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
RUNTIME: Final = "requirements.txt"
DEVELOPMENT: Final = "requirements-dev.txt"
PIN: Final = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?P<extras>\[[^\]]*\])?==(?P<version>[^\s\\;]+)"
)
MISSING: Final = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)")
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
_GLIBC: Final = ("_2_5", "1", "_2_12", "2010", "_2_17", "2014", "_2_24", "_2_27", "_2_28", "_2_31", "_2_34")
_MACOS: Final = ("10_9", "10_12", "10_13", "11_0", "12_0", "13_0", "14_0")
PLATFORMS: Final = (
    *(tuple(f"manylinux{libc}_{arch}" for libc in _GLIBC) for arch in ("x86_64", "aarch64")),
    *(tuple(f"musllinux_1_{libc}_{arch}" for libc in (1, 2)) for arch in ("x86_64", "aarch64")),
    tuple(f"macosx_{release}_arm64" for release in _MACOS[3:]),
    tuple(f"macosx_{release}_x86_64" for release in _MACOS),
)
"""What each kind of machine can use, the oldest first: its file serves the newer ones too."""
AT_ONCE: Final = 4
LEFT_OUT: Final = frozenset({"pip", "setuptools"})
"""What every environment has from its making."""
ANYWHERE: Final = "py3-none-any.whl"
EVERY_PYTHON: Final = re.compile(r"-(?:cp\d+-abi3|py3-none)-")
"""In the names of compiled files that serve all newer Pythons too."""


def plain(name: str) -> str:
    """A package's name as all spellings of it are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    """``name[extras]==version`` by the plain name, of a whole file or a block of it."""
    found = (PIN.match(line) for line in text.splitlines())
    return {
        plain(pin["name"]): f"{pin['name']}{pin['extras'] or ''}=={pin['version']}"
        for pin in found
        if pin is not None
    }


def pip(*arguments: str) -> tuple[list[dict[str, Any]], str]:
    """What pip would install, and what it said if it cannot."""
    with tempfile.TemporaryDirectory(prefix="duka-lock-") as folder:
        report = Path(folder) / "report.json"
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed",
             "--disable-pip-version-check", "--only-binary=:all:", f"--report={report}", f"--target={folder}",
             *arguments],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            return [], done.stderr
        return json.loads(report.read_text(encoding="utf-8"))["install"], ""


def resolved(wanted: Sequence[str], kept: Sequence[str]) -> list[dict[str, Any]]:
    """Everything these need, in the versions that stand already where there are some."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write("\n".join(re.sub(r"\[.*\]", "", pin) for pin in kept))
        file.flush()
        found, trouble = pip("--constraint", file.name, *wanted)
    if trouble:
        raise SystemExit(trouble)
    return [one for one in found if plain(one["metadata"]["name"]) not in LEFT_OUT]


def hash_of(one: dict[str, Any]) -> str:
    """Of the file pip chose."""
    return str(one["download_info"]["archive_info"]["hashes"]["sha256"])


def elsewhere(bound: Sequence[str], python: str, platforms: Sequence[str]) -> list[tuple[str, str]]:
    """Name and hash of the files another machine takes; what does not exist for it is told and left out."""
    wanted = list(bound)
    where = ["--no-deps", f"--python-version={python}", "--implementation=cp"]
    where += [f"--platform={platform}" for platform in platforms]
    while wanted:
        found, trouble = pip(*where, *wanted)
        if not trouble:
            return [(plain(one["metadata"]["name"]), hash_of(one)) for one in found]
        missing = {plain(name) for name in MISSING.findall(trouble)}
        left = [pin for pin in wanted if plain(pin.partition("==")[0]) not in missing]
        if len(left) == len(wanted):
            raise SystemExit(trouble)
        sys.stderr.write(f"Python {python}, {platforms[-1]}: no file of {', '.join(sorted(missing))}\n")
        wanted = left
    return []


def written(head: str, names: Sequence[str], shown: dict[str, str], hashes: dict[str, set[str]]) -> str:
    """A block: each pin with its hashes."""
    lines = [head] if head else []
    lines += [
        " \\\n    ".join([shown[name], *(f"--hash=sha256:{one}" for one in sorted(hashes[name]))])
        for name in names
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write both files anew."""
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in (RUNTIME, DEVELOPMENT)}
    blocks = {name: text.partition("\n\n")[0] for name, text in texts.items()}
    direct = {name: pins(block) for name, block in blocks.items()}
    kept = list({**pins(texts[RUNTIME]), **pins(texts[DEVELOPMENT])}.values())
    running = resolved(list(direct[RUNTIME].values()), kept)
    everything = resolved([*direct[RUNTIME].values(), *direct[DEVELOPMENT].values()], kept)
    hashes: defaultdict[str, set[str]] = defaultdict(set)
    shown = {}
    for one in everything:
        name = plain(one["metadata"]["name"])
        shown[name] = f"{one['metadata']['name']}=={one['metadata']['version']}"
        hashes[name].add(hash_of(one))
    bound = [one for one in everything if not one["download_info"]["url"].endswith(ANYWHERE)]
    by_python = [one for one in bound if not EVERY_PYTHON.search(one["download_info"]["url"])]
    machines = [
        ([shown[plain(one["metadata"]["name"])] for one in some], python, platforms)
        for python in PYTHONS
        for some in (bound if python == PYTHONS[0] else by_python,)
        for platforms in PLATFORMS
    ]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for found in threads.map(lambda machine: elsewhere(*machine), machines):
            for name, digest in found:
                hashes[name].add(digest)
    for mine in direct.values():
        shown.update(mine)
    base = {plain(one["metadata"]["name"]) for one in running}
    for file, needed in ((RUNTIME, base), (DEVELOPMENT, set(shown) - base)):
        head = "\n".join(line for line in blocks[file].splitlines() if line.startswith(("#", "-r")))
        further = sorted(needed - set(direct[file]))
        (ROOT / file).write_text(
            written(head, list(direct[file]), shown, hashes) + "\n" + written("", further, shown, hashes),
            encoding="utf-8",
        )
    sys.stderr.write(f"{len(shown)} packages, {sum(map(len, hashes.values()))} files\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
