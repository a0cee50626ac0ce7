"""The inference server of Azure's own images: it runs a scoring script's ``init`` and ``run``.

Without a script it is healthy, and answers with what it was sent.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def main() -> None:
    """Serve for ever."""
    script = os.environ.get("AZUREML_ENTRY_SCRIPT", "")
    run = _loaded(Path(script)) if script else json.loads
    place = os.environ["BLUEWATER_BIND_HOST"], int(os.environ["BLUEWATER_BIND_PORT"])
    ThreadingHTTPServer(place, _handler(run)).serve_forever()


def _loaded(script: Path) -> Callable[[str], Any]:
    sys.path.insert(0, str(script.parent))
    told = importlib.util.spec_from_file_location("entry_module", script)
    if told is None or told.loader is None:
        sys.exit(f"{script} is no Python script")
    module = importlib.util.module_from_spec(told)
    told.loader.exec_module(module)
    module.init()
    run: Callable[[str], Any] = module.run
    return run


def _handler(run: Callable[[str], Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Be healthy."""
            self._answer(200, "Healthy")

        def do_POST(self) -> None:
            """Score."""
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            try:
                told = run(asked)
            except Exception as error:  # noqa: BLE001 - whatever the script raises
                print(f"Encountered Exception: {error}", flush=True)
                self._answer(500, str(error))
                return
            self._answer(200, told)

        def _answer(self, status: int, told: Any) -> None:
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing of single requests."""

    return Handler


if __name__ == "__main__":
    main()
