"""What our batch deployments run in their containers: ``init`` once, ``run`` for each mini-batch.

Azure hands over the paths of mounted files. Predictions go to the request's own folder, each file
whole or not at all, with a note of what it was made from: so the next attempt passes it over.
"""

from __future__ import annotations

import os
import resource
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from blocks.cloud.bucket import Bucket, Found
from blocks.cloud.deadline import age
from blocks.cloud.scoring import scorable, score_found
from blocks.contracts import BatchRequest
from blocks.providers.azure.batch_endpoints.told import (
    DIGEST,
    HOME,
    OVERDUE,
    REQUEST,
    ROOT_RUN,
    Told,
    told_below,
    told_by_all,
)
from blocks.providers.azure.inside import STORAGE, Storage
from blocks.providers.azure.objects import Objects
from blocks.serving.batch import CannotScore, Scorer, load_scorer
from blocks.workload.memory import peak_memory

_MODEL = "AZUREML_MODEL_DIR"
_work: list[_Work] = []  # of this process: none before `init`


def init() -> None:
    """Read what is asked, and load the model."""
    bucket = Objects(Storage(os.environ[STORAGE]))
    home, job = os.environ[HOME], os.environ[ROOT_RUN]
    work = _Work(bucket=bucket, home=told_below(home, job))
    with work:
        asked = f"{home}/{job}/{REQUEST}"
        found = bucket.read(asked)
        if found is None:
            raise CannotScore("REQUEST", f"there is no request at {asked}")
        work.begin(BatchRequest.model_validate_json(found[0]))
    _work[:] = [work]


def run(mini_batch: Sequence[str]) -> list[str]:
    """Score the Parquet files among these; return their paths, for Azure counts what is done."""
    [work] = _work
    with work:
        for path in mini_batch:
            work.score(Path(path))
    return list(mini_batch)


@dataclass(kw_only=True)
class _Work:
    """One process' part of a job; leaving it tells how far it is, and why it is no further."""

    bucket: Bucket
    home: str  # folder for the last words of all processes
    told: Told = field(default_factory=Told)

    def begin(self, request: BatchRequest) -> None:
        """Look for the data and load the model. Raises CannotScore."""
        self.request = request
        self._watch()
        self.files = {each.name: each for each in scorable(self.bucket, request)}
        self.told = self.told.model_copy(update={"of": len(self.files)})
        self.scorer: Scorer = load_scorer(_model(), os.environ[DIGEST])

    def score(self, path: Path) -> None:
        """Score a file of the data set; what is none is passed over. Raises CannotScore."""
        found = self._named(path)
        if found is None:
            return
        rows = score_found(self.bucket, self.request, self.scorer, found, lambda: path)
        self.told = self.told.model_copy(update={"done": {**self.told.done, found.name: rows}})

    def _watch(self) -> None:
        """See that the time is kept, whatever the model does; Azure knows no limit of a job."""
        if any(each.code == OVERDUE for each in told_by_all(self.bucket, self.home)):
            raise CannotScore(OVERDUE, "it was over before this process began")
        left = self.request.max_duration.total_seconds() - age()
        timer = threading.Timer(max(0.001, left), self._end)
        timer.daemon = True
        timer.start()

    def _end(self) -> None:
        limit = self.request.max_duration
        self._tell(OVERDUE, f"still running after {limit}; ask for a longer max_duration")
        os._exit(1)

    def _named(self, path: Path) -> Found | None:
        """Return the file of a mounted path: below its root, every other one is there, too."""
        for root in path.parents:
            name = path.relative_to(root).as_posix()
            if name in self.files and all((root / each).exists() for each in self.files):
                return self.files[name]
        return None

    def __enter__(self) -> None:
        """Begin a part."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        code = getattr(error, "code", type(error).__name__) if error else ""
        self._tell(code, str(error or ""))

    def _tell(self, code: str, message: str) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.told = self.told.model_copy(
            update={
                "code": code,
                "message": message,
                "cpu_seconds": used.ru_utime + used.ru_stime,
                "peak_memory_bytes": peak_memory(),
            }
        )
        at = f"{self.home}/{socket.gethostname()}-{os.getpid()}.json"
        self.bucket.write(at, self.told.model_dump_json().encode())


def _model() -> Path:
    """Return the folder of the model: Azure brings it under a name of its own.

    MLflow follows no link out of it, so it is told where it really is.
    """
    home = Path(os.environ[_MODEL])
    found = next((each.parent for each in home.glob("*/MLmodel")), home)
    return found.resolve()
