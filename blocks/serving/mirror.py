"""Copies of a share of the live requests, sent to another variant, whose answers nobody sees.

In threads of their own with the standard library's client: a copy must cost the live requests
next to nothing, and what fails here must not reach them.
"""

from __future__ import annotations

import http.client
import logging
import os
import queue
import random
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from blocks.serving.config import (
    ENDPOINT_TOKEN,
    INTERNAL_TOKEN,
    MIRRORED,
    REQUEST_ID,
    VARIANT,
    MirrorTarget,
)

log = logging.getLogger(__name__)

WAITING = 64  # copies that may wait; more are dropped, so that live requests never wait for them
SENDERS = 4
LOOK_EVERY = 0.5  # seconds between two looks at the file
PATIENCE = 30.0  # seconds for an answer that nobody sees


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One request, as it came."""

    path: str
    body: bytes
    content_type: str
    request_id: str
    user: tuple[str, str] | None = None  # header and value


class MirrorSender:
    """Sends copies while the mirror file names a variant."""

    def __init__(self, file: Path, *, variant: str) -> None:
        self._file, self._variant = file, variant
        self._target: MirrorTarget | None = None
        self._queue: queue.Queue[tuple[MirrorTarget, Copy]] = queue.Queue(WAITING)
        self._random = random.Random()  # noqa: S311 - a sample, not a secret
        self._failing = False
        self._closed = threading.Event()
        self.sent = self.dropped = 0

    def start(self) -> None:
        """Begin to look at the file and to send."""
        for target in (self._look, *[self._send] * SENDERS):
            threading.Thread(target=target, name="mirror", daemon=True).start()

    def close(self) -> None:
        """Send nothing more."""
        self._target = None
        self._closed.set()

    def offer(self, copy: Copy) -> None:
        """Copy this request if it falls into the sample."""
        target = self._target
        if target is None or self._random.random() * 100 >= target.percent:
            return
        try:
            self._queue.put_nowait((target, copy))
        except queue.Full:
            self.dropped += 1

    def _look(self) -> None:
        while True:
            try:
                target = MirrorTarget.model_validate_json(self._file.read_bytes())
                self._target = target if target.variant != self._variant else None
            except (OSError, ValueError):
                self._target = None  # no file, or one that is being replaced
            if self._closed.wait(LOOK_EVERY):
                self._target = None
                return

    def _send(self) -> None:
        connections: dict[str, http.client.HTTPConnection] = {}
        while True:
            target, copy = self._queue.get()
            try:
                connection = connections.setdefault(target.url, _connect(target.url))
                _post(connection, target, copy)
                self.sent += 1
                self._failing = False
            except (OSError, http.client.HTTPException, ValueError) as error:
                connections.clear()
                self.dropped += 1
                if not self._failing:
                    self._failing = True
                    log.warning("copies do not reach %s: %r", target.variant, error)


def _connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=PATIENCE)


def _post(connection: http.client.HTTPConnection, target: MirrorTarget, copy: Copy) -> None:
    """Send one copy and read its answer; a connection that has grown cold is opened again."""
    headers = {
        "content-type": copy.content_type,
        REQUEST_ID: copy.request_id,
        MIRRORED: os.environ.get(INTERNAL_TOKEN, ""),
        VARIANT: target.variant,
        **dict([copy.user] if copy.user else []),
    }
    if token := os.environ.get(ENDPOINT_TOKEN):
        headers["authorization"] = f"Bearer {token}"
    path = urlsplit(target.url).path.rstrip("/") + copy.path
    warm = connection.sock is not None
    try:
        connection.request("POST", path, copy.body, headers)
        connection.getresponse().read()
    except (ConnectionError, http.client.RemoteDisconnected):
        connection.close()
        if not warm:
            raise
        connection.request("POST", path, copy.body, headers)
        connection.getresponse().read()
