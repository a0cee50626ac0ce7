"""The work of one training job: machines, channels, containers, checkpoints, artifacts."""

from __future__ import annotations

import io
import logging
import math
import tarfile
import threading
from pathlib import Path

from moto.s3.exceptions import MissingBucket

from blocks.emulation.containers import Container
from blocks.providers.aws.emulator.checkpoint_sync import CheckpointSync
from blocks.providers.aws.emulator.training_job import Job, Over
from blocks.providers.aws.emulator.training_node import start_node
from blocks.providers.aws.emulator.world import World

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.02  # of our own seconds
_RETRYING = (
    "Insufficient capacity error from EC2 while launching instances, retrying!"  # as it is worded
)


class TrainingRun:
    """Runs a job as SageMaker does, in the thread that calls."""

    def __init__(self, world: World, job: Job, *, warm: bool = False) -> None:
        """``warm``: there are machines already, which an earlier job has left."""
        self._world, self._job, self._warm = world, job, warm
        self._nodes: list[Container] = []
        self._machines = 0

    def to_its_end(self) -> None:
        """Go through every state. Whatever goes wrong in here is the job's failure."""
        try:
            message = "Starting the training job"
            while True:
                self._machine(message)
                if self._trained():
                    self._upload()
                    raise Over("Completed", "Training job completed")
                message = "Launching requested ML instances"
        except Over as over:
            self._end(over.secondary, over.message)
        except Exception:
            log.exception("training job %s", self._job.name)
            self._end("Failed", "InternalServerError: We encountered an internal error.")

    def _machine(self, message: str) -> None:
        """Wait for a machine, and fill it. Raises Over if there will be none."""
        job, clock, settings = self._job, self._world.clock, self._world.settings
        self._move("Starting", message)
        ready = clock.now() + settings.provisioning
        patience = math.inf if settings.patience is None else settings.patience
        gives_up = min(job.gives_up, ready + patience)
        told = False
        while not self._warm and (not job.capacity or clock.now() < ready):
            if not job.capacity and not job.spot:
                raise Over(
                    "Failed",
                    "CapacityError: Unable to provision requested ML compute capacity. Please "
                    "retry using a different ML instance type.",
                )
            if not job.capacity and not told:
                told = True
                self._move("Starting", _RETRYING)
            self._patient(gives_up)
        self._move("Downloading", "Downloading the training image")
        with self._world.lock:
            job.machine(clock.now(), there=True)
            job.taken.clear()
        self._nodes = []
        for number in range(1, job.count + 1):
            self._machines += 1
            self._nodes.append(start_node(self._world, job, f"algo-{number}", self._machines))
        self._move("Training", "Training image download completed. Training in progress.")

    def _patient(self, gives_up: float) -> None:
        """Wait one look for a machine. Raises Over when that is to end."""
        job, clock = self._job, self._world.clock
        if job.stop.wait(_LOOK_EVERY):
            raise Over("Stopped", "Training job stopped")
        if clock.now() >= gives_up:
            self._move("Stopping", "Stopping the training job")
            raise Over("MaxWaitTimeExceeded", "Training job exceeded MaxWaitTimeInSeconds")

    def _trained(self) -> bool:
        """Wait for the containers; return whether they ended by themselves. Raises Over."""
        job, clock = self._job, self._world.clock
        left = job.max_runtime - job.trained
        ends = (job.since or clock.now()) + left
        syncing = CheckpointSync(self._world, job, self._nodes)
        while any(node.poll() is None for node in self._nodes):
            if job.taken.is_set():
                return self._lost(syncing)
            if job.stop.wait(_LOOK_EVERY):
                self._leave(syncing)
                raise Over("Stopped", "Training job stopped")
            if clock.now() >= ends:
                self._leave(syncing)
                raise Over("MaxRuntimeExceeded", "Training job exceeded MaxRuntimeInSeconds")
            if clock.now() >= job.gives_up:
                self._leave(syncing)
                raise Over("MaxWaitTimeExceeded", "Training job exceeded MaxWaitTimeInSeconds")
            syncing.when_due()
        self._gone(syncing)
        if failed := [node for node in self._nodes if node.poll()]:
            raise Over("Failed", _failure(failed[0]))
        return True

    def _lost(self, syncing: CheckpointSync) -> bool:
        """The machine was taken: with notice on spot, without where it just broke."""
        if not self._job.spot:
            for node in self._nodes:
                node.end()
            with self._world.lock:
                self._job.machine(self._world.clock.now(), there=False)
            raise Over(
                "Failed", "InternalServerError: We encountered an internal error. Please try again."
            )
        self._stop_nodes()
        self._gone(syncing)
        self._move("Interrupted", "Training job interrupted. Spot capacity was reclaimed.")
        return False

    def _leave(self, syncing: CheckpointSync) -> None:
        """Stop the containers as asked, and keep what they made."""
        if not self._job.stop.is_set():
            self._move("Stopping", "Stopping the training job")
        self._stop_nodes()
        self._gone(syncing)
        self._upload()

    def _stop_nodes(self) -> None:
        grace = self._world.settings.grace
        threads = [
            threading.Thread(target=node.stop, args=(self._world.clock,), kwargs={"grace": grace})
            for node in self._nodes
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    def _gone(self, syncing: CheckpointSync) -> None:
        for node in self._nodes:
            node.end()
        syncing.now()
        with self._world.lock:
            self._job.machine(self._world.clock.now(), there=False)

    def _upload(self) -> None:
        """Bring what lies in the model folders to S3. Raises Over where there is no bucket."""
        self._move("Uploading", "Uploading generated training model")
        target = self._job.told()["ModelArtifacts"]["S3ModelArtifacts"]
        try:
            for node in self._nodes:
                if target.endswith("/"):
                    self._world.objects.upload(node.folder / "model", target)
                else:
                    self._world.objects.write(target, _packed(node.folder / "model"))
        except MissingBucket as error:
            raise Over("Failed", f"ClientError: Artifact upload failed: {error}") from error

    def _end(self, secondary: str, message: str) -> None:
        for node in self._nodes:
            node.end()
        with self._world.lock:
            self._job.machine(self._world.clock.now(), there=False)
        self._move(secondary, message)

    def _move(self, secondary: str, message: str) -> None:
        with self._world.lock:
            self._job.move(secondary, message, self._world.clock.now())


def _failure(node: Container) -> str:
    """Return the reason as it is told: the first kilobyte of the failure file."""
    file = node.folder / "output" / "failure"
    said = file.read_text(errors="replace") if file.exists() else ""
    return f"AlgorithmError: {said[:900]}, exit code: {node.poll()}"


def _packed(folder: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, arcname=file.name)
    return out.getvalue()
