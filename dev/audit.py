"""``make audit``: compare the pinned packages with the known vulnerabilities, and say so when that was not possible."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
COMMAND: Final = (
    *(sys.executable, "-m", "pip_audit", "--requirement", str(ROOT / "requirements.txt")),
    *("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"),
)


def verdict(report: dict[str, Any]) -> tuple[list[str], int]:
    """What to say, and 0 only when every package was looked at and none is known to be vulnerable."""
    packages = report["dependencies"]
    said = [
        f"{one['name']} {one['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no release yet'}"
        for one in packages
        for flaw in one.get("vulns", ())
    ]
    skipped = [one for one in packages if "skip_reason" in one]
    if skipped:
        said.append(
            f"{len(skipped)} of {len(packages)} packages could not be audited, so nothing is known about them;"
            f" can the advisory service be reached from here? ({skipped[0]['skip_reason']})"
        )
    return said or [f"{len(packages)} packages, none with a known vulnerability."], 1 if said else 0


def main() -> int:
    """Ask, and print the verdict."""
    asked = subprocess.run(COMMAND, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603
    try:
        report = json.loads(asked.stdout)
    except ValueError:
        last = (asked.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        sys.stderr.write(
            f"Nothing could be audited; can the advisory service be reached from here? ({last})\n"
        )
        return 1
    said, code = verdict(report)
    sys.stdout.write("\n".join(said) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
