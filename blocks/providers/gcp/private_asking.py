"""Asks a private endpoint: over HTTP, at the address of a forwarding rule."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from blocks.contracts import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class PrivateCaller:
    """Asks with no token: who may ask is the network's business, and the projects' that it has.

    The certificate there names no address of yours, and is signed by nobody whom machines trust;
    Google's own client does not check it either. So nothing secret is sent besides the rows.
    """

    def __init__(self, *, within: float) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._http = httpx.Client(timeout=within, verify=context, trust_env=False)

    def raw_predict(self, address: str, endpoint: str, content: bytes) -> Reply:
        """Ask once, by the endpoint's resource name. Raises Unavailable where nobody answers."""
        url = f"https://{address}/v1/{endpoint}:rawPredict"
        try:
            answer = self._http.post(
                url, content=content, headers={"content-type": "application/json"}
            )
        except httpx.TransportError as error:
            raise Unavailable(
                f"{url} was not reached: {error}; is this machine in the network of the forwarding "
                "rule?",
                code="TRANSPORT",
            ) from error
        return Reply(
            status=answer.status_code, headers=dict(answer.headers), content=answer.content
        )
