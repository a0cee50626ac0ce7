"""MLflow tracking of the workspace: MLflow's own server, in this process.

It is imported when somebody first asks, since that takes seconds. What runs keep as artifacts
lies in a volume, as experiments of Unity Catalog have it.
"""

from __future__ import annotations

import importlib
import io
import os
import threading
from collections.abc import Sequence
from typing import Any

from werkzeug.wrappers import Response

from blocks.providers.databricks.emulator.launch import CATALOG
from blocks.providers.databricks.emulator.operations import Asked, Route
from blocks.providers.databricks.emulator.world import World

ARTIFACTS = f"/Volumes/{CATALOG}/default/mlflow"
_PATH = r"/api/2\.0/mlflow/(?P<rest>(?!unity-catalog/).+)"
_VERBS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_SETTINGS = "mlflow.server.constants"


class Tracking:
    """Experiments, runs and logged models."""

    def __init__(self, world: World) -> None:
        self._world, self._making = world, threading.Lock()
        self._made: Any = None

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return [
            Route(
                verb=verb,
                path=_PATH,
                call=f"mlflow:{verb}",
                action="experiment CAN_MANAGE",
                handler=self._answer,
                locked=False,
            )
            for verb in _VERBS
        ]

    def _answer(self, asked: Asked) -> Response:
        content = asked.request.get_data()
        environ = {
            **asked.request.environ,
            "wsgi.input": io.BytesIO(content),
            "CONTENT_LENGTH": str(len(content)),
        }
        answer: Response = Response.from_app(self._server(), environ)
        return answer

    def _server(self) -> Any:
        with self._making:
            if self._made is None:
                names = importlib.import_module(_SETTINGS)
                self._world.place(ARTIFACTS).mkdir(parents=True, exist_ok=True)
                os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # a data base takes long to make
                os.environ[names.BACKEND_STORE_URI_ENV_VAR] = (
                    self._world.folder / "tracking"
                ).as_uri()
                os.environ[names.ARTIFACT_ROOT_ENV_VAR] = f"dbfs:{ARTIFACTS}"
                self._made = importlib.import_module("mlflow.server").app
            return self._made
