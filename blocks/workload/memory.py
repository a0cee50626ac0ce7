"""How much memory this program has taken."""

from __future__ import annotations

import re
import resource
from pathlib import Path


def peak_memory() -> int:
    """Return the peak of this program alone, in bytes.

    ru_maxrss of getrusage(2) begins with what the process was that forked this one, so on Linux
    the kernel's high-water mark is read, which execve(2) resets (proc_pid_status(5): VmHWM, in kB).
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        if found is not None:
            return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
