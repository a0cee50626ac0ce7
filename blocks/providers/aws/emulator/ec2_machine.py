"""What an instance does: it boots its user data as processes, and goes when it must."""

from __future__ import annotations

import base64
import contextlib
import logging
import math
import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from blocks.emulation.containers import Container
from blocks.providers.aws.emulator.ec2_instance import (
    BROKEN,
    BY_ITSELF,
    BY_USER,
    RECLAIMED,
    Instance,
    Reason,
)
from blocks.providers.aws.emulator.world import World
from blocks.threads import WAIT_PASSIVELY

log = logging.getLogger(__name__)

MARK = "BLUEWATER_EMULATED_INSTANCE"  # by which all processes of a machine are found
_LOOK_EVERY = 0.02  # of our own seconds
_KEPT = ("PATH", "LANG", "LC_ALL", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")

# The one program of the system that user data needs and must not reach: it asks for the end
# of this machine by a file.
_SHUTDOWN = """\
#!/bin/sh
for word; do when=$word; done
case "$when" in
  now) minutes=0 ;;
  +*) minutes=${when#+} ;;
  *) echo "shutdown: $when is no time" >&2; exit 2 ;;
esac
echo "$minutes" > "$BLUEWATER_ROOT/run/.shutdown.$$"
mv "$BLUEWATER_ROOT/run/.shutdown.$$" "$BLUEWATER_ROOT/run/shutdown"
"""


# Amazon's image has no such Python; what its user data would bring from elsewhere is there already.
_PYTHON = f"""\
#!/bin/sh
exec {shlex.quote(sys.executable)} "$@"
"""


class Machine:
    """Runs one instance, in the thread that calls."""

    def __init__(self, world: World, instance: Instance) -> None:
        self._world, self._instance = world, instance
        self._root = world.folder / "instances" / instance.id
        self._never = threading.Event()

    def to_its_end(self) -> None:
        """Go from pending to terminated."""
        instance, clock = self._instance, self._world.clock
        ready = clock.now() + self._world.settings.provisioning
        container, reason = None, BROKEN
        try:
            if not clock.wait(instance.terminate, until=ready, look_every=_LOOK_EVERY):
                container = self._boot()
                with self._world.lock:
                    instance.state = "running"
                reason = self._run()
            else:
                reason = BY_USER
            self._shut_down(container, reason)
        except Exception:
            log.exception("instance %s", instance.id)
        finally:
            self._gone(container, reason)

    def _boot(self) -> Container:
        """Start the user data, as cloud-init does, with nothing of ours around it."""
        root, instance = self._root, self._instance
        for name in ("run", "tmp", "root", "usr/bin", "usr/sbin", "var/lib"):
            (root / name).mkdir(parents=True)
        for name, text in {"sbin/shutdown": _SHUTDOWN, "bin/python3.11": _PYTHON}.items():
            (root / "usr" / name).write_text(text)
            (root / "usr" / name).chmod(0o755)
        data = root / "var/lib/user-data"
        data.write_bytes(base64.b64decode(instance.asked.get("UserData", "")))
        data.chmod(0o700)
        process = subprocess.Popen(
            [str(data)] if data.read_bytes().startswith(b"#!") else ["/bin/true"],
            cwd=root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        container = Container(
            f"instance/{instance.id}",
            root,
            process,
            instance.console.append,
            mark=f"{MARK}={instance.id}",
        )
        self._world.containers.keep(container)
        return container

    def _environment(self) -> dict[str, str]:
        root, kept = self._root, {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {
            **kept,
            "PATH": f"{root / 'usr/sbin'}:{root / 'usr/bin'}:{kept.get('PATH', os.defpath)}",
            "HOME": str(root / "root"),
            "TMPDIR": str(root / "tmp"),
            **WAIT_PASSIVELY,
            "BLUEWATER_ROOT": str(root),  # what stands for / on this machine
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{self._world.url}/_imds/{self._instance.id}/",
            "AWS_ENDPOINT_URL": self._world.url,
            MARK: self._instance.id,
        }

    def _run(self) -> Reason:
        """Wait until somebody or something ends the machine; return who."""
        instance, clock = self._instance, self._world.clock
        order, due = self._root / "run/shutdown", math.inf
        while not self._world.closing.is_set():
            if instance.break_down.is_set():
                return BROKEN
            if instance.notice is not None and clock.now() >= instance.notice:
                return RECLAIMED
            if instance.terminate.wait(_LOOK_EVERY):
                return BY_USER
            if (seconds := taken(order)) is not None:
                due = clock.now() + seconds
            if clock.now() >= due:
                return BY_ITSELF
        return BROKEN

    def _shut_down(self, container: Container | None, reason: Reason) -> None:
        """Let the system stop its programs, if it is still there to do so."""
        with self._world.lock:
            self._instance.state, self._instance.reason = "shutting-down", reason
        if container is None or reason in (RECLAIMED, BROKEN):
            return
        for each in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGTERM)
        clock = self._world.clock
        end = clock.now() + self._world.settings.grace
        while self._processes() and clock.now() < end and not self._world.closing.is_set():
            clock.wait(self._never, until=min(end, clock.now() + _LOOK_EVERY))

    def _gone(self, container: Container | None, reason: Reason) -> None:
        if container is not None:
            while left := self._processes():  # one may just be starting another
                for each in left:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()
            container.end()
        with self._world.lock:
            self._instance.state, self._instance.reason = "terminated", reason
            self._instance.ended = self._world.clock.now()

    def _processes(self) -> list[psutil.Process]:
        """Return all that runs on this machine, whatever session or parent it gave itself."""
        return [each for each in psutil.process_iter() if _mark(each.pid) == self._instance.id]


def taken(order: Path) -> float | None:
    """Return in how many seconds the machine is to end, once for each order that was left.

    It is moved away before it is read: an order that comes meanwhile is left for the next look.
    """
    mine = order.with_name("taken")
    try:
        order.rename(mine)
    except FileNotFoundError:
        return None
    return 60 * float(mine.read_text())


def _mark(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    start = f"{MARK}=".encode()
    return next((word[len(start) :].decode() for word in words if word.startswith(start)), "")
