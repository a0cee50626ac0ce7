"""The training job as its own code sees it, the same on every provider."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

from blocks.workload.checkpoints import Checkpoints
from blocks.workload.digests import digest
from blocks.workload.durable import write_json
from blocks.workload.environments import Surroundings, parameters, surroundings, unquoted
from blocks.workload.outcome import INTERRUPTED_EXIT, Outcome, progress_line, write_outcome
from blocks.workload.places import at, local_path
from blocks.workload.trial import METRIC, report_metric

log = logging.getLogger(__name__)

_LINE_EVERY = 1.0  # seconds, where progress is told by lines of the log


class DamagedCopy(OSError):
    """What arrived in the output place is not what was sent."""


class Job:
    """One attempt at a training run. Use it as a context manager.

    An exception inside becomes a failure outcome and goes on; SIGTERM makes :meth:`notice` true.
    """

    def __init__(self, told: Surroundings, environ: Mapping[str, str] | None = None) -> None:
        self.told = told
        self._environ: Mapping[str, str] = environ or {}
        self.token, self.attempt = told.token, told.attempt
        self.parameters: Mapping[str, str] = _parameters(told)
        self._noticed = self._finished = False
        self._scratch: Path | None = None
        self._data: Path | None = None
        self._told_at = self._done = 0.0
        self._handler: Any = None
        self.checkpoints = self._checkpoints()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Return the job that this machine's environment describes."""
        found = os.environ if environ is None else environ
        return cls(surroundings(found), found)

    @property
    def data(self) -> Path:
        """Local path of the training data; fetched once where it is kept elsewhere."""
        if self._data is None:
            if not self.told.data:
                raise LookupError("no training data named; set BLUEWATER_DATA to a path or URI")
            path = local_path(self.told.data)
            if path is None:
                path = self._folder() / "data"
                at(self.told.data).get("", path)
            self._data = path
        return self._data

    def number(self, name: str, default: float) -> float:
        """Return a hyperparameter as a number. Raises ValueError that names it."""
        text = self.parameters.get(name)
        if text is None:
            return default
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"parameter {name}={text!r} is no number") from None

    def text(self, name: str, default: str) -> str:
        """Return a hyperparameter as text."""
        return self.parameters.get(name, default)

    def notice(self) -> bool:
        """Whether the machine is about to be taken away."""
        return self._noticed

    def progress(self, *, done: float, of: float, **metrics: float) -> None:
        """Tell how far the work is; the metrics go into the next checkpoint, and to a study."""
        self.checkpoints.metrics = dict(metrics)
        self._done = done
        now, lines = time.monotonic(), self.told.progress == "-"
        every = _LINE_EVERY if lines else self.told.progress_every
        if now - self._told_at < every and done < of:
            return
        self._told_at = now
        self._report(metrics)
        if not self.told.progress:
            return
        if lines:
            print(progress_line(done, of), flush=True)
            return
        value = {"done": done, "of": of, "metrics": {k: float(v) for k, v in metrics.items()}}
        try:
            file = Path(self.told.progress)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_json(file, value, sync=False)
        except OSError as error:
            log.warning("progress not told: %s", error)

    def stop_if_noticed(self) -> None:
        """Leave, once a notice has arrived, with the exit code that means interrupted."""
        if self._noticed:
            self._leave()

    def succeed(self, *, model: Path | str, metrics: Mapping[str, float]) -> None:
        """Copy the model folder to the output place, verify it, and write the outcome last.

        Raises LookupError in a trial of a study whose metric is not among the metrics.
        """
        wanted = self._environ.get(METRIC, "")
        if wanted and wanted not in metrics:
            raise LookupError(f"the study compares by {wanted!r}; tell it among the metrics")
        said = digest(model)
        name = f"model-{self.token[:12]}" if self.token else "model"
        output = at(self.told.output or "output")
        output.put(Path(model), name)
        self._read_back(name, said)
        uri = f"{(self.told.output_uri or output.uri).rstrip('/')}/{name}"
        self._report(metrics)
        self._tell(Outcome(ok=True, model_uri=uri, digest=said, metrics=metrics))

    def __enter__(self) -> Self:
        try:
            self._handler = signal.signal(signal.SIGTERM, self._on_notice)
        except ValueError:  # only the main thread may; elsewhere there will be no notice
            log.warning("not in the main thread: no notice before an interruption")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            # After a notice an exception is most likely the shutdown itself; the next attempt
            # meets it again if it was not.
            if isinstance(error, Exception) and not self._finished and not self._noticed:
                self._fail(error)
        finally:
            if self._handler is not None:
                signal.signal(signal.SIGTERM, self._handler)
            if self._scratch is not None:
                shutil.rmtree(self._scratch, ignore_errors=True)

    def _report(self, metrics: Mapping[str, float]) -> None:
        """Tell a study the metric that it compares by; the last word counts."""
        name = self._environ.get(METRIC, "")
        if name in metrics:
            report_metric(name, metrics[name], self._environ, step=self._done)

    def _fail(self, error: Exception) -> None:
        message = self._masked(f"{type(error).__name__}: {error}")
        try:
            self._tell(Outcome(ok=False, code=type(error).__name__, message=message))
            if self.told.failure:
                Path(self.told.failure).write_text(message)
        except OSError as problem:
            log.warning("the failure could not be told: %s", problem)

    def _masked(self, text: str) -> str:
        for value in self.told.hidden:
            text = text.replace(value, "***")
        return text

    def _tell(self, outcome: Outcome) -> None:
        write_outcome(self.told.output or "output", self.token, outcome)
        self._finished = True

    def _read_back(self, name: str, said: str) -> None:
        output = at(self.told.output or "output")
        here = local_path(self.told.output or "output")
        copy = here / name if here is not None else self._folder() / "read-back"
        if here is None:
            output.get(name, copy)
        if digest(copy) != said:
            raise DamagedCopy(f"{output.uri}/{name} is not what was sent; nothing was announced")

    def _checkpoints(self) -> Checkpoints:
        told = self.told
        named = local_path(told.checkpoints) if told.checkpoints else None
        folder = named or self._folder() / "checkpoints"
        return Checkpoints(
            folder,
            copy=at(told.checkpoints_copy) if told.checkpoints_copy else None,
            keep=told.keep,
            interval=told.interval,
            interruptions_per_hour=told.interruptions_per_hour,
            noticed=self.notice,
        )

    def _folder(self) -> Path:
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="bluewater-"))
        return self._scratch

    def _on_notice(self, number: int, frame: FrameType | None) -> None:
        self._noticed = True

    def _leave(self) -> NoReturn:
        sys.exit(INTERRUPTED_EXIT)


def _parameters(told: Surroundings) -> Mapping[str, str]:
    file = Path(told.parameters_file) if told.parameters_file else None
    if file is not None and file.exists():
        return unquoted(parameters(file.read_text()))
    return told.parameters
