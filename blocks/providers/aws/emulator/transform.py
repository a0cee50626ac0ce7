"""SageMaker's transform jobs: each object is one request to a model, and each answer one object.

Simpler than the real service in three points: nothing is split or assembled, a container is not
asked for its execution parameters, and an answer keeps the path of its object below the prefix.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from blocks.emulation import loopback
from blocks.emulation.containers import Container
from blocks.emulation.ports import next_port
from blocks.providers.aws.container import HOST, PORT
from blocks.providers.aws.emulator.fleets import SERVE, STAND_IN
from blocks.providers.aws.emulator.job_rules import check_volume_key
from blocks.providers.aws.emulator.model_files import NoModel, bring
from blocks.providers.aws.emulator.models import Models
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.short_jobs import ERROR, Answer, Job, Over, ShortJobs, ShortRun
from blocks.providers.aws.emulator.world import World

LOG_GROUP = "/aws/sagemaker/TransformJobs"
_FAILED = "AlgorithmError: See job logs for more information"
_LOOK_EVERY = 0.02  # of our own seconds
_MOST = 100  # megabytes: of one request, and of all that are on their way
_PAYLOAD, _TIMEOUT = 6, 600  # megabytes and seconds, unless told
_MEGABYTE = 1 << 20
_OURS = "BLUEWATER_"
_EMULATED = {
    "TransformJobName",
    "ModelName",
    "MaxConcurrentTransforms",
    "ModelClientConfig",
    "MaxPayloadInMB",
    "BatchStrategy",
    "Environment",
    "TransformInput",
    "TransformOutput",
    "TransformResources",
    "Tags",
}


class TransformJobs(ShortJobs):
    """CreateTransformJob and its kin."""

    kind, noun, lever = "Transform", "transform-job", "break-transform"

    def __init__(self, world: World, models: Models) -> None:
        super().__init__(world)
        self._models = models

    def _check(self, asked: Answer) -> None:
        check_transform(asked)
        container = self._models.describe({"ModelName": asked["ModelName"]})["PrimaryContainer"]
        if "ModelDataSource" in container:
            told = "ModelDataSource is not supported for batch transform."
            raise AwsError("ValidationException", told)

    def _run(self, job: Job) -> ShortRun:
        model = self._models.describe({"ModelName": job.asked["ModelName"]})
        return _Run(self._world, job, model["PrimaryContainer"])


class _Run(ShortRun):
    """Starts the container, sends it every object, and keeps what it answers."""

    def __init__(self, world: World, job: Job, container: Mapping[str, Any]) -> None:
        super().__init__(world, job)
        self._model, self._url = container, ""
        self._http = loopback.client(timeout=_TIMEOUT)

    def _work(self, folder: Path) -> None:
        try:
            bring(self._world.objects, self._model, folder / "model")
        except NoModel as error:
            raise Over("Failed", f"ClientError: {error}") from error
        self._begin()
        container = self._started(folder)
        watch = threading.Thread(target=self._watch, args=(container,), daemon=True)
        watch.start()
        try:
            self._await(container)
            failed = [name for name, uri in self._inputs() if not self._sent(container, name, uri)]
        finally:
            container.end()
            watch.join()
        self._require_undisturbed()
        raise Over("Failed", f"{_FAILED}: {failed[0]}") if failed else Over("Completed")

    def _started(self, folder: Path) -> Container:
        job, world, port = self._job, self._world, next_port()
        self._url = f"http://127.0.0.1:{port}"
        env = {
            **world.container_env(),
            **self._model.get("Environment", {}),
            "SAGEMAKER_BATCH": "true",
            **job.asked.get("Environment", {}),
            HOST: "127.0.0.1",
            PORT: str(port),
        }

        def hear(line: str) -> None:
            world.logs.write(LOG_GROUP, f"{job.name}/i-0", line)

        command = SERVE if any(each.startswith(_OURS) for each in env if each != HOST) else STAND_IN
        return world.containers.run(f"transform-job/{job.name}", folder, command, env, hear)

    def _watch(self, container: Container) -> None:
        """End the container when the job is stopped, or its machine breaks."""
        while container.poll() is None:
            if self._job.broken.is_set():
                container.end()
            elif self._job.stop.wait(_LOOK_EVERY):
                container.stop(self._world.clock, grace=self._world.settings.grace)

    def _await(self, container: Container) -> None:
        while not self._is_healthy():
            self._require_alive(container)
            self._job.stop.wait(_LOOK_EVERY)

    def _is_healthy(self) -> bool:
        try:
            return self._http.get(f"{self._url}/ping").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def _require_alive(self, container: Container) -> None:
        self._require_undisturbed()
        if container.poll() is not None:
            raise Over("Failed", _FAILED)

    def _require_undisturbed(self) -> None:
        if self._job.broken.is_set():
            raise Over("Failed", ERROR)
        if self._job.stop.is_set():
            raise Over("Stopped")

    def _inputs(self) -> Iterator[tuple[str, str]]:
        """Yield the path of each object below its prefix, and where it is. Raises Over."""
        source = self._job.asked["TransformInput"]["DataSource"]["S3DataSource"]
        objects, uri = self._world.objects, source["S3Uri"]
        if source["S3DataType"] == "S3Prefix":
            folder = uri[: uri.rfind("/") + 1]
            found = [(each.removeprefix(folder), each) for each in objects.walk(uri)]
        else:
            listed = json.loads(objects.read(uri) or b"[{}]")
            found = [(each, f"{listed[0]['prefix']}{each}") for each in listed[1:]]
        if not found:
            raise Over("Failed", f'ClientError: No S3 objects found under S3 URL "{uri}"')
        yield from found

    def _sent(self, container: Container, name: str, uri: str) -> bool:
        """Send one object and keep the answer; whether there was one. Raises Over."""
        body = self._world.objects.read(uri)
        if body is None:
            raise Over("Failed", f"ClientError: {uri} is not there")
        if len(body) > self._job.asked.get("MaxPayloadInMB", _PAYLOAD) * _MEGABYTE:
            return False
        tries = self._job.asked.get("ModelClientConfig", {}).get("InvocationsMaxRetries", 0) + 1
        answers = (self._answered(container, body) for _ in range(tries))
        content = next((each for each in answers if each is not None), None)
        if content is None:
            return False
        folder = self._job.asked["TransformOutput"]["S3OutputPath"].rstrip("/")
        self._world.objects.write(f"{folder}/{name}.out", content)
        return True

    def _answered(self, container: Container, body: bytes) -> bytes | None:
        self._require_alive(container)
        asked = self._job.asked
        headers = {
            "content-type": asked["TransformInput"].get("ContentType", ""),
            "accept": asked["TransformOutput"].get("Accept", "*/*"),
        }
        limit = asked.get("ModelClientConfig", {}).get("InvocationsTimeoutInSeconds", _TIMEOUT)
        try:
            where = f"{self._url}/invocations"
            reply = self._http.post(where, content=body, headers=headers, timeout=limit)
        except httpx.HTTPError:
            return None
        return reply.content if reply.status_code == httpx.codes.OK else None


def check_transform(asked: Answer) -> None:
    """Raise what SageMaker says to a job that cannot be, whatever its model, or is not emulated."""
    if unknown := sorted({*asked} - _EMULATED):
        told = f"not emulated: {', '.join(unknown)}"
        raise AwsError("UnknownOperationException", told, 501)
    _check_whole(asked["TransformInput"], asked["TransformOutput"])
    _check_payload(asked)
    if asked["TransformResources"]["InstanceCount"] > 1:
        raise AwsError("UnknownOperationException", "not emulated: several instances", 501)
    check_volume_key(asked["TransformResources"])


def _check_whole(given: Answer, made: Answer) -> None:
    """Raise for what is not sent and kept as it is."""
    plain = ("CompressionType", given), ("SplitType", given), ("AssembleWith", made)
    for word, told in plain:
        if told.get(word, "None") != "None":
            raise AwsError("UnknownOperationException", f"not emulated: {word}", 501)
    source = given["DataSource"]["S3DataSource"]["S3DataType"]
    if source not in ("ManifestFile", "S3Prefix"):
        raise AwsError("ValidationException", f"{source} is not supported for batch transform.")


def _check_payload(asked: Answer) -> None:
    payload, at_once = asked.get("MaxPayloadInMB", _PAYLOAD), asked.get("MaxConcurrentTransforms")
    if payload > _MOST:
        raise AwsError("ValidationException", f"MaxPayloadInMB must not be above {_MOST}.")
    if payload * (at_once or 1) > _MOST:
        told = f"MaxConcurrentTransforms * MaxPayloadInMB must not be above {_MOST} MB."
        raise AwsError("ValidationException", told)
    if not payload:
        raise AwsError("UnknownOperationException", "not emulated: chunked payloads", 501)
