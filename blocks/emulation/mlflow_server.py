"""MLflow's own server inside an emulated cloud that has one.

It is imported when somebody first asks, since that takes seconds.
"""

from __future__ import annotations

import importlib
import io
import os
import threading
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

_SETTINGS = "mlflow.server.constants"


class MlflowServer:
    """Keeps experiments, runs and models below a folder; one in a process."""

    def __init__(self, folder: Path, *, artifacts: str) -> None:
        self._folder, self._artifacts = folder, artifacts  # URI below which runs keep things
        self._making = threading.Lock()
        self._made: Any = None

    def answer(self, request: Request, path: str = "") -> Response:
        """Answer a request, which the cloud may have under another path."""
        content = request.get_data()
        environ = {
            **request.environ,
            "PATH_INFO": path or request.path,
            "wsgi.input": io.BytesIO(content),
            "CONTENT_LENGTH": str(len(content)),
        }
        answer: Response = Response.from_app(self._server(), environ)
        return answer

    def _server(self) -> Any:
        with self._making:
            if self._made is None:
                names = importlib.import_module(_SETTINGS)
                os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # a data base takes long to make
                os.environ[names.BACKEND_STORE_URI_ENV_VAR] = self._folder.as_uri()
                os.environ[names.ARTIFACT_ROOT_ENV_VAR] = self._artifacts
                self._made = importlib.import_module("mlflow.server").app
            return self._made
