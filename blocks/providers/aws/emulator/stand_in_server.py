"""What serves in place of an image's own server, since there are no images here.

It answers as SageMaker wants a container to, and says what it read instead of a prediction, so
that scripts that serve an algorithm of somebody else can be rehearsed. A model of ours is served.
"""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from blocks.providers.aws.container import HOST, PORT


def answered(body: bytes, kind: str, model: Path) -> tuple[bytes, str]:
    """Return an answer and its type: for CSV the number of columns of each row."""
    if kind.startswith("text/csv"):
        rows = body.decode().splitlines()
        return "".join(f"{row.count(',') + 1}\n" for row in rows).encode(), "text/csv"
    files = {
        file.relative_to(model).as_posix(): file.stat().st_size
        for file in sorted(model.rglob("*"))
        if file.is_file()
    }
    told = {"stand_in": True, "read": len(body), "model": files}
    return json.dumps(told).encode(), "application/json"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Say that it is healthy."""
        self._tell(b"\n", "text/plain", 200 if self.path == "/ping" else 404)

    def do_POST(self) -> None:
        """Answer a request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        model = Path(os.environ["BLUEWATER_OPT_ML"]) / "model"
        self._tell(*answered(body, self.headers.get("Content-Type", ""), model))

    def log_message(self, *_: Any) -> None:
        """Write no line for each request: SageMaker's log is for the container's own words."""

    def _tell(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until SIGTERM."""
    ThreadingHTTPServer((os.environ[HOST], int(os.environ[PORT])), _Handler).serve_forever()


if __name__ == "__main__":
    main()
