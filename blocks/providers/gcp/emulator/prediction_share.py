"""One replica of a batch prediction job, and the instances that are its share."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import httpx
from google.cloud.aiplatform_v1.types import Model

from blocks.emulation import loopback
from blocks.providers.gcp.emulator.model_server import Place, Replica, start_replica
from blocks.providers.gcp.emulator.prediction_rules import no_machine
from blocks.providers.gcp.emulator.refusals import GcpError
from blocks.providers.gcp.emulator.world import World

_LOOK_EVERY = 0.02  # of our own seconds
_TRIES = 3  # that a batch has


class Share:
    """Asks the replica batch by batch, in a thread of its own; a lost one is replaced."""

    def __init__(
        self,
        world: World,
        model: Model,
        place: Place,
        instances: Sequence[Any],
        *,
        batch: int,
        more: Mapping[str, Any],
    ) -> None:
        self._world, self._model, self._place = world, model, place
        self._instances, self._batch, self._more = instances, batch, more
        self.predicted: list[dict[str, Any]] = []
        self.errors: Counter[str] = Counter()  # messages, and how many instances had them
        self.broken: GcpError | None = None
        self._lost, self._over = threading.Event(), threading.Event()
        self._changing = threading.Lock()  # the replica
        self._http = loopback.client(timeout=None)  # no limit of theirs is documented
        self._health = loopback.client(timeout=loopback.HEALTH)
        self._replica: Replica | None = None
        self._capacity = True
        self._thread = threading.Thread(target=self._work, name=place.display_name, daemon=True)
        self._thread.start()

    def works(self) -> bool:
        """Whether it goes on still."""
        return self._thread.is_alive()

    def lose(self, *, capacity: bool) -> None:
        """Lose the machine; without capacity there is no other."""
        with self._changing:
            self._capacity = capacity
            self._lost.set()
            if self._replica is not None:
                self._replica.container.end()

    def end(self) -> None:
        """Give the machine back, whatever goes on there."""
        with self._changing:
            self._over.set()
            if self._replica is not None:
                self._replica.container.stop(self._world.clock, grace=self._world.settings.grace)
        self._thread.join()

    def _work(self) -> None:
        try:
            for start in range(0, len(self._instances), self._batch):
                self._predict(self._instances[start : start + self._batch])
        except GcpError as error:
            self.broken = error
        except OSError as error:
            self.broken = GcpError(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    def _predict(self, batch: Sequence[Any]) -> None:
        """Ask until somebody answers; an error is an answer once it came often enough."""
        refused = 0
        while not self._over.is_set():
            replica = self._ready()
            try:
                reply = self._http.post(replica.predict, json={"instances": batch, **self._more})
            except httpx.HTTPError:
                replica.container.end()  # what breaks off is over, or soon is
                continue
            refused += int(reply.status_code != httpx.codes.OK)
            if reply.status_code == httpx.codes.OK or refused == _TRIES:
                self._keep(batch, reply)
                return

    def _ready(self) -> Replica:
        """Return the replica once it is healthy; another one if it is over."""
        while True:
            replica = self._here()
            if replica.serves:
                return replica
            if self._over.wait(_LOOK_EVERY) or self._world.closing.is_set():
                raise GcpError(grpc.StatusCode.CANCELLED, "The job was cancelled.")
            replica.look(self._health)

    def _here(self) -> Replica:
        """Return the replica, started if there is none. Raises GcpError where it was given up."""
        with self._changing:
            if self._replica is not None and self._replica.ended:
                self._require_machine(self._replica)
                self._replica = None
            if self._replica is None:
                if not self._capacity or self._over.is_set():
                    raise no_machine(self._world.location)
                self._replica = start_replica(self._world, self._model, self._place)
            return self._replica

    def _require_machine(self, replica: Replica) -> None:
        """Raise GcpError where a replica that is over is not replaced."""
        if self._lost.is_set() or self._over.is_set():
            self._lost.clear()
            return  # whether there is another machine is seen to when it is asked for
        raise GcpError(
            grpc.StatusCode.FAILED_PRECONDITION,
            "Model server terminated: model server container terminated: exit_code: "
            f"{replica.container.poll()}. Please validate that your model file or container "
            "configuration are valid.",
        )

    def _keep(self, batch: Sequence[Any], reply: httpx.Response) -> None:
        try:
            predictions = reply.json()["predictions"] if reply.status_code == httpx.codes.OK else []
        except (ValueError, KeyError, TypeError):
            predictions = []
        if len(predictions) == len(batch):
            pairs = zip(batch, predictions, strict=True)
            self.predicted += [{"instance": one, "prediction": told} for one, told in pairs]
            return
        said = f"Exceeded retries: Non-OK result {reply.status_code} ({reply.text[:1000]})"
        message = f"Post request fails. Cannot get predictions. Error: {said}"
        self.errors[message] += len(batch)
