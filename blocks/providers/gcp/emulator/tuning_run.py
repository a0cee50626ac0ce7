"""The work of one hyperparameter tuning job: its trials, each a custom job, and its end."""

from __future__ import annotations

import json
import logging
import threading

import grpc
from google.cloud.aiplatform_v1.types import (
    CustomJob,
    HyperparameterTuningJob,
    JobState,
    Measurement,
    Trial,
)
from google.rpc import status_pb2

from blocks.providers.gcp.emulator.custom_job import ENDS, Job, advance, at
from blocks.providers.gcp.emulator.custom_job_run import CustomJobRun
from blocks.providers.gcp.emulator.refusals import GcpError
from blocks.providers.gcp.emulator.suggestions import Suggestions, argument
from blocks.providers.gcp.emulator.world import World

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.02  # of our own seconds
_TOO_MANY = 3  # failed trials, where the service decides


class TuningRun:
    """Runs the trials of a job as Vertex AI does, in the thread that calls."""

    def __init__(
        self, world: World, name: str, asked: HyperparameterTuningJob, *, capacity: bool
    ) -> None:
        self._world, self._capacity = world, capacity
        self.told = HyperparameterTuningJob(asked)
        self.told.name = name
        self.told.create_time = self.told.update_time = at(world.clock.now())
        self.told.state = JobState.JOB_STATE_QUEUED
        self.stop = threading.Event()
        self._suggested = Suggestions(self.told.study_spec, name)
        self._active: dict[str, Job] = {}  # by the id of the trial
        self._error: status_pb2.Status | None = None  # of the last trial that failed

    def to_its_end(self) -> None:
        """Go through every state. Whatever goes wrong in here is the job's failure."""
        try:
            self._move(JobState.JOB_STATE_PENDING)
            self._trials()
        except Exception:
            log.exception("%s", self.told.name)
            self._fail(GcpError(grpc.StatusCode.INTERNAL, "Internal error encountered.").status())

    def _move(self, state: JobState, error: status_pb2.Status | None = None) -> None:
        """Go on to a state; a job that is over stays over, one that is cancelled goes on so."""
        with self._world.lock:
            advance(self.told, state, self._world.clock.now(), error)

    def _trials(self) -> None:
        while not self.stop.wait(_LOOK_EVERY):
            self._look()
            failed = sum(each.state == Trial.State.INFEASIBLE for each in self.told.trials)
            if failed >= (self.told.max_failed_trial_count or _TOO_MANY):
                return self._fail(self._error)
            if len(self.told.trials) < self.told.max_trial_count:
                if len(self._active) < self.told.parallel_trial_count:
                    self._begin()
            elif not self._active:
                return self._succeed()
        self._end_trials()
        cancelled = GcpError(grpc.StatusCode.CANCELLED, "The job was cancelled.").status()
        return self._move(JobState.JOB_STATE_CANCELLED, cancelled)

    def _succeed(self) -> None:
        """The trials are made; where none of them told a metric, the job has failed."""
        if any(each.state == Trial.State.SUCCEEDED for each in self.told.trials):
            return self._move(JobState.JOB_STATE_SUCCEEDED)
        return self._fail(self._error)

    def _fail(self, error: status_pb2.Status | None) -> None:
        self._end_trials()
        usual = GcpError(grpc.StatusCode.INVALID_ARGUMENT, "Too many trials are infeasible.")
        self._move(JobState.JOB_STATE_FAILED, error or usual.status())

    def _end_trials(self) -> None:
        for job in self._active.values():
            job.stop.set()
        while self._active:
            self._look()
            threading.Event().wait(_LOOK_EVERY)

    def _begin(self) -> None:
        """Start the custom job of the next trial."""
        number, clock = len(self.told.trials) + 1, self._world.clock
        values = self._suggested.of(number)
        job = self._job(str(number), [argument(*each) for each in values.items()])
        trial = Trial(
            name=f"{self.told.name}/trials/{number}",
            id=str(number),
            state=Trial.State.ACTIVE,
            parameters=[{"parameter_id": name, "value": value} for name, value in values.items()],
            start_time=at(clock.now()),
            custom_job=job.name,
        )
        with self._world.lock:
            self._world.custom_jobs[job.name] = job
            self._active[trial.id] = job
            self.told.trials.append(trial)
        run = CustomJobRun(self._world, job)
        threading.Thread(target=run.to_its_end, name=job.name, daemon=True).start()

    def _job(self, trial: str, arguments: list[str]) -> Job:
        """Return a trial's job: the same as all others', but for its arguments and its place."""
        asked = CustomJob(
            display_name=f"{self.told.display_name}-trial-{trial}"[:128],
            job_spec=self.told.trial_job_spec,
        )
        for pool in asked.job_spec.worker_pool_specs:
            pool.container_spec.args = [*pool.container_spec.args, *arguments]
        place = asked.job_spec.base_output_directory
        if place.output_uri_prefix:
            place.output_uri_prefix = f"{place.output_uri_prefix.rstrip('/')}/{trial}"
        name, now = self._world.name("customJobs"), self._world.clock.now()
        job = Job(name, asked, now, capacity=self._capacity)
        job.measured = self._world.folder / "trials" / job.id / "output.metrics"
        job.measured.parent.mkdir(parents=True)
        job.env = {"CLOUD_ML_TRIAL_ID": trial, "CLOUD_ML_HP_METRIC_FILE": str(job.measured)}
        job.log_labels = {"job_id": self.told.name.rpartition("/")[2]}
        job.line_labels = {"trial_id": trial}
        return job

    def _look(self) -> None:
        """See what the trials measured, and which of them are over."""
        for id_, job in list(self._active.items()):
            trial = self.told.trials[int(id_) - 1]
            over = job.told.state in ENDS
            measured = _measured(job, self.told.study_spec.metrics[0].metric_id)
            with self._world.lock:
                trial.measurements = measured
                if job.told.state == JobState.JOB_STATE_RUNNING:
                    self._running()
                if over:
                    self._over(trial, job)
                    del self._active[id_]

    def _running(self) -> None:
        if self.told.state == JobState.JOB_STATE_PENDING:
            self._move(JobState.JOB_STATE_RUNNING)

    def _over(self, trial: Trial, job: Job) -> None:
        """A trial without a measurement is infeasible, and so is one whose command failed."""
        self._running()
        trial.end_time = job.told.end_time
        if job.told.state == JobState.JOB_STATE_SUCCEEDED and trial.measurements:
            trial.final_measurement = trial.measurements[-1]
            trial.state = Trial.State.SUCCEEDED
            return
        trial.state = Trial.State.INFEASIBLE
        trial.infeasible_reason = job.told.error.message or "The trial reported no metric."
        if job.told.state == JobState.JOB_STATE_FAILED:
            self._error = status_pb2.Status()
            self._error.CopyFrom(job.told.error)


def _measured(job: Job, metric: str) -> list[Measurement]:
    """Return what a trial's file says of the metric; lines that are being written are left out."""
    if job.measured is None or not job.measured.exists():
        return []
    found = []
    for line in job.measured.read_text().splitlines():
        try:
            told = json.loads(line)
            value = float(told[metric])
        except (ValueError, KeyError):
            continue
        metrics = [{"metric_id": metric, "value": value}]
        found.append(Measurement(step_count=int(told.get("global_step", 0)), metrics=metrics))
    return found
