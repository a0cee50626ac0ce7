"""Which programs the services of this machine are, and what each needs to know."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from blocks.workload.durable import write_bytes
from blocks.workspace import HOME, folder_of

USER = "bluewater"
POOL = "bluewater"
RECEIVER_SECRET = "receiver-secret"  # noqa: S105  # the name of a file
_RECEIVER_OPTIONS = "receiver-options"
HEALTH = {
    "prefect": "/api/health",
    "mlflow": "/health",
    "worker": "/health",
    "receiver": "/health",
}
"""The services, and the path at which each says that it is well."""
NEED_PREFECT = ("worker", "receiver")


class Programs:
    """The command line and the environment of each service of a workspace."""

    def __init__(self, workspace: Path, login: Path) -> None:
        self._workspace, self._login = workspace, login
        self.folder = folder_of(workspace, "services")

    def command(self, name: str, port: int) -> list[str]:
        """Return the program that is the service."""
        python, on = [sys.executable, "-m"], ["--port", str(port)]
        if name == "prefect":
            return [*python, "prefect", "server", "start", "--host", "127.0.0.1", *on]
        if name == "worker":
            named = ["--pool", POOL, "--type", "process", "--name", "this-machine"]
            return [*python, "prefect", "worker", "start", *named, "--with-healthcheck"]
        if name == "receiver":
            secret = str(self.folder / RECEIVER_SECRET)
            options = self.receiver_options()
            return [*python, "deployments.receiver", *on, "--secret-file", secret, *options]
        return self._mlflow(port)

    def receiver_options(self) -> Sequence[str]:
        """Return the options of the receiver that were kept last."""
        kept = self.folder / _RECEIVER_OPTIONS
        return tuple(json.loads(kept.read_text())) if kept.exists() else ()

    def keep_receiver_options(self, options: Sequence[str]) -> None:
        """Keep them for every start of the receiver from now on."""
        write_bytes(self.folder / _RECEIVER_OPTIONS, json.dumps(list(options)).encode())

    def environment(self, name: str, port: int, prefect: Mapping[str, str]) -> Mapping[str, str]:
        """Return the environment of the service; ``prefect`` says how to reach its server."""
        home = {"PREFECT_HOME": str(folder_of(self._workspace, "prefect"))}
        if name == "prefect":
            return {
                **home,
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "PREFECT_API_URL": "",
                "PREFECT_SERVER_UI_API_URL": "/api",  # of whatever address the page is seen at
                "PREFECT_SERVER_API_AUTH_STRING": self._login.read_text(),
            }
        if name == "worker":
            return {
                **home,
                **prefect,
                HOME: str(self._workspace),
                "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
                "PREFECT_WORKER_WEBSERVER_PORT": str(port),
            }
        if name == "receiver":
            return prefect
        return {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_AUTH_CONFIG_PATH": str(self._mlflow_users()),
            "MLFLOW_AUTH_ADMIN_USERNAME": USER,
            "MLFLOW_AUTH_ADMIN_PASSWORD": self._login.read_text().partition(":")[2],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(24),
            # the receiver that its webhooks go to is on loopback, without TLS, as all of this is
            "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
            "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": self._webhook_key(),
        }

    def _mlflow(self, port: int) -> list[str]:
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

    def _webhook_key(self) -> str:
        """Return the Fernet key of the webhooks' secrets: the same for every start of MLflow."""
        content = f"webhooks {self._login.read_text()}".encode()
        return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()

    def _mlflow_users(self) -> Path:
        """Return MLflow's configuration of who may log in."""
        file = self.folder / "mlflow-users.ini"
        settings = {
            "default_permission": "READ",
            "database_uri": f"sqlite:///{self.folder / 'mlflow-users.db'}",
            "auth_cache_ttl_seconds": "60",  # else each picture of a page costs a slow hash
        }
        lines = [f"{name} = {value}" for name, value in settings.items()]
        file.write_text("\n".join(["[mlflow]", *lines, ""]))
        return file
