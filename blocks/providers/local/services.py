"""The services of this machine, on loopback: pages with a password, a worker, a receiver.

The pages, Prefect's server and MLflow's, know one user; whoever can read the file
``services/login`` of the workspace (one line, ``user:password``) can log in. Prefect asks for the
whole line, MLflow for its two parts.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
from filelock import FileLock

from blocks.contracts import Frozen, Unavailable
from blocks.emulation.ports import next_port
from blocks.providers.local.processes import Identity, alive, leader, spawn, stop
from blocks.providers.local.programs import (
    HEALTH,
    NEED_PREFECT,
    RECEIVER_SECRET,
    USER,
    Programs,
)
from blocks.workload.durable import write_bytes
from blocks.workspace import default_workspace, folder_of, owner_of

START_WITHIN = 420.0  # seconds: a first start migrates a data base, on a busy machine slowly


class Service(Frozen):
    """A server on loopback that is a process of ours."""

    name: str
    url: str
    identity: Identity


class LocalServices:
    """Starts what is not running, and says where it is. Safe to call from many processes."""

    def __init__(self, workspace: Path | None = None) -> None:
        self._workspace = workspace or default_workspace()
        self._programs = Programs(self._workspace, self.login_file())

    def running(self) -> Mapping[str, Service]:
        """Return the services that run now, by name."""
        return {service.name: service for service in self._known()}

    def start(self, *names: str) -> Mapping[str, Service]:
        """Start these of ``HEALTH`` unless they run; do not wait for them.

        A worker and a receiver are started when the Prefect server answers, which they speak to.
        """
        folder = self._programs.folder
        with FileLock(folder / "lock"):
            running = self.running()
            for name in sorted(names, key=lambda name: name in NEED_PREFECT):
                if name not in running:
                    service = self._started(name)
                    noted = service.model_dump_json().encode()
                    write_bytes(folder / f"{name}.json", noted, sync=False)
            return self.running()

    def wait(self, name: str) -> Service:
        """Return a service once it answers. Raises Unavailable with the end of its log."""
        service = self.running()[name]
        end = time.monotonic() + START_WITHIN
        while time.monotonic() < end and alive(service.identity):
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{service.url}{HEALTH[name]}", timeout=5).is_success:
                    return service
            time.sleep(0.2)
        log = (self._programs.folder / f"{name}.log").read_text(errors="replace")
        raise Unavailable(f"{name} did not start; its log ends: {log[-500:]}", code="SERVICE")

    def login_file(self) -> Path:
        """Return the file that holds ``user:password``; whoever asks first makes it."""
        return self._secret("login", f"{USER}:{secrets.token_urlsafe(24)}")

    def receiver_file(self) -> Path:
        """Return the file that holds what a sender has to show the receiver."""
        return self._secret(RECEIVER_SECRET, secrets.token_urlsafe(24))

    def set_receiver_options(self, options: Sequence[str]) -> None:
        """Give the receiver these options at every start; one that runs with others is ended."""
        with FileLock(self._programs.folder / "lock"):
            self._programs.keep_receiver_options(options)
            running = self.running().get("receiver")
            if running is not None and self._leader("receiver") != running.identity:
                stop(running.identity)

    def receiver_options(self) -> Sequence[str]:
        """Return the options that the receiver is started with."""
        return self._programs.receiver_options()

    def prefect_settings(self) -> Mapping[str, str]:
        """Return what a process needs in its environment to speak to this Prefect server."""
        return {
            "PREFECT_API_URL": f"{self.wait('prefect').url}/api",
            "PREFECT_API_AUTH_STRING": self.login_file().read_text(),
        }

    def _secret(self, name: str, value: str) -> Path:
        file = folder_of(self._workspace, "services") / name
        if not file.exists():
            mine = file.with_name(f"{name}.{secrets.token_hex(8)}")
            with os.fdopen(os.open(mine, os.O_WRONLY | os.O_CREAT, 0o600), "w") as opened:
                opened.write(value)
            with contextlib.suppress(FileExistsError):
                os.link(mine, file)
            mine.unlink()
        return file

    def _known(self) -> Iterator[Service]:
        for file in sorted(self._programs.folder.glob("*.json")):
            service = Service.model_validate_json(file.read_text())
            if alive(service.identity):
                yield service

    def _started(self, name: str) -> Service:
        """Start a service; or find the one that somebody started who died before he noted it."""
        kept = self._port_file(name)
        if (found := self._leader(name)) is not None:
            return _service(name, int(kept.read_text()), found)
        port = _free_port(kept)
        identity = spawn(
            self._programs.command(name, port),
            owner=owner_of(self._workspace),
            resource=f"service/{name}",
            log=self._programs.folder / f"{name}.log",
            env=self._programs.environment(name, port, self._prefect(name)),
        )
        return _service(name, port, identity)

    def _leader(self, name: str) -> Identity | None:
        """Return the process that runs a service as it would be started now, on its last port."""
        kept = self._port_file(name)
        if not kept.exists():
            return None
        command = self._programs.command(name, int(kept.read_text()))
        return leader(owner_of(self._workspace), f"service/{name}", command)

    def _port_file(self, name: str) -> Path:
        return self._programs.folder / f"{name}.port"

    def _prefect(self, name: str) -> Mapping[str, str]:
        return self.prefect_settings() if name in NEED_PREFECT else {}


def _service(name: str, port: int, identity: Identity) -> Service:
    return Service(name=name, url=f"http://127.0.0.1:{port}", identity=identity)


def _free_port(kept: Path) -> int:
    """Return the port this service had before, if it is free, so that links stay valid.

    Another one is none that the system gives out by itself: somebody else would have it, and be
    told our password, before the service listens.
    """
    port = int(kept.read_text()) if kept.exists() else 0
    if not port or not _may_listen(port):
        port = next_port()
        write_bytes(kept, str(port).encode(), sync=False)
    return port


def _may_listen(port: int) -> bool:
    """Whether a port is free, connections aside that a server before has just left."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
