"""What a machine can ask about itself: the instance metadata service, version 2."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping

_ADDRESS = "http://169.254.169.254/"
_TOKEN_LIFE = 21600  # seconds; the longest there is
_TIMEOUT = 5.0
_GONE = (404, 410)


class Metadata:
    """Asks the service at the address that the environment names, as the SDKs do."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        told = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _ADDRESS
        self._address = told.rstrip("/")
        self._token, self._until = "", 0.0

    def get(self, path: str) -> str | None:
        """Return what is told under a path, or None if nothing is. Raises OSError."""
        headers = {"X-aws-ec2-metadata-token": self._fresh_token()}
        try:
            return self._ask("GET", f"meta-data/{path}", headers)
        except urllib.error.HTTPError as error:
            if error.code in _GONE:
                return None
            self._until = 0.0  # a token that is not taken any more
            raise

    def noticed(self) -> bool:
        """Whether the machine is about to be taken away; no answer is no notice."""
        try:
            return self.get("spot/instance-action") is not None
        except OSError:
            return False

    def _fresh_token(self) -> str:
        if time.monotonic() >= self._until:
            headers = {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_LIFE)}
            self._token = self._ask("PUT", "api/token", headers)
            self._until = time.monotonic() + _TOKEN_LIFE / 2
        return self._token

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> str:
        request = urllib.request.Request(  # noqa: S310 - the address is the machine's own
            f"{self._address}/latest/{path}", method=method, headers=dict(headers)
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            text: str = answer.read().decode()
        return text
