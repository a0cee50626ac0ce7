"""One execution environment: a container as a process, and the runtime API that it asks for work.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from blocks.emulation.containers import Container
from blocks.providers.aws.emulator.world import World

_API = "/2018-06-01/runtime/"
_LOOK_EVERY = 0.02  # of our own seconds


@dataclass(slots=True, kw_only=True)
class Work:
    """One event, and what came of it."""

    payload: bytes
    deadline: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answer: bytes = b""
    failed: bool = False
    done: threading.Event = field(default_factory=threading.Event)


class Sandbox:
    """Runs one container of a version; it does one thing at a time."""

    def __init__(self, world: World, name: str, config: dict[str, Any], version: str) -> None:
        self._world, self.name, self._config = world, name, config
        self._queue: queue.Queue[Work] = queue.Queue()
        self._given: dict[str, Work] = {}
        self.asked_for_work = threading.Event()
        self.failure: dict[str, str] | None = None
        self._server = _Server(self)
        serving = {"poll_interval": 0.02}
        threading.Thread(target=self._server.serve_forever, kwargs=serving, daemon=True).start()
        self.container = self._started(version)

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.container.poll() is None

    def initialized(self) -> bool:
        """Wait until it asks for work, or is dead; return which."""
        while not self.asked_for_work.wait(_LOOK_EVERY):
            if not self.alive or self.failure or self._world.closing.is_set():
                return False
        return True

    def do(self, work: Work) -> Work:
        """Give it an event and wait for what comes of it, at the latest at the deadline."""
        self._queue.put(work)
        clock = self._world.clock
        while not work.done.wait(_LOOK_EVERY):
            if not self.alive:
                return _spoiled(work, self.failure or _error("Runtime.ExitError", "it exited"))
            if clock.now() >= work.deadline:
                self.end()
                return _spoiled(work, _error("Sandbox.Timedout", "Task timed out"))
        return work

    def end(self) -> None:
        """Kill it."""
        self.container.end()
        self._server.shutdown()
        self._server.server_close()

    def next(self) -> Work | None:
        """Return the next event; None if the sandbox ends before there is one."""
        self.asked_for_work.set()
        while self.alive and not self._world.closing.is_set():
            try:
                work = self._queue.get(timeout=0.1)
            except queue.Empty:
                continue
            self._given[work.id] = work
            return work
        return None

    def answered(self, id_: str, body: bytes, *, failed: bool) -> None:
        """Take what came of an event."""
        if (work := self._given.pop(id_, None)) is not None:
            work.answer, work.failed = body, failed
            work.done.set()

    def _started(self, version: str) -> Container:
        world, config = self._world, self._config
        folder = world.folder / "functions" / self.name
        (folder / "tmp").mkdir(parents=True)
        image = config["ImageConfig"]
        stream = f"{self.name.rpartition('/')[2]}/[{version}]{uuid.uuid4().hex}"
        group = f"/aws/lambda/{config['FunctionName']}"
        address = f"127.0.0.1:{self._server.server_port}"
        env = {
            **world.container_env(),
            **config.get("Environment", {}).get("Variables", {}),
            "TMPDIR": str(folder / "tmp"),  # all else of a function's disk is read-only
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
            "AWS_LAMBDA_FUNCTION_VERSION": version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        }
        return world.containers.run(
            f"function/{self.name}",
            Path(folder),
            [*image["EntryPoint"], *image.get("Command", [])],
            env,
            lambda line: world.logs.write(group, stream, line),
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.sandbox = sandbox


class _Api(BaseHTTPRequestHandler):
    """The runtime API of one sandbox."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Give out the next event."""
        work = self.server.sandbox.next() if self.path == f"{_API}invocation/next" else None
        if work is None:
            self._reply(404, b"")
            return
        about = {
            "Lambda-Runtime-Aws-Request-Id": work.id,
            "Lambda-Runtime-Deadline-Ms": str(int(work.deadline * 1000)),
        }
        self._reply(200, work.payload, about)

    def do_POST(self) -> None:
        """Take what came of an event, or of the start."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = self.path.removeprefix(_API).split("/")
        if parts == ["init", "error"]:
            self.server.sandbox.failure = json.loads(body)
        elif parts[0] == "invocation" and parts[-1] in ("response", "error"):
            self.server.sandbox.answered(parts[1], body, failed=parts[-1] == "error")
        else:
            self._reply(404, b"")
            return
        self._reply(202, b"{}")

    def log_message(self, *_: Any) -> None:
        """Say nothing: the record of calls has them all."""

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _error(kind: str, message: str) -> dict[str, str]:
    return {"errorType": kind, "errorMessage": message}


def _spoiled(work: Work, error: dict[str, str]) -> Work:
    work.answer, work.failed = json.dumps(error).encode(), True
    return work
