"""What do the processes of a system cost? CPU and memory, as the kernel tells it."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _TIMES = 1, slice(11, 15)  # of /proc/<pid>/stat, counted after the name


def cpu_seconds(roots: Iterable[int]) -> float:
    """Of these processes and all below them, those that have ended included."""
    stats = _stats()
    below = _family(roots, {pid: int(stat[_PARENT]) for pid, stat in stats.items()})
    return sum(sum(map(int, stats[pid][_TIMES])) for pid in below) / _TICKS


def resident_mb(pid: int) -> float:
    """Of one process, shared pages in full, in millions of bytes."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmRSS:") * 1024 / 1_000_000


def proportional_mb(pid: int) -> float:
    """Of one process, its share of shared pages (PSS), in millions of bytes."""
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") * 1024 / 1_000_000


def _kilobytes(file: Path, name: str) -> int:
    lines = file.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def _stats() -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found[int(entry.name)] = (entry / "stat").read_text().rpartition(")")[2].split()
    return found


def _family(roots: Iterable[int], parents: Mapping[int, int]) -> set[int]:
    below = {pid for pid in roots if pid in parents}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return below
