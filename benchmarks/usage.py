"""What processes use of the machine, as Linux counts it."""

from __future__ import annotations

import os
from pathlib import Path

from chaos.processes import children

_TICK = 1.0 / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process, its children and theirs."""
    return [pid, *(one for child in children(pid) for one in family(child))]


def cpu(pids: list[int]) -> float:
    """Seconds of processor these processes have used in all their threads, and children that have ended."""
    used = 0.0
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()
        used += sum(int(field) for field in fields[11:15]) * _TICK
    return used


def memory(pids: list[int]) -> float:
    """Megabytes these processes hold, shared pages split among those who share them."""
    held = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        held += int(text.partition("\nPss:")[2].split()[0])
    return held / 1024


def busy_elsewhere(before: tuple[float, float], ours: float) -> float:
    """The share of the machine somebody else used since ``before`` (:func:`machine`), ``ours`` seconds being ours."""
    total, idle = (now - then for now, then in zip(machine(), before, strict=True))
    return max(0.0, (total - idle - ours) / total) if total else 0.0


def machine() -> tuple[float, float]:
    """Seconds of processor the machine has had, and those of them it was idle."""
    fields = [
        int(field) for field in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    ]
    return sum(fields) * _TICK, (fields[3] + fields[4]) * _TICK
