"""InvokeEndpointAsync: requests wait in S3, a few at a time are answered, answers go to S3."""

from __future__ import annotations

import re
import threading
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request, Response

from blocks.providers.aws.container import ATTRIBUTES
from blocks.providers.aws.emulator import rest, shapes
from blocks.providers.aws.emulator.endpoints import Endpoints
from blocks.providers.aws.emulator.fleets import Fleet
from blocks.providers.aws.emulator.queued import Queued, at_once, tell
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.runtime import Runtime
from blocks.providers.aws.emulator.runtime_rules import said_to_runtime
from blocks.providers.aws.emulator.world import World

PATH = re.compile(r"/endpoints/(?P<EndpointName>[^/]+)/async-invocations")
PATIENCE, KEPT = 900.0, 21600.0  # seconds for an answer, and in the queue, where nobody says
_NOT_EMULATED = ("Body", "S3OutputPathExtension", "Filename")
_LOOK_EVERY = 0.02  # of our own seconds


@dataclass(slots=True, kw_only=True)
class _Line:
    """What waits at one endpoint. Guarded by the world's lock."""

    waiting: deque[Queued] = field(default_factory=deque)
    flying: int = 0


class Queues:
    """The queues of all asynchronous endpoints; each has a thread from its first request on."""

    def __init__(self, world: World, endpoints: Endpoints, runtime: Runtime) -> None:
        self._world, self._endpoints, self._runtime = world, endpoints, runtime
        self._lines: dict[str, _Line] = {}

    def invoke(self, request: Request, match: re.Match[str]) -> Response:
        """Put a request into a queue, and say where its answer will be."""
        if "Authorization" not in request.headers:
            raise AwsError("MissingAuthenticationToken", "Missing Authentication Token", 403)
        model = shapes.service("sagemaker-runtime").operation_model("InvokeEndpointAsync")
        said = said_to_runtime(model.name, request, match["EndpointName"])
        queued = self._queued(said)
        with self._world.lock:
            line = self._lines.get(queued.endpoint)
            if line is None:
                line = self._lines[queued.endpoint] = _Line()
                args = (queued.endpoint, line)
                threading.Thread(target=self._serve, args=args, daemon=True).start()
            line.waiting.append(queued)
        told = {
            "InferenceId": queued.id,
            "OutputLocation": queued.answer,
            "FailureLocation": queued.failure,
        }
        return rest.told(model, {name: text for name, text in told.items() if text})

    def backlog(self, name: str) -> int:
        """Return how many requests of an endpoint wait, or are worked on."""
        line = self._lines.get(name)
        return len(line.waiting) + line.flying if line else 0

    def _queued(self, said: Mapping[str, Any]) -> Queued:
        name = said["EndpointName"]
        if given := [each for each in _NOT_EMULATED if each in said]:
            raise AwsError("UnknownOperationException", f"not emulated: {given[0]}", 501)
        config = self._endpoints.queue_of(name)
        if config is None:
            told = f"Endpoint {name} does not support asynchronous inference."
            raise AwsError("ValidationError", told)
        if not said.get("InputLocation", "").startswith("s3://"):
            raise AwsError("ValidationError", "InputLocation must be an S3 URI")
        output, number = config["OutputConfig"], str(uuid.uuid4())
        now = self._world.clock.now()
        headers = {
            "content-type": said.get("ContentType"),
            "accept": said.get("Accept"),
            ATTRIBUTES: said.get("CustomAttributes"),
        }
        failures = output.get("S3FailurePath", "").rstrip("/")
        return Queued(
            id=said.get("InferenceId", number),
            endpoint=name,
            source=said["InputLocation"],
            answer=f"{output['S3OutputPath'].rstrip('/')}/{number}.out",
            failure=f"{failures}/{number}-error.out" if failures else "",
            headers={key: text for key, text in headers.items() if text},
            came=now,
            expires=now + said.get("RequestTTLSeconds", KEPT),
            limit=said.get("InvocationTimeoutSeconds", PATIENCE),
            topics=output.get("NotificationConfig", {}),
        )

    def _serve(self, name: str, line: _Line) -> None:
        """Hand out requests while the endpoint is there; what still waits then is lost."""
        while not self._world.closing.wait(_LOOK_EVERY):
            with self._world.lock:
                if not self._endpoints.is_there(name):
                    self._lines.pop(name)
                    return
                taken = self._taken(name, line)
            for asked, fleet in taken:
                args = (line, asked, fleet)
                threading.Thread(target=self._answer, args=args, daemon=True).start()

    def _taken(self, name: str, line: _Line) -> list[tuple[Queued, Fleet | None]]:
        """Take what may be worked on now, and what has waited too long."""
        now, found = self._world.clock.now(), list[tuple[Queued, Fleet | None]]()
        endpoint, config = self._endpoints.find(name), self._endpoints.queue_of(name)
        fleets = endpoint.live() if endpoint else []
        room = sum(len(each.serving()) for each in fleets) * at_once(config or {}) - line.flying
        for asked in [each for each in line.waiting if each.expires <= now]:
            line.waiting.remove(asked)
            found.append((asked, None))
        while line.waiting and len(found) < room:
            found.append((line.waiting.popleft(), fleets[0]))
        line.flying += len(found)
        return found

    def _answer(self, line: _Line, asked: Queued, fleet: Fleet | None) -> None:
        try:
            content = self._answered(asked, fleet)
            self._world.objects.write(asked.answer, content)
            tell(self._world, asked)
        except AwsError as error:
            if asked.failure:
                self._world.objects.write(asked.failure, error.message.encode())
            tell(self._world, asked, why=error.message)
        finally:
            with self._world.lock:
                line.flying -= 1

    def _answered(self, asked: Queued, fleet: Fleet | None) -> bytes:
        if fleet is None:
            raise AwsError("ClientError", "The request expired before it was processed")
        content = self._world.objects.read(asked.source)
        if content is None:
            raise AwsError("ClientError", f"Could not read the input at {asked.source}")
        headers = dict(asked.headers)
        return self._runtime.answered(fleet, content, headers, limit=asked.limit).get_data()
