"""SageMaker's processing jobs: inputs are brought, a command is run, its last words are kept."""

from __future__ import annotations

from pathlib import Path

from blocks.emulation.containers import Container
from blocks.providers.aws.emulator.job_rules import check_volume_key, is_in_ecr
from blocks.providers.aws.emulator.own_programs import own_program
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.short_jobs import ERROR, Answer, Job, Over, ShortJobs, ShortRun
from blocks.providers.aws.emulator.world import MOUNT

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
_LOOK_EVERY = 0.02  # of our own seconds
_WORDS = 1024  # of an exit message
_EMULATED = {
    "ProcessingJobName",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "StoppingCondition",
    "AppSpecification",
    "Environment",
    "NetworkConfig",
    "RoleArn",
    "Tags",
}


class ProcessingJobs(ShortJobs):
    """CreateProcessingJob and its kin."""

    kind, noun, lever = "Processing", "processing-job", "break-machine"

    def _check(self, asked: Answer) -> None:
        if unknown := sorted({*asked} - _EMULATED):
            told = f"not emulated: {', '.join(unknown)}"
            raise AwsError("UnknownOperationException", told, 501)
        _check_machines(asked["ProcessingResources"]["ClusterConfig"])
        _check_outputs(asked)
        application = asked["AppSpecification"]
        if not is_in_ecr(application["ImageUri"]):
            told = f"Invalid image URI {application['ImageUri']}. Please provide a valid Amazon "
            told += "Elastic Container Registry path of the Docker image to run."
            raise AwsError("ValidationException", told)
        if not application.get("ContainerEntrypoint"):
            own_program(application["ImageUri"])

    def _run(self, job: Job) -> ShortRun:
        return _Run(self._world, job)


class _Run(ShortRun):
    """Brings the inputs, runs the command, brings the outputs."""

    def _work(self, folder: Path) -> None:
        job, clock = self._job, self._world.clock
        self._fill(folder)
        began = self._begin()
        container = self._started(folder)
        limit = job.asked.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400)
        while container.poll() is None:
            if job.broken.is_set():
                container.end()
                raise Over("Failed", ERROR)
            overdue = clock.now() >= began + limit
            if job.stop.wait(_LOOK_EVERY) or overdue:
                container.stop(clock, grace=self._world.settings.grace)
                self._hear(folder)
                raise Over("Stopped")
        status = container.end()
        self._hear(folder)
        if status:
            raise Over("Failed", f"AlgorithmError: See job logs for more information, {status}")
        self._bring(folder)
        raise Over("Completed")

    def _started(self, folder: Path) -> Container:
        job, world = self._job, self._world
        application = job.asked["AppSpecification"]
        program = application.get("ContainerEntrypoint") or own_program(application["ImageUri"])
        command = [*program, *application.get("ContainerArguments", [])]
        stream = f"{job.name}/algo-1-{int(world.clock.now())}"
        env = {
            **world.container_env(),
            "PROCESSING_JOB_NAME": job.name,
            **job.asked.get("Environment", {}),
        }

        def hear(line: str) -> None:
            world.logs.write(LOG_GROUP, stream, line)

        name = f"processing-job/{job.name}/algo-1"
        return world.containers.run(name, folder, command, env, hear)

    def _fill(self, folder: Path) -> None:
        """Bring the inputs to where the container looks for them. Raises Over without any."""
        for each in self._job.asked.get("ProcessingInputs", []):
            source = each["S3Input"]
            place = folder / _below(source["LocalPath"])
            place.mkdir(parents=True)
            if not self._world.objects.download(source["S3Uri"], place):
                told = f'No S3 objects found under S3 URL "{source["S3Uri"]}"'
                raise Over("Failed", f"ClientError: Data download failed:{told}")
        for _, place in self._outputs(folder):
            place.mkdir(parents=True)

    def _outputs(self, folder: Path) -> list[tuple[str, Path]]:
        """Return where each output goes, and the folder that is kept of it."""
        told = self._job.asked.get("ProcessingOutputConfig", {}).get("Outputs", [])
        outputs = [each["S3Output"] for each in told]
        return [(each["S3Uri"], folder / _below(each["LocalPath"])) for each in outputs]

    def _bring(self, folder: Path) -> None:
        """Bring the outputs to S3, as SageMaker does at the end of a job. Raises Over."""
        for uri, place in self._outputs(folder):
            if not self._world.objects.has_bucket(uri):
                raise Over("Failed", f"ClientError: Data upload failed: no bucket for {uri}")
            self._world.objects.upload(place, uri)

    def _hear(self, folder: Path) -> None:
        """Keep the container's last words."""
        file = folder / "output" / "message"
        if file.exists():
            with self._world.lock:
                self._job.words = file.read_text(errors="replace")[:_WORDS]


def _check_machines(cluster: Answer) -> None:
    if cluster["InstanceCount"] > 1:
        raise AwsError("UnknownOperationException", "not emulated: several instances", 501)
    check_volume_key(cluster)


def _check_outputs(asked: Answer) -> None:
    """Raise what SageMaker says to outputs that its model allows, but its rules do not."""
    outputs = asked.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for each in outputs:
        target = each.get("S3Output")
        if target is None or target["S3UploadMode"] != "EndOfJob":
            told = "only outputs that go to S3 at the end of a job are emulated"
            raise AwsError("UnknownOperationException", told, 501)
    places = [
        told["LocalPath"]
        for told in (
            *(each["S3Input"] for each in asked.get("ProcessingInputs", [])),
            *(each["S3Output"] for each in outputs),
        )
    ]
    for place in places:
        if not place.startswith(f"{MOUNT}/processing/"):
            told = f"LocalPath must begin with {MOUNT}/processing/, not {place}"
            raise AwsError("ValidationException", told)
    if len(set(places)) < len(places):
        raise AwsError("ValidationException", "LocalPath must be unique across inputs and outputs")


def _below(place: str) -> str:
    return place.removeprefix(f"{MOUNT}/")
