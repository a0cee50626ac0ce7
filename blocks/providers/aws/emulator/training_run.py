"""The work of one training job: machines, channels, containers, checkpoints, artifacts."""

from __future__ import annotations

import io
import json
import logging
import math
import shutil
import tarfile
import threading
from pathlib import Path
from typing import Any

from moto.s3.exceptions import MissingBucket

from blocks.providers.aws.emulator.containers import Container
from blocks.providers.aws.emulator.training_job import Job
from blocks.providers.aws.emulator.world import World

__all__ = ["Job", "TrainingRun"]

log = logging.getLogger(__name__)

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_LOOK_EVERY = 0.02  # of our own seconds
_SYNC_EVERY = 0.2
_RETRYING = (
    "Insufficient capacity error from EC2 while launching instances, retrying!"  # as it is worded
)


class _Over(Exception):
    """The job is over, with its last state and a message."""

    def __init__(self, secondary: str, message: str) -> None:
        super().__init__(message)
        self.secondary, self.message = secondary, message


class TrainingRun:
    """Runs a job as SageMaker does, in the thread that calls."""

    def __init__(self, world: World, job: Job) -> None:
        self._world, self._job = world, job
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
                    raise _Over("Completed", "Training job completed")
                message = "Launching requested ML instances"
        except _Over as over:
            self._end(over.secondary, over.message)
        except Exception:
            log.exception("training job %s", self._job.name)
            self._end("Failed", "InternalServerError: We encountered an internal error.")

    def _machine(self, message: str) -> None:
        """Wait for a machine, and fill it. Raises _Over if there will be none."""
        job, clock = self._job, self._world.clock
        self._move("Starting", message)
        ready = clock.now() + self._world.settings.provisioning
        told = False
        while not job.capacity or clock.now() < ready:
            if not job.capacity and not job.spot:
                raise _Over(
                    "Failed",
                    "CapacityError: Unable to provision requested ML compute capacity. Please "
                    "retry using a different ML instance type.",
                )
            if not job.capacity and not told:
                told = True
                self._move("Starting", _RETRYING)
            self._patient()
        self._move("Downloading", "Downloading the training image")
        with self._world.lock:
            job.machine(clock.now(), there=True)
            job.taken.clear()
        self._nodes = [self._node(number) for number in range(1, self._count() + 1)]
        self._move("Training", "Training image download completed. Training in progress.")

    def _patient(self) -> None:
        """Wait one look for a machine. Raises _Over when that is to end."""
        job, clock = self._job, self._world.clock
        if job.stop.wait(_LOOK_EVERY):
            raise _Over("Stopped", "Training job stopped")
        if clock.now() >= job.gives_up:
            self._move("Stopping", "Stopping the training job")
            raise _Over("MaxWaitTimeExceeded", "Training job exceeded MaxWaitTimeInSeconds")

    def _node(self, number: int) -> Container:
        """Make one machine's folder and start the command on it."""
        job, host = self._job, f"algo-{number}"
        folder = self._folder(host)
        config = folder / "input" / "config"
        config.mkdir(parents=True)
        for name in ("model", "output/data", "checkpoints", "input/data"):
            (folder / name).mkdir(parents=True)
        for name, value in self._configuration(host).items():
            (config / f"{name}.json").write_text(json.dumps(value))
        self._fill(folder)
        algorithm = job.asked["AlgorithmSpecification"]
        command = [*algorithm["ContainerEntrypoint"], *algorithm.get("ContainerArguments", [])]
        stream = f"{job.name}/{host}-{int(self._world.clock.now())}-{self._machines}"

        def hear(line: str) -> None:
            self._world.logs.write(LOG_GROUP, stream, line)
            with self._world.lock:
                job.hear(line, self._world.clock.now())

        env = {
            **self._world.container_env(),
            "TRAINING_JOB_NAME": job.name,
            "TRAINING_JOB_ARN": job.arn,
            **job.asked.get("Environment", {}),
        }
        name = f"training-job/{job.name}/{host}"
        try:
            return self._world.containers.run(name, folder, command, env, hear)
        except OSError as error:
            raise _Over("Failed", f"AlgorithmError: {error}, exit code: 127") from error

    def _folder(self, host: str) -> Path:
        self._machines += 1
        place = self._world.folder / "training-jobs" / self._job.name
        folder = place / f"{host}-{self._machines}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def _configuration(self, host: str) -> dict[str, Any]:
        job, count = self._job, self._count()
        hosts = [f"algo-{number}" for number in range(1, count + 1)]
        channels = {
            each["ChannelName"]: {
                "TrainingInputMode": "File",
                "S3DistributionType": each["DataSource"]["S3DataSource"].get(
                    "S3DataDistributionType", "FullyReplicated"
                ),
                "RecordWrapperType": "None",
            }
            for each in job.asked.get("InputDataConfig", [])
        }
        return {
            "hyperparameters": job.asked.get("HyperParameters", {}),
            "inputdataconfig": channels,
            "resourceconfig": {
                "current_host": host,
                "current_instance_type": job.asked["ResourceConfig"]["InstanceType"],
                "hosts": hosts,
                "network_interface_name": "lo",
            },
        }

    def _fill(self, folder: Path) -> None:
        """Download the channels and what checkpoints there are. Raises _Over without data."""
        objects = self._world.objects
        for channel in self._job.asked.get("InputDataConfig", []):
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            place = folder / "input" / "data" / channel["ChannelName"]
            place.mkdir(exist_ok=True)
            if not objects.download(uri, place):
                raise _Over(
                    "Failed",
                    f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" '
                    "given in input data source. Please ensure that the bucket exists in the "
                    f"selected region ({self._world.region}), that objects exist under that S3 "
                    "prefix, and that the role has permission to list them.",
                )
        checkpoints = self._job.asked.get("CheckpointConfig")
        if checkpoints:
            objects.download(f"{checkpoints['S3Uri'].rstrip('/')}/", folder / "checkpoints")

    def _trained(self) -> bool:
        """Wait for the containers; return whether they ended by themselves. Raises _Over."""
        job, clock = self._job, self._world.clock
        left = job.max_runtime - job.trained
        ends = (job.since or clock.now()) + left
        syncing = _Sync(self._world, job, self._nodes)
        while any(node.poll() is None for node in self._nodes):
            if job.taken.is_set():
                return self._lost(syncing)
            if job.stop.wait(_LOOK_EVERY):
                self._leave(syncing)
                raise _Over("Stopped", "Training job stopped")
            if clock.now() >= ends:
                self._leave(syncing)
                raise _Over("MaxRuntimeExceeded", "Training job exceeded MaxRuntimeInSeconds")
            if clock.now() >= job.gives_up:
                self._leave(syncing)
                raise _Over("MaxWaitTimeExceeded", "Training job exceeded MaxWaitTimeInSeconds")
            syncing.when_due()
        self._gone(syncing)
        if failed := [node for node in self._nodes if node.poll()]:
            raise _Over("Failed", _failure(failed[0]))
        return True

    def _lost(self, syncing: _Sync) -> bool:
        """The machine was taken: with notice on spot, without where it just broke."""
        if not self._job.spot:
            for node in self._nodes:
                node.end()
            with self._world.lock:
                self._job.machine(self._world.clock.now(), there=False)
            raise _Over(
                "Failed", "InternalServerError: We encountered an internal error. Please try again."
            )
        self._stop_nodes()
        self._gone(syncing)
        self._move("Interrupted", "Training job interrupted. Spot capacity was reclaimed.")
        return False

    def _leave(self, syncing: _Sync) -> None:
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

    def _gone(self, syncing: _Sync) -> None:
        for node in self._nodes:
            node.end()
        syncing.now()
        with self._world.lock:
            self._job.machine(self._world.clock.now(), there=False)

    def _upload(self) -> None:
        """Bring what lies in the model folders to S3. Raises _Over where there is no bucket."""
        self._move("Uploading", "Uploading generated training model")
        target = self._job.told()["ModelArtifacts"]["S3ModelArtifacts"]
        try:
            for node in self._nodes:
                if target.endswith("/"):
                    self._world.objects.upload(node.folder / "model", target)
                else:
                    self._world.objects.write(target, _packed(node.folder / "model"))
        except MissingBucket as error:
            raise _Over("Failed", f"ClientError: Artifact upload failed: {error}") from error

    def _end(self, secondary: str, message: str) -> None:
        for node in self._nodes:
            node.end()
        self._move(secondary, message)

    def _move(self, secondary: str, message: str) -> None:
        with self._world.lock:
            self._job.move(secondary, message, self._world.clock.now())

    def _count(self) -> int:
        return int(self._job.asked["ResourceConfig"]["InstanceCount"])


class _Sync:
    """Carries new checkpoints to S3 while a job runs; what is removed here stays there."""

    def __init__(self, world: World, job: Job, nodes: list[Container]) -> None:
        self._world, self._nodes = world, nodes
        self._target = str(job.asked.get("CheckpointConfig", {}).get("S3Uri", "")).rstrip("/")
        self._seen: dict[Path, tuple[int, int]] = {}
        self._last = -math.inf

    def when_due(self) -> None:
        """Look for new files, if the last look was a while ago."""
        if self._world.clock.now() - self._last >= _SYNC_EVERY:
            self.now()

    def now(self) -> None:
        """Carry what is new or changed."""
        self._last = self._world.clock.now()
        if not self._target:
            return
        for node in self._nodes:
            place = node.folder / "checkpoints"
            for file in sorted(place.rglob("*")):
                self._carry(file, place)

    def _carry(self, file: Path, place: Path) -> None:
        try:
            status = file.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if file.is_file() and self._seen.get(file) != stamp:
                content = file.read_bytes()
                self._world.objects.write(f"{self._target}/{file.relative_to(place)}", content)
                self._seen[file] = stamp
        except FileNotFoundError:
            pass  # drafts come and go


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
