"""What one process, and all that it starts, takes: CPU seconds and memory.

Imported by contenders in environments of their own, so it knows the standard library only.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

PAGE = resource.getpagesize()
STEP = 0.05  # seconds between two looks at memory


def tell(answer: Callable[[], object]) -> None:
    """Answer once; print the CPU seconds of it, imports left out, with those of its children."""
    idle, began, wall = peak(), _seconds(), time.perf_counter()
    found = answer()
    told = {"cpu": _seconds() - began, "wall": time.perf_counter() - wall}
    rest = {"own": peak(), "idle": idle, "answer": found}
    sys.stdout.write(json.dumps({**told, **rest}, default=str) + "\n")


def measured(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> dict[str, float | str]:
    """Run a contender; return what it told and the largest memory of its processes together."""
    with (
        tempfile.TemporaryFile("w+") as told,
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(argv, cwd=folder, env=environment, stdout=told, stderr=said) as process,
    ):
        largest = 0.0
        while process.poll() is None:
            largest = max(largest, _resident(process.pid))
            time.sleep(STEP)
        lines, complaints = (_lines(each) for each in (told, said))
    if process.returncode:
        return {"failed": (complaints or [f"exit {process.returncode}"])[-1][:200]}
    found: dict[str, float | str] = json.loads(lines[-1])
    return {**found, "peak": max(largest, float(found["own"]))}


def peak() -> float:
    """Return the largest memory of this process so far, in MB.

    From /proc: what getrusage says begins with the memory of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _lines(file: IO[str]) -> list[str]:
    file.seek(0)
    return file.read().splitlines()


def _seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _resident(pid: int) -> float:
    """Return the memory of a process and of its descendants, in MB; gone ones take none."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        started = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0.0
    return pages * PAGE / 2**20 + sum(_resident(int(each)) for each in started)
