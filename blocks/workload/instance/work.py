"""One training job on one machine, from empty folders to its last word."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from blocks.workload.instance.bucket import Bucket, Synced
from blocks.workload.instance.metadata import Metadata
from blocks.workload.instance.plan import BEAT, ORDER, Ended, Plan, Reason
from blocks.workload.instance.shipping import Shipper
from blocks.workload.outcome import outcome_name
from blocks.workload.secrets import fetch

_ECHO = 1.0  # seconds until a signal that was sent to all has reached us, too

Client = Callable[[str], Any]


class Work:
    """Runs the command of a plan in folders below ``home``."""

    def __init__(self, plan: Plan, record: str, home: Path, client: Client) -> None:
        self._plan, self._record, self._home, self._client = plan, record, home, client
        self._bucket = Bucket(client("s3"), kms_key=plan.kms_key)
        self._metadata = Metadata()
        self._shipper = Shipper(client("logs"), plan.log_group, plan.log_stream)
        self._checkpoints = Synced(self._bucket, home / "checkpoints", plan.checkpoint_uri)
        self._told_to_stop = threading.Event()
        self._hidden: tuple[str, ...] = ()
        signal.signal(signal.SIGTERM, self._stop)

    def to_its_end(self) -> Ended:
        """Prepare, run, carry everything away; return how it ended."""
        try:
            process = self._started()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be told
            return self._ended(Reason.UNPREPARED, None, f"{type(error).__name__}: {error}")
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        reason = self._watched(process)
        status = process.wait()
        reader.join(timeout=5)  # a child that lives on may hold the pipe
        self._checkpoints.now()
        self._bucket.upload(
            self._home / "output", self._plan.output_uri, last=outcome_name(self._plan.token)
        )
        return self._ended(reason, status, self._masked(self._shipper.tail()))

    def _started(self) -> subprocess.Popen[bytes]:
        """Bring everything here and start the command."""
        plan, home = self._plan, self._home
        for name in ("code", "data", "output"):
            (home / name).mkdir(parents=True, exist_ok=True)
        values = {variable: fetch(self._client, name) for variable, name in plan.secrets.items()}
        self._hidden = tuple(value for value in values.values() if value)
        self._bucket.download(plan.source_uri, home / "code")
        if plan.data_is_object:
            self._bucket.fetch(plan.data_uri, home / "data" / plan.data_uri.rpartition("/")[2])
        else:
            self._bucket.download(plan.data_uri, home / "data")
        self._checkpoints.restore()
        program, *arguments = plan.command
        program = sys.executable if program in ("python", "python3") else program
        return subprocess.Popen(
            [program, *arguments],
            cwd=home / "code",
            env={**os.environ, **plan.env, **self._told(), **values},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def _told(self) -> Mapping[str, str]:
        """Return the variables by which the workload kit finds its way."""
        plan, home = self._plan, self._home
        data = home / "data"
        return {
            "PYTHONUNBUFFERED": "1",
            "BLUEWATER_TOKEN": plan.token,
            "BLUEWATER_PARAMETERS": json.dumps(dict(plan.parameters)),
            "BLUEWATER_DATA": str(
                data / plan.data_uri.rpartition("/")[2] if plan.data_is_object else data
            ),
            "BLUEWATER_CHECKPOINTS": str(home / "checkpoints"),
            "BLUEWATER_OUTPUT": str(home / "output"),
            "BLUEWATER_OUTPUT_URI": plan.output_uri,
            "BLUEWATER_PROGRESS": str(home / "progress.json"),
            "BLUEWATER_SECRETS": ",".join(plan.secrets),
            "BLUEWATER_ZONE": self._metadata.get("placement/availability-zone") or "",
        }

    def _watched(self, process: subprocess.Popen[bytes]) -> Reason:
        """Wait for the end of the command, and bring it about where it must be."""
        plan, began = self._plan, time.monotonic()
        next_sync, ends, reason = began, began + plan.max_seconds, Reason.EXITED
        while True:
            pause = (
                plan.look_every
                if reason is not Reason.EXITED
                else min(plan.look_every, max(0.0, ends - time.monotonic()))
            )
            if _over(process, pause):
                return self._why(process, reason)
            now = time.monotonic()
            if reason is Reason.EXITED and (found := self._must_end(ends)) is not None:
                reason, ends = found, now + plan.grace
                process.send_signal(signal.SIGTERM)
            elif reason not in (Reason.EXITED, Reason.NOTICE) and now >= ends:
                process.kill()
            if now >= next_sync:
                self._sign_of_life()
                next_sync = now + plan.sync_every

    def _why(self, process: subprocess.Popen[bytes], reason: Reason) -> Reason:
        """Return why a command is over: a system that goes down tells it and us at once."""
        if reason is Reason.EXITED and process.returncode == -signal.SIGTERM:
            self._told_to_stop.wait(_ECHO)
        told = reason is Reason.EXITED and self._told_to_stop.is_set()
        return Reason.STOPPED if told else reason

    def _must_end(self, ends: float) -> Reason | None:
        if self._told_to_stop.is_set():
            return Reason.STOPPED
        if time.monotonic() >= ends:
            return Reason.MAX_DURATION
        return Reason.NOTICE if self._metadata.noticed() else None

    def _sign_of_life(self) -> None:
        """Carry checkpoints away and tell how far it is; a bad moment of S3 stops no job."""
        try:
            self._checkpoints.now()
            self._bucket.write(
                f"{self._record}/{BEAT}", {"at": time.time(), "progress": self._progress()}
            )
            if self._bucket.read(f"{self._record}/{ORDER}") is not None:
                self._told_to_stop.set()
        except Exception as error:  # noqa: BLE001
            print(f"S3 was not reached: {error}", file=sys.stderr)

    def _ended(self, reason: Reason, status: int | None, message: str) -> Ended:
        self._shipper.close()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Ended(
            reason=reason,
            at=time.time(),
            exit_status=status,
            message=message,
            progress=self._progress(),
            cpu_seconds=used.ru_utime + used.ru_stime,
            peak_memory_bytes=used.ru_maxrss * 1024,
        )

    def _progress(self) -> float | None:
        """Return the share done; the file belongs to the training code and may hold anything."""
        try:
            told = json.loads((self._home / "progress.json").read_text())
            return min(1.0, max(0.0, float(told["done"]) / float(told["of"])))
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
            return None

    def _masked(self, text: str) -> str:
        for value in self._hidden:
            text = text.replace(value, "***")
        return text

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is not None:
            for line in process.stdout:
                self._shipper.add(line.decode(errors="replace").rstrip("\n"))

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._told_to_stop.set()


def _over(process: subprocess.Popen[bytes], within: float) -> bool:
    """Whether the command is over, at the latest after so many seconds."""
    try:
        process.wait(timeout=within)
    except subprocess.TimeoutExpired:
        return False
    return True
