"""A router as an endpoint has one, without the rest of the endpoint."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from blocks.contracts import Serving
from blocks.providers.local.router import binary, configuration

WORD = "internal-word"


@contextmanager
def router(folder: Path, ports: Mapping[str, int]) -> Iterator[str]:
    """Run a router over servers, each ``backend/server`` with its port; give its address."""
    for name in ("slots", "variants"):
        (folder / f"{name}.map").write_text("")
    (folder / "limits.map").write_text("payload 1000\nrate 1000\ntimeout 1000\n")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        bind = f"fd@{listener.fileno()}"
        file = folder / "haproxy.cfg"
        file.write_text(configuration(folder, Serving(), token=WORD, bind=bind, ports=ports))
        process = subprocess.Popen([binary(), "-db", "-f", str(file)], pass_fds=[listener.fileno()])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.kill()
            process.wait()
