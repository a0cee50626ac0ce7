"""Whom the router of an endpoint sends requests to."""

from __future__ import annotations

import http.server
import threading
import time
from pathlib import Path

from blocks.providers.local.router import runtime_socket
from blocks.providers.local.runtime import Runtime
from blocks.testing.waiting import until
from tests.unit.local.routers import router

BUSY = 0.7  # seconds: longer than there are between two checks


class _Busy(http.server.ThreadingHTTPServer):
    """A server that takes its time, as one does whose machine is busy."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.answered = 0


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(BUSY)
        self.send_response(200)
        self.end_headers()
        assert isinstance(self.server, _Busy)
        self.server.answered += 1

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_that_is_slow_to_say_that_it_is_ready_gets_requests(tmp_path: Path) -> None:
    """Who is busy is not dead; while a variant has no server, its users are sent to another."""
    with _Busy() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with router(tmp_path, {"a/s1": server.server_port}):
            until(lambda: server.answered > 1)  # whoever gave it up before would not be there
            assert Runtime(runtime_socket(tmp_path)).counters(["a"])["a"].up["s1"]
        server.shutdown()
