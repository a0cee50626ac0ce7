"""The work of one custom job: machines, containers, restarts, and its end."""

from __future__ import annotations

import logging
import threading

import grpc
from google.cloud.aiplatform_v1.types import JobState
from google.rpc import status_pb2

from blocks.providers.gcp.emulator.custom_job import Job, Over, advance
from blocks.providers.gcp.emulator.custom_job_node import LOG_KIND, Node, start_node
from blocks.providers.gcp.emulator.refusals import GcpError
from blocks.providers.gcp.emulator.world import World

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.02  # of our own seconds
_RESTARTS = 6  # of a whole job that lost its machines


class CustomJobRun:
    """Runs a job as Vertex AI does, in the thread that calls."""

    def __init__(self, world: World, job: Job) -> None:
        self._world, self._job = world, job
        self._nodes: list[Node] = []
        self._began: float | None = None
        self._lost = 0

    def to_its_end(self) -> None:
        """Go through every state. Whatever goes wrong in here is the job's failure."""
        try:
            while True:
                self._machines()
                self._trained()
        except Over as over:
            self._end(over)
        except Exception:
            log.exception("%s", self._job.name)
            self._end(_failed(grpc.StatusCode.INTERNAL, "Internal error encountered."))

    def _machines(self) -> None:
        """Wait for the machines, and start the containers. Raises Over if there will be none."""
        job, clock = self._job, self._world.clock
        self._move(JobState.JOB_STATE_PENDING, "Waiting for job to be provisioned.")
        ready = clock.now() + self._world.settings.provisioning
        while not job.capacity or clock.now() < ready:
            if not job.capacity:
                raise self._stock_out()
            if job.stop.wait(_LOOK_EVERY):
                raise Over(JobState.JOB_STATE_CANCELLED)
        job.taken.clear()
        self._nodes = []
        for pool, spec in enumerate(job.told.job_spec.worker_pool_specs):
            for index in range(spec.replica_count):
                self._nodes.append(start_node(self._world, job, pool, index, serial=self._lost))
        self._began = self._began or clock.now()
        self._move(JobState.JOB_STATE_RUNNING, "Job is running.")

    def _trained(self) -> None:
        """Wait for the containers. Returns only where the job starts again; else raises Over."""
        job, clock = self._job, self._world.clock
        ends = (self._began or clock.now()) + job.timeout
        while any(node.container.poll() is None for node in self._nodes):
            if job.taken.is_set():
                return self._taken()
            if job.stop.wait(_LOOK_EVERY):
                self._stop_nodes()
                raise Over(JobState.JOB_STATE_CANCELLED)
            if clock.now() >= ends:
                self._stop_nodes()
                raise _cancelled("The job has reached its maximum running time.")
            self._sync()
        self._gone()
        failed = next((node for node in self._nodes if node.container.poll()), None)
        if failed is not None:
            raise _failed(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"The replica {failed.task} exited with a non-zero status of "
                f"{failed.container.poll()}. To find out more about why your job exited please "
                "check the logs.",
            )
        raise Over(JobState.JOB_STATE_SUCCEEDED)

    def _taken(self) -> None:
        """The machines were taken: with notice on spot, without where one just broke."""
        self._stop_nodes() if self._job.spot else self._gone()
        self._lost += 1
        if self._job.restarts and self._lost <= _RESTARTS:
            self._say("Worker was restarted; restarting the job.")
            return
        if self._job.spot:
            raise self._stock_out()
        raise _failed(grpc.StatusCode.INTERNAL, "Internal error occurred for the current attempt.")

    def _stock_out(self) -> Over:
        return _failed(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"Resources are insufficient in region: {self._world.location}. Please try a "
            "different region or use a different accelerator.",
        )

    def _sync(self) -> None:
        for node in self._nodes:
            node.mount.when_due()

    def _stop_nodes(self) -> None:
        grace = self._world.settings.grace
        threads = [
            threading.Thread(
                target=node.container.stop, args=(self._world.clock,), kwargs={"grace": grace}
            )
            for node in self._nodes
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self._gone()

    def _gone(self) -> None:
        for node in self._nodes:
            node.container.end()
            node.mount.now()

    def _end(self, over: Over) -> None:
        for node in self._nodes:
            node.container.end()
        message = "Job failed." if over.error else "Job completed successfully."
        self._move(over.state, message, over.error)

    def _move(self, state: JobState, message: str, error: status_pb2.Status | None = None) -> None:
        self._say(message)
        with self._world.lock:
            advance(self._job.told, state, self._world.clock.now(), error)

    def _say(self, message: str) -> None:
        labels = {**self._job.log_labels, "task_name": "service"}
        self._world.logs.write("ml.googleapis.com", message, kind=LOG_KIND, labels=labels)


def _failed(code: grpc.StatusCode, message: str) -> Over:
    return Over(JobState.JOB_STATE_FAILED, _status(code, message))


def _cancelled(message: str) -> Over:
    return Over(JobState.JOB_STATE_CANCELLED, _status(grpc.StatusCode.CANCELLED, message))


def _status(code: grpc.StatusCode, message: str) -> status_pb2.Status:
    return GcpError(code, message).status()
