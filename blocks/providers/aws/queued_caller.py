"""Asks an asynchronous endpoint: the request goes by S3, and so does the answer."""

from __future__ import annotations

import json
import math
import re
import time
import uuid
from datetime import timedelta
from typing import Any

from blocks.contracts import Frozen, Prediction
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.answers import decoded
from blocks.providers.aws.asynchronous import PATIENCE, folder_of
from blocks.providers.aws.container import Attributes
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.s3 import Objects

LOOK_EVERY = 0.1  # seconds, at first; twice as long each time
LOOK_AT_MOST = 2.0
_SHORTEST, _LONGEST = 60, 21600  # seconds that a request may wait, by the service's own model
LONGEST_WAIT = timedelta(seconds=_LONGEST)
_STATUS = re.compile(r"Received \w+ error \((\d{3})\)")  # how SageMaker words a container's refusal


class Asked(Frozen):
    """A request that waits for its answer. Plain JSON: whoever has it can look."""

    variant: str  # who will answer
    request_uri: str
    answer_uri: str
    failure_uri: str
    at: float  # seconds since the epoch


class QueuedCaller:
    """Puts requests into queues, and looks for their answers."""

    def __init__(self, account: AwsAccount) -> None:
        self._account = account
        self._runtime = account.client("sagemaker-runtime")
        self._objects = Objects(account.client("s3", attempts=READS))

    def begin(
        self,
        endpoint: str,
        payload: Any,
        *,
        variant: str,
        attributes: Attributes,
        limit: timedelta,
        patience: timedelta,
    ) -> Asked:
        """Put a request into the queue.

        ``limit`` is what the container has for its answer, ``patience`` how long the request may
        wait until a container takes it.
        """
        name, seconds = self._account.named(endpoint), math.ceil(limit.total_seconds())
        waits = math.ceil(patience.total_seconds())
        where = f"{folder_of(self._account.root, name)}/requests/{uuid.uuid4()}.json"
        self._objects.write(where, json.dumps(payload).encode())
        reply = self._runtime.invoke_endpoint_async(
            EndpointName=name,
            InputLocation=where,
            ContentType="application/json",
            InvocationTimeoutSeconds=min(max(1, seconds), PATIENCE),
            RequestTTLSeconds=min(max(_SHORTEST, waits), _LONGEST),
            **({"CustomAttributes": header} if (header := attributes.to_header()) else {}),
        )
        return Asked(
            variant=variant,
            request_uri=where,
            answer_uri=reply["OutputLocation"],
            failure_uri=reply["FailureLocation"],
            at=time.time(),
        )

    def answer(self, asked: Asked) -> Prediction | None:
        """Look once; None while it waits."""
        seconds = max(0.0, time.time() - asked.at)
        if (found := self._objects.read(asked.answer_uri)) is not None:
            body = decoded(found[0])
            return Prediction(status=200, variant=asked.variant, body=body, seconds=seconds)
        if (failed := self._objects.read(asked.failure_uri)) is None:
            return None
        words = failed[0].decode(errors="replace")
        status = _STATUS.search(words)
        return Prediction(
            status=int(status[1]) if status else 500,
            variant="",
            body={"error": {"code": "FAILED", "message": words}},
            seconds=seconds,
        )

    def wait(self, asked: Asked, limit: timedelta) -> Prediction:
        """Wait for an answer as long as the endpoint promises one, and leave nothing in S3."""
        end, pause = time.monotonic() + limit.total_seconds(), LOOK_EVERY
        while (found := self.answer(asked)) is None:
            if time.monotonic() + pause > end:
                told = {"code": "TIMEOUT", "message": f"no answer within {limit}"}
                return Prediction(
                    status=504, variant="", body={"error": told}, seconds=time.time() - asked.at
                )
            time.sleep(pause)
            pause = min(2 * pause, LOOK_AT_MOST)
        for uri in (asked.request_uri, asked.answer_uri, asked.failure_uri):
            self._objects.remove(uri)
        return found
