"""Long-running changes: each goes on in a thread, and is told of under an address of its own."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from blocks.providers.azure.emulator.launch import LOCATION, SUBSCRIPTION
from blocks.providers.azure.emulator.operations import Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.world import World

log = logging.getLogger(__name__)

_LOOK_AGAIN = "500"  # milliseconds that callers are told to wait between two looks
_PROVIDER = "Microsoft.MachineLearningServices"
_PLACE = f"/subscriptions/{SUBSCRIPTION}/providers/{_PROVIDER}/locations/{LOCATION}"
STATUS, RESULT = f"{_PLACE}/mfeOperationsStatus", f"{_PLACE}/mfeOperationResults"


@dataclass(slots=True)
class Change:
    """One change of an endpoint or a deployment. Guarded by the world's lock."""

    id: str
    began: float
    status: str = "InProgress"
    error: AzureError | None = None


class Changes:
    """Begins changes, and tells how they go."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._changes: dict[str, Change] = world.changes

    def routes(self) -> Sequence[Route]:
        """Return what it answers; whoever could begin a change may ask how it goes."""
        return (
            Route(
                service="arm",
                method="GET",
                path=f"{STATUS}/{{change}}",
                operation="OperationsStatus.Get",
                handler=self._tell,
            ),
            Route(
                service="arm",
                method="GET",
                path=f"{RESULT}/{{change}}",
                operation="OperationResults.Get",
                handler=self._result,
            ),
        )

    def begin(self, work: Callable[[], None], done: Callable[[AzureError | None], None]) -> Change:
        """Do ``work`` in a thread, and ``done`` with what it raised, under the world's lock."""
        change = Change(f"od:{uuid.uuid4()}", self._world.clock.now())
        self._changes[change.id] = change

        def run() -> None:
            error = self._done(work)
            with self._world.lock:
                done(error)
                change.error, change.status = error, "Failed" if error else "Succeeded"

        threading.Thread(target=run, name=change.id, daemon=True).start()
        return change

    def address(self, change: Change) -> str:
        """Return where it is told how a change goes."""
        return f"{self._world.url}{STATUS}/{change.id}?api-version=2022-02-01-preview"

    def headers(self, change: Change) -> dict[str, str]:
        """Return what is told of a change when it has begun."""
        return {"Azure-AsyncOperation": self.address(change), "retry-after-ms": _LOOK_AGAIN}

    def leaving(self, change: Change) -> dict[str, str]:
        """Return what is told of a removal when it has begun."""
        result = f"{self._world.url}{RESULT}/{change.id}?api-version=2022-02-01-preview"
        return {**self.headers(change), "Location": result}

    def _done(self, work: Callable[[], None]) -> AzureError | None:
        try:
            work()
        except AzureError as error:
            return error
        except Exception:
            log.exception("a change")
            return AzureError("InternalServerError", "An internal server error occurred.", 500)
        return None

    def _tell(self, asked: Asked) -> Told:
        change = self._known(asked)
        told: Said = {
            "id": f"{STATUS}/{change.id}",
            "name": change.id,
            "status": change.status,
            "startTime": self._world.moment(change.began),
        }
        if change.error:
            told["error"] = {"code": change.error.code, "message": change.error.message}
        return Told(body=told, headers={"retry-after-ms": _LOOK_AGAIN})

    def _result(self, asked: Asked) -> Told:
        change = self._known(asked)
        if change.status != "InProgress":
            return Told()
        return Told(status=202, headers=self.leaving(change))

    def _known(self, asked: Asked) -> Change:
        change = self._changes.get(asked["change"])
        if change is None:
            raise AzureError("NotFound", f"no operation {asked['change']}", 404)
        return change
