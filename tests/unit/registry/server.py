"""An MLflow server that a test can stop and start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from blocks.testing.waiting import until

ROOT = Path(__file__).parents[3]


@dataclass(slots=True)
class Server:
    """An MLflow server that keeps artifacts itself, as most do, or lets clients write to a root."""

    folder: Path
    port: int
    root: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.launch()
        until(self._answers, within=900)  # a first start on a busy machine makes its tables slowly

    def launch(self) -> None:
        """Start it; it answers some seconds later."""
        command = [
            *(sys.executable, "-m", "blocks.registries.mlflow_database", f"{self.folder}/m.db"),
            *(sys.executable, "-m", "mlflow", "server", "--port", str(self.port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{self.folder}/m.db"),
            *self._artifacts(),
        ]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _artifacts(self) -> tuple[str, ...]:
        if self.root:
            return "--default-artifact-root", self.root, "--no-serve-artifacts"
        return "--artifacts-destination", str(self.folder / "artifacts")

    def _answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health").is_success
        return False
