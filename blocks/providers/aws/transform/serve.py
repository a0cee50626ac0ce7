"""The container of a transform job: a server that is sent a Parquet file and answers it scored.

SageMaker asks ``GET /ping`` until the model is loaded, and then sends each file of the data set to
``POST /invocations``: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from blocks.cloud.batch_notes import Said
from blocks.cloud.bucket import Bucket
from blocks.cloud.deadline import Overdue, end_after, too_long
from blocks.cloud.folders import bring
from blocks.providers.aws.transform.calls import MOST_MB, Record, Told, told_of
from blocks.serving.batch import CannotScore, Scorer, load_scorer, score_file
from blocks.workload.inside import inside
from blocks.workload.memory import peak_memory

_PART = 1 << 20  # bytes in memory at a time


def serve_files(bucket: Bucket, asked: str, address: tuple[str, int]) -> None:
    """Answer requests until SIGTERM. Ends with status 1 where it cannot, or may no longer."""
    found = bucket.read(asked)
    if found is None:
        sys.exit(f"there is no record at {asked}")
    record, place = Record.model_validate_json(found[0]), Path(tempfile.mkdtemp())
    telling = _Telling(bucket, told_of(asked))
    try:
        end_after(record.request.max_duration)
        bring(bucket, record.request.model.uri, place / "model")
        scorer = load_scorer(place / "model", record.request.model.digest)
        _Server(address, Scoring(scorer, record, telling)).serve_forever()
    except Overdue:
        telling.failed(too_long(record.request.max_duration))
    except Exception as error:  # noqa: BLE001 - the model's code may raise anything
        telling.failed(_said(error))
    os._exit(1)  # whatever is scored at this moment


class Scoring:
    """Scores the files of one job, in the order in which they are sent."""

    def __init__(self, scorer: Scorer, record: Record, telling: _Telling) -> None:
        self._scorer, self._record, self._telling = scorer, record, telling
        self._one = threading.Lock()

    def score(self, body: Path, place: Path) -> Path:
        """Return the scored file, somewhere below a folder. Raises CannotScore."""
        with self._one:
            source = inside(place, self._name(body))
            source.parent.mkdir(parents=True, exist_ok=True)
            body.replace(source)
            target = place / "scored.parquet"
            try:
                for _ in score_file(self._scorer, source, target):
                    pass
            except Exception as error:
                said = _said(error)
                self._telling.failed(said)
                raise CannotScore(said.code, said.message) from error
            self._telling.one_more()
            return target

    def _name(self, body: Path) -> str:
        """Return what the file is called, for the words of a failure: no request tells it."""
        size = body.stat().st_size
        alike = [each for each in self._record.files if each.size == size]
        if len(alike) > 1:
            with body.open("rb") as file:
                etag = hashlib.file_digest(file, "md5").hexdigest()  # as S3 has it of most objects
            alike = [each for each in alike if each.etag.strip('"') == etag] or alike
        return f"files/{alike[0].name if alike else 'unknown.parquet'}"


def _said(error: Exception) -> Said:
    code = error.code if isinstance(error, CannotScore) else type(error).__name__
    return Said(code=code, message=str(error))


class _Telling:
    """Writes down how it goes, where whoever waits for the job can read it."""

    def __init__(self, bucket: Bucket, to: str) -> None:
        self._bucket, self._to, self._told = bucket, to, Told()

    def one_more(self) -> None:
        """Tell of a file that is done."""
        self._tell(self._told.model_copy(update={"done": self._told.done + 1}))

    def failed(self, said: Said) -> None:
        """Tell of a failure; the first one is what is kept. Each is a line of the job's log."""
        print(said.message, flush=True)
        if not self._told.said.code:
            self._tell(self._told.model_copy(update={"said": said}))

    def _tell(self, told: Told) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        measured = {
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_memory_bytes": peak_memory(),
        }
        said = told.said.model_copy(update=measured)
        self._told = told.model_copy(update={"said": said})
        self._bucket.write(self._to, self._told.model_dump_json().encode())


class _Server(ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], scoring: Scoring) -> None:
        super().__init__(address, _Handler)
        self.scoring = scoring


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Say that the model is loaded, and how much may be sent."""
        limits = f'{{"MaxConcurrentTransforms": 1, "MaxPayloadInMB": {MOST_MB}}}'
        answers = {"/ping": "", "/execution-parameters": limits}
        self._say(200 if self.path in answers else 404, answers.get(self.path, ""))

    def do_POST(self) -> None:
        """Answer a file with the same file and its predictions."""
        with tempfile.TemporaryDirectory() as folder:
            body = Path(folder) / "body"
            self._receive(body)
            try:
                scored = self.server.scoring.score(body, Path(folder))
            except CannotScore as error:
                self._say(400, str(error))
                return
            self._send(scored)

    def log_message(self, *_: object) -> None:
        """Write no line for each request: the log is for the model's own words."""

    def _receive(self, body: Path) -> None:
        left = int(self.headers.get("Content-Length") or 0)
        with body.open("wb") as out:
            while left and (part := self.rfile.read(min(left, _PART))):
                out.write(part)
                left -= len(part)

    def _send(self, file: Path) -> None:
        self.send_response(200)
        self.send_header("Content-Type", self.headers.get("Accept", "application/octet-stream"))
        self.send_header("Content-Length", str(file.stat().st_size))
        self.end_headers()
        with file.open("rb") as parts:
            shutil.copyfileobj(parts, self.wfile, _PART)

    def _say(self, status: int, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
