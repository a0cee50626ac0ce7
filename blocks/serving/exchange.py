"""One request and its answer, above ASGI: headers as bytes and a body with limits."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from blocks.serving.config import REQUEST_ID
from blocks.serving.refused import Refused
from blocks.serving.request_ids import new_id

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

LINGER = 1.0  # seconds for a caller to stop sending, so that the refusal is not lost in a reset
_GIVEN_ID = re.compile(r"[\x21-\x7e]{1,128}")


class Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._client = (scope.get("client") or ("",))[0]
        self._receive, self._send = receive, send
        given = self.text(REQUEST_ID)
        self.request_id = given if _GIVEN_ID.fullmatch(given) else ""

    def header(self, name: str) -> bytes:
        """Return a header as it came; empty if it did not."""
        return self._headers.get(name.encode(), b"")

    def text(self, name: str) -> str:
        """Return a header as text."""
        return self.header(name).decode("latin1")

    @property
    def caller(self) -> str:
        """Who asks: the address that the router saw, else the peer's, and the token it brought.

        The server listens on loopback, so the last address that was forwarded is the router's word.
        """
        forwarded = self.text("x-forwarded-for").rpartition(",")[2].strip()
        return f"{forwarded or self._client} {self.text('authorization')}"

    def identify(self, given: str = "") -> str:
        """Settle the request's id: its header's, else the one given here, else a new one."""
        if not self.request_id:
            self.request_id = given if _GIVEN_ID.fullmatch(given) else new_id()
        return self.request_id

    async def body(self, *, limit: int, within: float) -> bytes:
        """Return the whole body. Raises Refused once it is too long, without reading the rest."""
        length = self.header("content-length")
        if length.isdigit() and int(length) > limit:
            raise _too_large(limit)
        parts, size = [], 0
        try:
            async with asyncio.timeout(within):
                while True:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(400, "DISCONNECTED", "the caller went away", close=True)
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > limit:
                        raise _too_large(limit)
                    if not message.get("more_body", False):
                        return parts[0] if len(parts) == 1 else b"".join(parts)
        except TimeoutError as error:
            text = f"the body did not arrive within {within:g} s"
            raise Refused(408, "SLOW", text, remedy="send it faster", close=True) from error

    async def answer(
        self,
        status: int,
        content: bytes,
        headers: Iterable[Header],
        *,
        close: bool = False,
        linger: bool = False,
    ) -> None:
        """Send the answer; ``linger`` reads a little of what is still coming before closing."""
        every = [*headers, (b"content-length", str(len(content)).encode())]
        if close or linger:
            every.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": status, "headers": every})
        sent = b"" if self.method == "HEAD" else content
        if linger:
            await self._send({"type": "http.response.body", "body": sent, "more_body": True})
            sent = b""
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LINGER):
                    while (await self._receive()).get("more_body", False):
                        pass
        await self._send({"type": "http.response.body", "body": sent})


def _too_large(limit: int) -> Refused:
    return Refused(
        413,
        "TOO_LARGE",
        f"the body is over {limit} bytes",
        remedy="send fewer rows at once",
        close=True,
    )
