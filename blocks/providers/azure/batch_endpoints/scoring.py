"""What our batch deployments run in their containers: ``init`` once, ``run`` for each mini-batch.

Azure hands over the paths of mounted files. Predictions go to the request's own folder, each file
whole or not at all, with a note of what it was made from: so the next attempt passes it over.
"""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from blocks.cloud.bucket import Bucket, Found
from blocks.cloud.scoring import age, scorable, score_found
from blocks.contracts import BatchRequest
from blocks.providers.azure.batch_endpoints.told import (
    DIGEST,
    HOME,
    REQUEST,
    ROOT_RUN,
    Told,
    told_below,
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
    work = _Work(bucket=bucket, told_at=f"{told_below(home, job)}/{_process()}.json")
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
    told_at: str
    told: Told = field(default_factory=Told)

    def begin(self, request: BatchRequest) -> None:
        """Look for the data and load the model. Raises CannotScore."""
        self.request = request
        self.look()
        self.files = {each.name: each for each in scorable(self.bucket, request)}
        self.told = self.told.model_copy(update={"of": len(self.files)})
        self.scorer: Scorer = load_scorer(_model(), os.environ[DIGEST])

    def score(self, path: Path) -> None:
        """Score a file of the data set; what is none is passed over. Raises CannotScore."""
        found = self._named(path)
        if found is None:
            return
        self.look()
        fetch, score = (lambda: path), partial(score_found, self.bucket, self.request)
        rows = score(self.scorer, found, fetch, look=self.look)
        self.told = self.told.model_copy(update={"done": {**self.told.done, found.name: rows}})

    def look(self) -> None:
        """Raise CannotScore where it takes longer than was allowed."""
        if age() > self.request.max_duration.total_seconds():
            told = f"still running after {self.request.max_duration}; ask for a longer max_duration"
            raise CannotScore("MAX_DURATION", told)

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
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.told = self.told.model_copy(
            update={
                "code": code,
                "message": str(error or ""),
                "cpu_seconds": used.ru_utime + used.ru_stime,
                "peak_memory_bytes": peak_memory(),
            }
        )
        self.bucket.write(self.told_at, self.told.model_dump_json().encode())


def _model() -> Path:
    """Return the folder of the model: Azure brings it under a name of its own.

    MLflow follows no link out of it, so it is told where it really is.
    """
    home = Path(os.environ[_MODEL])
    found = next((each.parent for each in home.glob("*/MLmodel")), home)
    return found.resolve()


def _process() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"
