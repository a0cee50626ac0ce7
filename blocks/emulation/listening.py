"""The process of an emulated cloud that speaks HTTP: it listens on loopback until SIGTERM."""

from __future__ import annotations

import io
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app

from blocks.emulation.launch import ADDRESS
from blocks.emulation.world import EmulatedWorld
from blocks.workload.durable import write_json

_WITHOUT_BODY = (204, 304)  # statuses

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Handler(WSGIRequestHandler):
    """Answers without a line in the log for each call: the record of calls has them all."""

    def log_request(self, *_: Any) -> None:
        pass


class _KeepingHandler(_Handler):
    """Keeps connections: over TLS, most of what a call costs is to shake hands.

    Werkzeug closes each, for it may have left something of a request unread. Here all of a request
    is read first, and all of the answer is there before a byte of it is sent.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body go together

    def run_wsgi(self) -> None:
        """Answer one request."""
        environ = self.make_environ()
        environ["wsgi.input"] = io.BytesIO(self._body(environ))
        answer, status, headers = run_wsgi_app(self.server.app, environ, buffered=True)
        content = b"".join(answer)
        code, _, words = status.partition(" ")
        self.send_response(int(code), words)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers and int(code) not in _WITHOUT_BODY:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def _body(self, environ: dict[str, Any]) -> bytes:
        """Read the whole body of a request, however long it says that it is."""
        if environ.get("wsgi.input_terminated"):  # it comes in chunks, and tells its end
            content: bytes = io.BufferedReader(environ["wsgi.input"]).read()
            environ["CONTENT_LENGTH"] = str(len(content))
            return content
        return self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))


class _Server(ThreadedWSGIServer):
    """Takes many callers at once, and passes over those that were killed."""

    daemon_threads = True
    request_queue_size = 128

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer what comes over one connection; hands are shaken here, in its own thread."""
        if self.ssl_context is None:
            super().finish_request(request, client_address)
            return
        try:
            secured = self.ssl_context.wrap_socket(request, server_side=True)
        except OSError:
            return  # the caller is gone, or does not trust us
        with secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over callers that are gone."""


def listen(
    world: EmulatedWorld,
    application: Application,
    *,
    port: int,
    tls: ssl.SSLContext | None = None,
    **told: str,
) -> None:
    """Serve a world until SIGTERM; then end its containers and this process.

    ``told`` is written into its address besides.
    """
    server = _Server("127.0.0.1", port, application, _KeepingHandler if tls else _Handler)
    server.ssl_context = tls
    world.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.port}"

    def leave(number: int, frame: FrameType | None) -> None:
        world.close()
        sys.stderr.flush()
        os._exit(0)  # threads of open connections must not hold it up

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    address = {"url": world.url, "pid": os.getpid(), **told}
    write_json(world.folder / ADDRESS, address, sync=False)
    server.serve_forever(poll_interval=0.05)


def cut(environ: Mapping[str, Any]) -> ConnectionAbortedError:
    """Close the caller's connection, as a network that fails does; raise what it returns."""
    connection = environ.get("werkzeug.socket")
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    return ConnectionAbortedError("cut on purpose")
