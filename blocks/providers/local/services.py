"""The pages of this machine: a Prefect server and MLflow's interface, on loopback, with a password.

Both know one user; whoever can read the file ``services/login`` of the workspace (one line,
``user:password``) can log in. Prefect asks for the whole line, MLflow for its two parts.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
from filelock import FileLock

from blocks.contracts import Frozen, Unavailable
from blocks.providers.local.processes import Identity, alive, spawn
from blocks.workspace import default_workspace, folder_of, owner_of

USER = "bluewater"
START_WITHIN = 180.0  # seconds: a first start migrates a data base, on a busy machine slowly


class Service(Frozen):
    """A page that is served by a process of ours."""

    name: str
    url: str
    identity: Identity


class LocalServices:
    """Starts what is not running, and says where it is. Safe to call from many processes."""

    def __init__(self, workspace: Path | None = None) -> None:
        self._workspace = workspace or default_workspace()

    def running(self) -> Mapping[str, Service]:
        """Return the services that run now, by name."""
        return {service.name: service for service in self._known()}

    def start(self, *names: str) -> Mapping[str, Service]:
        """Start these services (``prefect``, ``mlflow``) unless they run; do not wait for them."""
        folder = folder_of(self._workspace, "services")
        with FileLock(folder / "lock"):
            running = self.running()
            for name in names:
                if name not in running:
                    service = self._spawn(name, folder)
                    (folder / f"{name}.json").write_text(service.model_dump_json())
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
        log = (folder_of(self._workspace, "services") / f"{name}.log").read_text(errors="replace")
        raise Unavailable(f"{name} did not start; its log ends: {log[-500:]}", code="SERVICE")

    def login_file(self) -> Path:
        """Return the file that holds ``user:password``; whoever asks first makes it."""
        file = folder_of(self._workspace, "services") / "login"
        if not file.exists():
            mine = file.with_name(f"login.{secrets.token_hex(8)}")
            with os.fdopen(os.open(mine, os.O_WRONLY | os.O_CREAT, 0o600), "w") as opened:
                opened.write(f"{USER}:{secrets.token_urlsafe(24)}")
            with contextlib.suppress(FileExistsError):
                os.link(mine, file)
            mine.unlink()
        return file

    def prefect_settings(self) -> Mapping[str, str]:
        """Return what a process needs in its environment to speak to this Prefect server."""
        return {
            "PREFECT_API_URL": f"{self.wait('prefect').url}/api",
            "PREFECT_API_AUTH_STRING": self.login_file().read_text(),
        }

    def _known(self) -> Iterator[Service]:
        for file in sorted(folder_of(self._workspace, "services").glob("*.json")):
            service = Service.model_validate_json(file.read_text())
            if alive(service.identity):
                yield service

    def _spawn(self, name: str, folder: Path) -> Service:
        port = _free_port(folder / f"{name}.port")
        identity = spawn(
            self._command(name, port),
            owner=owner_of(self._workspace),
            resource=f"service/{name}",
            log=folder / f"{name}.log",
            env=self._environment(name),
        )
        return Service(name=name, url=f"http://127.0.0.1:{port}", identity=identity)

    def _command(self, name: str, port: int) -> list[str]:
        if name == "prefect":
            return [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
        database = folder_of(self._workspace, "mlflow") / "mlflow.db"
        artifacts = folder_of(self._workspace, "mlflow", "artifacts")
        return [
            # two that make MLflow's tables at once break them: the server comes when they are there
            *(sys.executable, "-m", "blocks.registries.mlflow_database", str(database)),
            *(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
            *("--app-name", "basic-auth"),
            *("--backend-store-uri", f"sqlite:///{database}"),
            *("--default-artifact-root", artifacts.as_uri()),
        ]

    def _environment(self, name: str) -> dict[str, str]:
        if name == "prefect":
            return {
                "PREFECT_HOME": str(folder_of(self._workspace, "prefect")),
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "PREFECT_API_URL": "",
                "PREFECT_SERVER_UI_API_URL": "/api",  # of whatever address the page is seen at
                "PREFECT_SERVER_API_AUTH_STRING": self.login_file().read_text(),
            }
        return {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_AUTH_CONFIG_PATH": str(self._mlflow_users()),
            "MLFLOW_AUTH_ADMIN_USERNAME": USER,
            "MLFLOW_AUTH_ADMIN_PASSWORD": self.login_file().read_text().partition(":")[2],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(24),
        }

    def _mlflow_users(self) -> Path:
        """Return MLflow's configuration of who may log in."""
        folder = folder_of(self._workspace, "services")
        file = folder / "mlflow-users.ini"
        settings = {
            "default_permission": "READ",
            "database_uri": f"sqlite:///{folder / 'mlflow-users.db'}",
            "auth_cache_ttl_seconds": "60",  # else each picture of a page costs a slow hash
        }
        lines = [f"{name} = {value}" for name, value in settings.items()]
        file.write_text("\n".join(["[mlflow]", *lines, ""]))
        return file


HEALTH = {"prefect": "/api/health", "mlflow": "/health"}


def _free_port(kept: Path) -> int:
    """Return the port this service had before, if it is free, so that links stay valid."""
    wanted = int(kept.read_text()) if kept.exists() else 0
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                kept.write_text(str(probe.getsockname()[1]))
                return int(probe.getsockname()[1])
    raise Unavailable("no port is free on this machine", code="PORT")
