"""The first program of a run on Databricks: goes to the code, and carries what it prints away.

Run by the driver of a cluster as a Python task whose one parameter is the path of a plan, a file in
a volume: nothing of it passes through a shell, and no description of the run is as long as it. The
cluster itself has set the secrets. The code's folder is copied: a mounted volume is slow, takes
every scratch file for a file to keep, and cannot be appended to.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from blocks.workload.durable import write_bytes
from blocks.workload.environments import mounted
from blocks.workload.in_process import PYTHON, SPARK, run_python, told_to

PLAN, LOG, PROGRESS = "plan.json", "log", "progress.json"  # names in the folder of a run's notes
Tell = Callable[[str], None]  # a line
_FIRST, _GROWS, _LAST = 0.25, 1.2, 10.0  # seconds between two files of lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be run."""

    command: tuple[str, ...]
    source_uri: str
    log_uri: str
    env: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Return it as it lies in a volume."""
        return json.dumps(asdict(self)).encode()


def plan_of(content: bytes) -> Plan:
    """Return the plan that a file holds."""
    said = json.loads(content)
    return Plan(**{**said, "command": tuple(said["command"])})


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run the command of a plan, and end as it ends."""
    plan = plan_of(Path(mounted(arguments[0], environ)).read_bytes())
    home = Path(tempfile.mkdtemp(prefix="bluewater-")) / "source"
    shutil.copytree(mounted(plan.source_uri, environ), home)
    told = {**environ, **plan.env}
    lines, hidden = Lines(Path(mounted(plan.log_uri, environ))), hidden_words(plan.env, environ)
    out = sys.stdout

    def tell(text: str) -> None:
        for word in hidden:
            text = text.replace(word, "***")
        print(text, file=out, flush=True)
        lines.add(text)

    run = _in_this_process if told.get(SPARK) else _beside
    status = run(plan.command, home, told, tell)
    lines.close()
    if status:  # Databricks takes every other way to leave for a failure
        sys.exit(status if status > 0 else 128 - status)


def _beside(command: Sequence[str], home: Path, environ: Mapping[str, str], tell: Tell) -> int:
    program, *rest = command
    process = subprocess.Popen(
        [sys.executable if program in PYTHON else program, *rest],
        cwd=home,
        env={**environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None  # noqa: S101
    for line in process.stdout:
        tell(line.decode(errors="replace").rstrip("\n"))
    return process.wait()


def _in_this_process(
    command: Sequence[str], home: Path, environ: Mapping[str, str], tell: Tell
) -> int:
    os.chdir(home)
    with told_to(tell):
        return run_python(command[1:], environ)


def hidden_words(told: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    """Return what no line may show: values of secrets, each line of them by itself."""
    names = told.get("BLUEWATER_SECRETS", "").split(",")
    return [word for name in names for word in environ.get(name, "").splitlines() if word.strip()]


class Lines:
    """Carries lines to a folder, some to a file, from a thread of its own until it is closed.

    The files are numbered, and fewer and larger the longer it takes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[tuple[float, str]] = []
        self._files, self._last = 0, 0.0
        self._lock, self._closing = threading.Lock(), threading.Event()
        folder.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def add(self, line: str) -> None:
        """Take a line; no two are of one moment."""
        with self._lock:
            self._last = max(self._last + 1e-5, time.time())
            self._waiting.append((self._last, line))

    def close(self) -> None:
        """Carry what is left, and stop."""
        self._closing.set()
        self._thread.join()
        self._carry()

    def _run(self) -> None:
        while not self._closing.wait(min(_LAST, _FIRST * _GROWS**self._files)):
            self._carry()

    def _carry(self) -> None:
        with self._lock:
            lines, self._waiting = self._waiting, []
        if lines:
            content = "".join(f"{json.dumps(each)}\n" for each in lines)
            write_bytes(self._folder / f"{self._files:06d}.jsonl", content.encode(), sync=False)
            self._files += 1


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
