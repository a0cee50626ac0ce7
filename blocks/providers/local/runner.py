"""The process beside a job: starts it, watches it, ends it when told, and writes down how it went.

Run as ``python -m blocks.providers.local.runner <job folder> <descriptor of its lock>``. If the
runner is killed the job goes on; its outcome file then decides how it ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from blocks.contracts import Phase
from blocks.providers.local import processes, working_copy
from blocks.providers.local.joblog import Stamper, last_lines
from blocks.providers.local.jobs import (
    Command,
    Ended,
    Job,
    JobFolder,
    Started,
    StopOrder,
    StopReason,
)
from blocks.providers.local.market import expected_rate, lifetime
from blocks.providers.local.meter import Meter
from blocks.providers.local.orphans import kill_all
from blocks.providers.local.paths import path_of
from blocks.providers.local.verdict import judge

_LOOK_EVERY = 0.05  # seconds
_METER_EVERY = 0.5


def run(folder: JobFolder, lock: int) -> None:
    """Run the job once. Who holds the lock and finds it not started may."""
    job = folder.read(Job)
    if job is None or folder.read(Started) is not None:
        return
    signal.signal(signal.SIGTERM, lambda *_: folder.order_stop(StopReason.RECLAIMED))
    folder.write(Started(runner=processes.identify(), at=datetime.now(UTC)))
    if order := folder.read(StopOrder):
        folder.write(judge(job, exit_status=None, order=order))
        return
    try:
        command = _start(job, folder, lock)
    except OSError as error:
        working_copy.drop(folder.source)
        folder.write(_no_command(error))
        return
    status = _Watch(job, folder, command).until_gone()
    kill_all(job, folder)
    working_copy.drop(folder.source)
    folder.write(
        judge(
            job,
            exit_status=status,
            order=folder.read(StopOrder),
            last_lines=last_lines(folder),
        )
    )


class _Watch:
    """One pair of eyes on one command."""

    def __init__(self, job: Job, folder: JobFolder, command: subprocess.Popen[bytes]) -> None:
        self._job, self._folder, self._command = job, folder, command
        self._began = time.monotonic()
        self._kill_at: float | None = None
        self._life = self._lifetime()
        self._meter, self._metered = Meter(command.pid), 0.0
        self._stamper = Stamper(folder)

    def until_gone(self) -> int:
        """Return the exit status."""
        while (status := self._command.poll()) is None:
            # A full disk must stop the notes, not the watch.
            with contextlib.suppress(OSError):
                self._note()
            self._obey()
            time.sleep(_LOOK_EVERY)
        with contextlib.suppress(OSError):
            self._stamper.look()
            self._folder.write(self._meter.close())
        return status

    def _note(self) -> None:
        self._stamper.look()
        if time.monotonic() - self._metered >= _METER_EVERY:
            self._metered = time.monotonic()
            self._folder.write(self._meter.sample())

    def _obey(self) -> None:
        """End the command when that is due: by order, by the market, by the clock."""
        now = time.monotonic()
        if self._kill_at is not None:
            if now >= self._kill_at:
                _signal_group(self._command.pid, signal.SIGKILL)
            return
        age = now - self._began
        if self._life is not None and age >= self._life:
            self._folder.order_stop(StopReason.RECLAIMED)
        elif age >= self._job.request.max_duration.total_seconds():
            self._folder.order_stop(StopReason.OVERDUE)
        order = self._folder.read(StopOrder)
        if order is not None:
            reclaimed = order.reason is StopReason.RECLAIMED
            self._kill_at = now + (self._job.market.notice if reclaimed else self._job.grace)
            # To the command alone, as a container runtime does: its workers stay for the last save.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._command.pid, signal.SIGTERM)

    def _lifetime(self) -> float | None:
        job = self._job
        if not job.request.spot:
            return None
        return lifetime(job.market, token=job.token, number=job.number, now=datetime.now(UTC))


def environment(job: Job, folder: JobFolder, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the command's environment: the machine's, without what is ours, and the job's own."""
    request = job.request
    machine = {
        name: value
        for name, value in environ.items()
        if name in {processes.OWNER, processes.RESOURCE, *request.secrets}
        or not name.startswith(("BLUEWATER_", "PREFECT_"))
    }
    rate = expected_rate(job.market) if request.spot else None
    return {
        **machine,
        "PYTHONUNBUFFERED": "1",
        **request.env,
        # the market of this machine knows what the request can only expect
        **({"BLUEWATER_INTERRUPTIONS_PER_HOUR": str(rate)} if rate else {}),
        "PYTHONPATH": _with_blocks(request.env.get("PYTHONPATH", environ.get("PYTHONPATH", ""))),
        "BLUEWATER_DATA": str(path_of(request.data_uri)),
        "BLUEWATER_CHECKPOINTS": str(path_of(request.checkpoint_uri)),
        "BLUEWATER_OUTPUT": str(path_of(request.output_uri)),
        "BLUEWATER_PARAMETERS": json.dumps(dict(request.parameters)),
        "BLUEWATER_PROGRESS": str(folder.progress),
        "BLUEWATER_SECRETS": ",".join(request.secrets),
        "BLUEWATER_TOKEN": job.token,
        **({"BLUEWATER_ZONE": request.zone} if request.zone else {}),
    }


def _start(job: Job, folder: JobFolder, lock: int) -> subprocess.Popen[bytes]:
    program, *arguments = job.request.command
    python = program in {"python", "python3"}
    source = path_of(job.request.source_uri)
    ours = (folder.path.parents[1], folder.path)  # the workspace may lie in the source
    copied = working_copy.copy(source, folder.source, without=ours)
    with folder.log.open("ab") as log:
        log.write(copied.told(source).encode())
        log.flush()
        command = subprocess.Popen(
            [sys.executable if python else program, *arguments],
            cwd=folder.source,
            env=environment(job, folder, os.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock,),
        )
    folder.write(Command(process=processes.identify(command.pid), at=datetime.now(UTC)))
    return command


def _with_blocks(path: str) -> str:
    """Return a PYTHONPATH on which this installation's ``blocks`` package is found."""
    home = str(Path(__file__).resolve().parents[3])
    parts = [part for part in path.split(os.pathsep) if part]
    return os.pathsep.join(parts if home in parts else [home, *parts])


def _no_command(error: OSError) -> Ended:
    message = f"the command did not start: {error}"
    return Ended(phase=Phase.FAILED, code="NO_COMMAND", message=message, at=datetime.now(UTC))


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


if __name__ == "__main__":
    run(JobFolder(Path(sys.argv[1])), int(sys.argv[2]))
