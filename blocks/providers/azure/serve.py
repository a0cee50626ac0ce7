"""The container of an endpoint: our model server, which brings the model itself if Azure does not.

Azure asks our routes, which are named in the environment of the deployment. Run as
``python -m blocks.providers.azure.serve``.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType

from azure.core.exceptions import AzureError
from pydantic import ValidationError

from blocks.cloud.documents import Documents
from blocks.cloud.folders import bring
from blocks.cloud.serving import CAPTURE_EVERY, Settings, config_of, serve
from blocks.cloud.tick_files import TickWriter
from blocks.contracts import ProviderError
from blocks.providers.azure.collecting import CollectingObjects
from blocks.providers.azure.inside import (
    COLLECTED,
    MODEL_DIR,
    STORAGE,
    TICKS,
    TICKS_EVERY,
    WANTED,
    Storage,
)
from blocks.providers.azure.objects import Objects
from blocks.providers.azure.wanted import LEARNT_EVERY, WantedEndpoint, wishes
from blocks.serving.app import App
from blocks.serving.config import MIRRORED
from blocks.serving.exchange import Receive, Scope, Send
from blocks.serving.model import NotServed

HOST, PORT = "BLUEWATER_BIND_HOST", "BLUEWATER_BIND_PORT"  # where a container has no own network
_MODEL = "MLmodel"  # the file that makes a folder a model
GRACE = 1.0  # seconds between not ready and the last connection

log = logging.getLogger(__name__)


def main() -> None:
    """Serve until SIGTERM. Ends with status 1 and the reason as the last line if it cannot."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("azure").setLevel(logging.WARNING)
    place = Path(tempfile.mkdtemp(prefix="bluewater-"))
    try:
        settings = Settings.from_environment(os.environ)
        brought = _brought()
        config = config_of(
            settings,
            place,
            model=brought or place / "model",
            host=os.environ.get(HOST, "0.0.0.0"),  # noqa: S104 - a container's own network
            port=int(os.environ.get(PORT, "8080")),
            capture_every=float(os.environ.get(CAPTURE_EVERY, "30")),
        )
        objects = _objects(settings)
        if brought is None:
            bring(objects, settings.model.uri, config.model_folder)
        folder, every = f"{os.environ[TICKS]}/{settings.endpoint}", os.environ[TICKS_EVERY]
        ticks = TickWriter(objects, folder, config.replica, every=float(every))
        with Copies(wishes(objects, os.environ[WANTED]), settings) as copies:
            serve(
                settings,
                config,
                objects,
                grace=GRACE,
                adapt=lambda app: Gateway(app, settings, copies),
                out=ticks,
            )
        ticks.close()
    except (NotServed, ValidationError, AzureError, ProviderError) as error:
        sys.exit(str(error))


def _brought() -> Path | None:
    """Return the model that Azure brought, from a registry; None where it brings none."""
    if not (said := os.environ.get(MODEL_DIR)):
        return None
    home = Path(said)
    return next((each.parent for each in (*home.glob(_MODEL), *home.glob(f"*/{_MODEL}"))), None)


def _objects(settings: Settings) -> Objects:
    """Return the bucket, which takes what Azure's own monitors read where they are to be used."""
    storage, collected = Storage(os.environ[STORAGE]), os.environ.get(COLLECTED)
    if not collected:
        return Objects(storage)
    source = f"{settings.endpoint}/{settings.variant}"
    return CollectingObjects(storage, f"{collected}/{settings.endpoint}", source)


class Copies:
    """Knows whether all that comes are copies: it is written down where everybody can read it."""

    def __init__(self, wanted: Documents[WantedEndpoint], settings: Settings) -> None:
        self._wanted, self._settings = wanted, settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True)
        self.only = False

    def __enter__(self) -> Copies:
        """Look once, and again and again after that."""
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _repeat(self) -> None:
        while not self._stop.wait(LEARNT_EVERY):
            self._look()

    def _look(self) -> None:
        try:
            wanted = self._wanted.read(self._settings.endpoint)
        except (AzureError, ProviderError) as error:
            log.warning("who gets copies is not known anew: %s", error)
            return
        self.only = wanted is not None and wanted.copied == self._settings.variant


class Gateway:
    """Marks copies as such: Azure does not."""

    def __init__(self, app: App, settings: Settings, copies: Copies) -> None:
        self._app, self._copies = app, copies
        self._mark = (MIRRORED.encode(), settings.internal.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and self._copies.only:
            kept = [each for each in scope["headers"] if each[0] != self._mark[0]]
            scope = {**scope, "headers": [*kept, self._mark]}
        await self._app(scope, receive, send)


if __name__ == "__main__":
    main()
