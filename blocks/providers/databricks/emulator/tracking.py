"""MLflow tracking of the workspace: MLflow's own server, in this process.

What runs keep as artifacts lies in a volume, as experiments of Unity Catalog have it.
"""

from __future__ import annotations

from collections.abc import Sequence

from werkzeug.wrappers import Response

from blocks.emulation.mlflow_server import MlflowServer
from blocks.providers.databricks.emulator.launch import CATALOG
from blocks.providers.databricks.emulator.operations import Asked, Route
from blocks.providers.databricks.emulator.world import World

ARTIFACTS = f"/Volumes/{CATALOG}/default/mlflow"
_PATH = r"/api/2\.0/mlflow/(?P<rest>(?!unity-catalog/).+)"
_VERBS = ("GET", "POST", "PATCH", "PUT", "DELETE")


class Tracking:
    """Experiments, runs and logged models."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._server = MlflowServer(world.folder / "tracking", artifacts=f"dbfs:{ARTIFACTS}")

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
        self._world.place(ARTIFACTS).mkdir(parents=True, exist_ok=True)
        return self._server.answer(asked.request)
