"""Make ``.venv`` and put into it what Duka needs, once.

Runs with whatever Python the Makefile found, before anything is installed: standard library only.
A stamp inside the environment remembers what was installed where, so that the next call is quick.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")


def say(sentence: str) -> None:
    """Tell the engineer something, at once."""
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


def fingerprint(root: Path) -> str:
    """What the environment depends on: its place (scripts name it), the Python and the pinned packages."""
    digest = hashlib.sha256()
    for name in REQUIREMENTS:
        digest.update((root / name).read_bytes())
    return json.dumps(
        {
            "place": str(root),
            "python": ".".join(map(str, sys.version_info[:2])),
            "packages": digest.hexdigest(),
        }
    )


def still_fits(venv: Path, stamp: Path, wanted: str) -> bool:
    """Whether packages can be brought up to date in the environment, instead of making it anew."""
    if not (venv / "bin" / "python").exists():
        return False
    if stamp.exists():
        before, now = json.loads(stamp.read_text()), json.loads(wanted)
        if (before["place"], before["python"]) != (now["place"], now["python"]):
            return False
    code = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    answer = subprocess.run(  # noqa: S603 - our own interpreter
        [str(venv / "bin" / "python"), "-c", code], check=False, capture_output=True
    )
    return answer.returncode == 0


def make_venv(venv: Path) -> bool:
    """Make a fresh environment; says what is missing and returns false where this Python cannot."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if find_spec("venv") is None or find_spec("ensurepip") is None:
        say(
            f"This Python {version} cannot make virtual environments; on Debian or Ubuntu"
            f" `apt-get install python{version}-venv` adds what is missing, then run make again."
        )
        return False
    if venv.exists():
        shutil.rmtree(venv)
    # From inside an activated environment, the Python beneath it, which is not deleted here.
    python = str(getattr(sys, "_base_executable", "") or sys.executable)
    made = subprocess.run(  # noqa: S603
        [python, "-m", "venv", str(venv)], check=False, capture_output=True, text=True
    )
    if made.returncode != 0:
        reason = (made.stdout + made.stderr).strip().splitlines()
        say(
            f"The virtual environment {venv} could not be made: {reason[-1] if reason else 'no reason given'}"
        )
        return False
    return True


def install(root: Path) -> int:
    """Bring ``.venv`` in line with the pinned packages; 0 when it is, 1 after saying why it is not."""
    venv, wanted = root / ".venv", fingerprint(root)
    stamp = venv / "duka-installed.json"
    if stamp.exists() and stamp.read_text() == wanted and (venv / "bin" / "python").exists():
        return 0
    started = time.monotonic()
    say("Installing what Duka needs into .venv (once; this takes about a minute) ...")
    if not still_fits(venv, stamp, wanted) and not make_venv(venv):
        return 1
    stamp.unlink(missing_ok=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    got = subprocess.run(  # noqa: S603
        [*pip, "install", "--quiet", "--require-hashes", "-r", str(root / REQUIREMENTS[-1])], check=False
    )
    if got.returncode != 0:
        say("pip could not install the packages (its reason is above); is the internet reachable?")
        return 1
    stamp.write_text(wanted)
    say(f"Installed in {time.monotonic() - started:.0f} seconds.")
    return 0


def main() -> int:
    """Install, one at a time: a second `make` in the same folder waits for the first."""
    try:
        with (ROOT / REQUIREMENTS[-1]).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return install(ROOT)
    except KeyboardInterrupt:
        say("Stopped; the next make starts the installation again.")
    except OSError as problem:
        say(f"Installing into {ROOT / '.venv'} failed: {problem}.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
