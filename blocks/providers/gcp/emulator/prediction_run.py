"""The work of one batch prediction job: instances are shared out to replicas, and answers kept."""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import grpc
from google.cloud.aiplatform_v1.types import BatchPredictionJob, JobState, Model
from google.protobuf.json_format import MessageToDict
from google.rpc import status_pb2

from blocks.providers.gcp.emulator.custom_job import ENDS, Over, advance, at
from blocks.providers.gcp.emulator.deployment import STUCK
from blocks.providers.gcp.emulator.model_server import Place
from blocks.providers.gcp.emulator.prediction_rules import no_machine
from blocks.providers.gcp.emulator.prediction_share import Share
from blocks.providers.gcp.emulator.refusals import GcpError
from blocks.providers.gcp.emulator.world import World

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.02  # of our own seconds
_BATCH, _MOST_REPLICAS = 64, 10  # where a job says nothing
_HOUR = 3600.0


class PredictionRun:
    """Runs a job as Vertex AI does, in the thread that calls."""

    def __init__(
        self, world: World, name: str, asked: BatchPredictionJob, model: Model, *, capacity: bool
    ) -> None:
        self._world, self._model, self._capacity = world, model, capacity
        self.told = BatchPredictionJob(asked)
        self.told.name = name
        self.told.create_time = self.told.update_time = at(world.clock.now())
        self.told.state = JobState.JOB_STATE_QUEUED
        self.told.model_version_id = model.version_id
        self.stop = threading.Event()
        self._shares: list[Share] = []

    def to_its_end(self) -> None:
        """Go through every state. Whatever goes wrong in here is the job's failure."""
        try:
            self._machines()
            self._predicted()
        except Over as over:
            self._end(over.state, over.error)
        except GcpError as error:
            self._end(JobState.JOB_STATE_FAILED, error.status())
        except Exception:
            log.exception("%s", self.told.name)
            broken = GcpError(grpc.StatusCode.INTERNAL, "Internal error encountered.")
            self._end(JobState.JOB_STATE_FAILED, broken.status())

    def _move(self, state: JobState, error: status_pb2.Status | None = None) -> None:
        """Go on to a state; a job that is over stays over, one that is cancelled goes on so."""
        with self._world.lock:
            advance(self.told, state, self._world.clock.now(), error)

    def lose(self, *, capacity: bool) -> None:
        """Lose every machine; without capacity there are no others."""
        self._capacity = capacity
        for each in self._shares:
            each.lose(capacity=capacity)

    def _machines(self) -> None:
        """Wait for the machines. Raises Over if there will be none."""
        self._move(JobState.JOB_STATE_PENDING)
        clock = self._world.clock
        ready = clock.now() + self._world.settings.provisioning
        if self._world.faults.take("stuck-deploying", "*", self.told.display_name):
            ready += STUCK
        while not self._capacity or clock.now() < ready:
            if not self._capacity:
                raise no_machine(self._world.location)
            if self.stop.wait(_LOOK_EVERY):
                raise Over(JobState.JOB_STATE_CANCELLED)

    def _predicted(self) -> None:
        """Have every instance predicted, or tell why not. Always raises."""
        instances = self._instances()
        self._begin(instances)
        while any(each.works() for each in self._shares):
            if self.stop.wait(_LOOK_EVERY):
                raise Over(JobState.JOB_STATE_CANCELLED)
            self._count(len(instances))
        self._count(len(instances))
        if broken := next((each.broken for each in self._shares if each.broken), None):
            raise broken
        self._write()
        if instances and not self.told.completion_stats.successful_count:
            said = "; ".join(message for each in self._shares for message in set(each.errors))
            raise GcpError(grpc.StatusCode.INVALID_ARGUMENT, f"All predictions failed. {said}")
        raise Over(JobState.JOB_STATE_SUCCEEDED)

    def _instances(self) -> list[Any]:
        found: list[Any] = []
        for uri in self.told.input_config.gcs_source.uris:
            content = self._world.objects.read(uri)
            if content is None:
                raise GcpError(grpc.StatusCode.NOT_FOUND, f"There is no input file {uri}.")
            try:
                found += [json.loads(line) for line in content.splitlines() if line.strip()]
            except ValueError as error:
                message = f"{uri} has a line that is no JSON: {error}"
                raise GcpError(grpc.StatusCode.INVALID_ARGUMENT, message) from error
        return found

    def _begin(self, instances: Sequence[Any]) -> None:
        """Start the replicas, each with its share: it is known from the beginning."""
        resources = self.told.dedicated_resources
        count = resources.starting_replica_count or resources.max_replica_count or _MOST_REPLICAS
        size = max(1, -(-len(instances) // count))
        parts = [instances[start : start + size] for start in range(0, len(instances), size)]
        told = MessageToDict(BatchPredictionJob.pb(self.told))
        place = Place(
            endpoint=self.told.name.rpartition("/")[2],
            deployed_model="0",
            display_name=self.told.display_name,
            machine=resources.machine_spec.machine_type,
            kind="batch-prediction/",
        )
        batch = self.told.manual_batch_tuning_parameters.batch_size or _BATCH
        more = {"parameters": told["modelParameters"]} if "modelParameters" in told else {}
        self._move(JobState.JOB_STATE_RUNNING)
        self._shares = [
            Share(self._world, self._model, place, part, batch=batch, more=more) for part in parts
        ]
        if not self._capacity:
            raise no_machine(self._world.location)

    def _count(self, instances: int) -> None:
        good = sum(len(each.predicted) for each in self._shares)
        bad = sum(each.errors.total() for each in self._shares)
        with self._world.lock:
            self.told.completion_stats = {
                "successful_count": good,
                "failed_count": bad,
                "incomplete_count": instances - good - bad,
            }

    def _write(self) -> None:
        """Write predictions and errors to a new folder, as for custom-trained models."""
        created = self.told.create_time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        prefix = self.told.output_config.gcs_destination.output_uri_prefix.rstrip("/")
        folder = f"{prefix}/prediction-{self._model.display_name}-{created}"
        of = f"of-{len(self._shares):05d}"
        for number, share in enumerate(self._shares):
            lines = "".join(f"{json.dumps(each)}\n" for each in share.predicted)
            place = f"{folder}/prediction.results-{number:05d}-{of}"
            if not self._world.objects.write(place, lines.encode()):
                raise GcpError(grpc.StatusCode.NOT_FOUND, f"There is no bucket for {folder}.")
        errors: Counter[str] = sum((each.errors for each in self._shares), Counter())
        told = "".join(f"{each!r}\n" for each in errors.items())
        self._world.objects.write(f"{folder}/prediction.errors_stats-00000-of-00001", told.encode())
        with self._world.lock:
            self.told.output_info = {"gcs_output_directory": folder}

    def _end(self, state: JobState, error: status_pb2.Status | None) -> None:
        for each in self._shares:
            each.end()
        with self._world.lock:
            if "start_time" in self.told and self.told.state not in ENDS:
                ran = self._world.clock.now() - self.told.start_time.timestamp()
                hours = ran / _HOUR * len(self._shares)
                self.told.resources_consumed = {"replica_hours": hours}
            advance(self.told, state, self._world.clock.now(), error)
