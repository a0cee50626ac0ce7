"""The container of a function: our model server, asked by Lambda's events.

Run as ``python -m blocks.providers.aws.functions.serve``. The server listens on loopback; what
comes as an event goes to it as a request. Lambda asks one thing at a time of a container.
"""

from __future__ import annotations

import http.client
import logging
import os
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import boto3

from blocks.cloud.folders import bring
from blocks.cloud.shipping import Shipping
from blocks.contracts import Capture, VariantRequest
from blocks.providers.aws.functions.container import REQUEST, TOKEN
from blocks.providers.aws.functions.event import HttpAnswer, HttpRequest, from_event, to_answer
from blocks.providers.aws.functions.runtime_api import RuntimeApi
from blocks.providers.aws.s3 import Objects
from blocks.serving.config import ENDPOINT_TOKEN, INTERNAL_TOKEN, MIRRORED, ServerConfig
from blocks.serving.server import run
from blocks.workload.secrets import fetch

_HOST = "127.0.0.1"
_PASSED = ("content-type", "authorization", "x-request-id", MIRRORED)  # of a caller's headers
_TOLD = ("content-type", "x-bluewater-variant", "x-bluewater-version", "x-request-id")
_LOOK_EVERY = 0.01  # seconds, for the server's port


def main() -> None:
    """Answer events until the process is ended. What keeps it from starting is told to Lambda."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    runtime = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        request = VariantRequest.model_validate_json(os.environ[REQUEST])
        config = config_of(request, Path(tempfile.mkdtemp(prefix="bluewater-")))
        if request.serving.token_secret:
            os.environ[ENDPOINT_TOKEN] = fetch(boto3.client, request.serving.token_secret)
        bring(Objects(boto3.client("s3")), request.model.uri, config.model_folder)
        os.environ[INTERNAL_TOKEN] = os.environ[TOKEN]
        bridge = threading.Thread(target=answer_events, args=(runtime, config), daemon=True)
        bridge.start()
        run(config, grace=0)
    except Exception as error:  # noqa: BLE001 - whatever it is, Lambda shows it to who asks
        runtime.fail_to_start(error)
        sys.exit(str(error))


def config_of(request: VariantRequest, place: Path) -> ServerConfig:
    """Return what the server is told, with its files below ``place``."""
    return ServerConfig(
        endpoint=request.endpoint,
        variant=request.variant,
        replica=uuid.uuid4().hex[:8],
        model=request.model,
        model_folder=place / "model",
        state=place / "state",
        telemetry=place / "telemetry",
        mirror=place / "mirror.json",  # never there: Lambda makes no copies
        serving=request.serving,
        capture=Capture(sample=0),
        at_once=True,
    )


def answer_events(runtime: RuntimeApi, config: ServerConfig) -> None:
    """Once the server listens, ask Lambda for events, and the server for their answers.

    What was counted goes to the log first: after the answer, nothing runs here for a while.
    """
    while not (config.state / "port").exists():
        time.sleep(_LOOK_EVERY)
    port = int((config.state / "port").read_text())
    shipping = Shipping(config.telemetry, None, "")
    while True:
        event = runtime.next()
        try:
            content = to_answer(_asked(port, from_event(event.content)))
        except (ValueError, OSError, http.client.HTTPException) as error:
            shipping.print_ticks()
            runtime.fail(event, error)
        else:
            shipping.print_ticks()
            runtime.answer(event, content)


def _asked(port: int, request: HttpRequest) -> HttpAnswer:
    connection = http.client.HTTPConnection(_HOST, port)
    headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
    try:
        connection.request(request.method, request.path, body=request.body, headers=headers)
        answer = connection.getresponse()
        told = {name: value for name in _TOLD if (value := answer.headers.get(name))}
        return HttpAnswer(status=answer.status, headers=told, body=answer.read())
    finally:
        connection.close()


if __name__ == "__main__":
    main()
