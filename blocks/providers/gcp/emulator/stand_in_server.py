"""What serves in place of an image's own entrypoint, since there are no images here.

It is healthy, and predicts 0.0 for every instance. A model of our own names its command.
"""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Be healthy."""
        self._answer({})

    def do_POST(self) -> None:
        """Predict."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer({"predictions": [0.0 for _ in asked["instances"]]})

    def _answer(self, told: dict[str, object]) -> None:
        content = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    host = os.environ.get("BLUEWATER_BIND_HOST", "")
    ThreadingHTTPServer((host, int(os.environ["AIP_HTTP_PORT"])), _Handler).serve_forever()
