"""The container of a batch prediction job: a server that scores a file for each question.

Vertex AI's contract for containers, as for endpoints: ``{"instances": [...]}`` is answered with
``{"predictions": [...]}``. An instance names a file, a prediction tells how its scoring went; what
is wrong with the model or the data is such an answer, too, since Vertex AI would ask again after
an error. Run as ``python -m blocks.providers.gcp.prediction.serve``.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
import threading
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from pydantic import ValidationError

from blocks.cloud.batch_notes import Said
from blocks.cloud.folders import bring
from blocks.cloud.scored_files import scored
from blocks.cloud.scoring import STOPPED, Stop, judged, listen
from blocks.contracts import BatchRequest
from blocks.providers.gcp.batch_calls import ASKED
from blocks.providers.gcp.inside import bucket
from blocks.providers.gcp.prediction.calls import HEALTH, ROUTE, File
from blocks.providers.gcp.serve import HOST, MODEL, PORT
from blocks.serving.batch import CannotScore, Scorer, load_scorer


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A file, and where the answer is waited for."""

    file: File
    answer: SimpleQueue[Said] = dataclasses.field(default_factory=SimpleQueue)


class _Server(ThreadingHTTPServer):
    """Hears questions and health checks; files are scored one by one, in the main thread."""

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, _Handler)
        self.questions: SimpleQueue[_Question] = SimpleQueue()

    def ask(self, files: list[File]) -> list[Said]:
        """Return the answers, once they are there."""
        asked = [_Question(file=file) for file in files]
        for each in asked:
            self.questions.put(each)
        return [each.answer.get() for each in asked]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Be healthy: what is wrong with the model is told as an answer."""
        self._say(HTTPStatus.OK if self.path == HEALTH else HTTPStatus.NOT_FOUND, {})

    def do_POST(self) -> None:
        """Score the files that are asked for."""
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path != ROUTE:
            return self._say(HTTPStatus.NOT_FOUND, {"error": f"there is no {self.path} here"})
        try:
            files = [File.model_validate(each) for each in json.loads(content)["instances"]]
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            return self._say(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        said = [each.model_dump() for each in self.server.ask(files)]
        return self._say(HTTPStatus.OK, {"predictions": said})

    def log_request(self, *_: Any) -> None:
        """Leave the log to what goes wrong."""

    def _say(self, status: HTTPStatus, told: dict[str, Any]) -> None:
        content = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Work:
    """Scores files with the request's model, until one fails: then that is every answer."""

    def __init__(self) -> None:
        self._bucket, self._asked = bucket(), os.environ[ASKED]
        self._scorer: Scorer | None = None
        self._failed: Said | None = None
        self._told = 0.0  # seconds of the processor, in answers so far

    def said(self, file: File) -> Said:
        """Return how the scoring of one file went."""
        if self._failed is not None:
            return self._failed
        said = judged(self._bucket, self._asked, partial(self._score, file))
        if said.code:
            self._failed = said.model_copy(update={"cpu_seconds": 0.0})
        used, self._told = said.cpu_seconds - self._told, said.cpu_seconds
        return said.model_copy(update={"cpu_seconds": used})

    def _score(self, file: File, request: BatchRequest) -> int:
        found = self._bucket.head(file.uri)
        if found is None:
            raise CannotScore("DATA", f"{file.uri} is not there any more; ask again")
        if self._scorer is None:
            folder = Path(tempfile.mkdtemp(prefix="bluewater-")) / "model"
            bring(self._bucket, os.environ[MODEL], folder)
            self._scorer = load_scorer(folder, request.model.digest)
        named = dataclasses.replace(found, name=file.name)
        return scored(self._bucket, request, self._scorer, named)


def main() -> None:
    """Answer until SIGTERM."""
    listen()
    host = os.environ.get(HOST, "0.0.0.0")  # noqa: S104 - a container's own network
    server, work = _Server((host, int(os.environ[PORT]))), _Work()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        while True:
            question = server.questions.get()
            said = work.said(question.file)
            if said.code == STOPPED:
                return
            question.answer.put(said)
    except Stop:
        sys.stdout.flush()


if __name__ == "__main__":
    main()
