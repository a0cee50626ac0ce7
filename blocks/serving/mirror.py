"""Copies of a share of the live requests, sent to another variant, whose answers nobody sees."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from pathlib import Path

import httpx

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
SENDERS = 2
LOOK_EVERY = 0.5  # seconds between two looks at the file


class MirrorSender:
    """Sends copies while the mirror file names a variant."""

    def __init__(self, file: Path, *, variant: str) -> None:
        self._file, self._variant = file, variant
        self._target: MirrorTarget | None = None
        self._queue: asyncio.Queue[tuple[MirrorTarget, bytes, str, str]] = asyncio.Queue(WAITING)
        self._random = random.Random()  # noqa: S311 - a sample, not a secret
        self.dropped = 0

    async def run(self) -> None:
        """Look at the file, and send what waits, until cancelled."""
        async with httpx.AsyncClient(timeout=30) as client, asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send(client))
            group.create_task(self._look())

    def offer(self, body: bytes, content_type: str, request_id: str) -> None:
        """Copy this request if it falls into the sample."""
        target = self._target
        if target is None or self._random.random() * 100 >= target.percent:
            return
        try:
            self._queue.put_nowait((target, body, content_type, request_id))
        except asyncio.QueueFull:
            self.dropped += 1

    async def _look(self) -> None:
        while True:
            try:
                target = MirrorTarget.model_validate_json(self._file.read_bytes())
                self._target = target if target.variant != self._variant else None
            except (OSError, ValueError):
                self._target = None  # no file, or one that is being replaced
            await asyncio.sleep(LOOK_EVERY)

    async def _send(self, client: httpx.AsyncClient) -> None:
        while True:
            target, body, content_type, request_id = await self._queue.get()
            headers = {
                "content-type": content_type,
                REQUEST_ID: request_id,
                MIRRORED: os.environ.get(INTERNAL_TOKEN, ""),
                VARIANT: target.variant,
            }
            if token := os.environ.get(ENDPOINT_TOKEN):
                headers["authorization"] = f"Bearer {token}"
            try:
                await client.post(f"{target.url}/invocations", content=body, headers=headers)
            except httpx.HTTPError as error:
                log.warning("a copy did not reach %s: %r", target.variant, error)
