"""Invocations of batch endpoints: each is a pipeline job whose one step scores files."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.providers.azure.emulator.batch_driver import ASKED, Step
from blocks.providers.azure.emulator.batch_endpoints import BatchEndpoints, Made
from blocks.providers.azure.emulator.batch_rules import check_invocation
from blocks.providers.azure.emulator.job import Job, seconds
from blocks.providers.azure.emulator.jobs import NAME, start
from blocks.providers.azure.emulator.launch import DATASTORE, STORAGE
from blocks.providers.azure.emulator.operations import ML, Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.replica import asset_of, source_of
from blocks.providers.azure.emulator.world import World

_DEPLOYMENT, _AGAIN = "azureml-model-deployment", "repeatability-request-id"
_DRIVER = f"{__package__}.batch_driver"
_COMMAND = (
    f"python -m {_DRIVER} ${{{{inputs.code}}}} ${{{{inputs.model}}}} ${{{{inputs.data}}}} "
    "${{outputs.score}}"
)
_KINDS = {"UriFolder": "uri_folder", "UriFile": "uri_file"}


class BatchJobs:
    """Starts a job for each invocation; one that is repeated word by word starts none."""

    def __init__(self, world: World, endpoints: BatchEndpoints) -> None:
        self._world, self._endpoints = world, endpoints
        self._answers: dict[str, Said] = {}  # to invocations that may be repeated, by their ids

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            Route(
                service="ml",
                method="POST",
                path="/batch/{endpoint}/jobs",
                operation="BatchEndpoints.Invoke",
                action=f"{ML}/batchEndpoints/jobs/write",
                handler=self.invoke,
            ),
        )

    def invoke(self, asked: Asked) -> Told:
        """Start a job of the deployment that is named, or of the default."""
        again = asked.request.headers.get(_AGAIN, "")
        if again in self._answers:
            return Told(body=self._answers[again], status=201)
        endpoint = self._endpoints.known(asked["endpoint"])
        deployment = self._chosen(endpoint, asked.request.headers.get(_DEPLOYMENT, ""))
        check_invocation(asked.body)
        job = self._job(endpoint, deployment, asked.body["properties"])
        start(self._world, job)
        told = {
            "id": self._world.resource(f"jobs/{job.name}"),
            "name": job.name,
            "type": f"{ML}/jobs",
            "properties": {"status": job.status, **asked.body["properties"]},
        }
        if again:
            self._answers[again] = told
        return Told(body=told, status=201)

    def _chosen(self, endpoint: Made, wanted: str) -> Made:
        name = wanted or endpoint.default
        found = endpoint.deployments.get(name)
        if found is None or found.state != "Succeeded":
            raise AzureError("BadRequest", f"There is no deployment {name!r} that can be asked.")
        return found

    def _job(self, endpoint: Made, deployment: Made, asked: Said) -> Job:
        world, number = self._world, len(self._world.jobs)
        name = asked.get("name") or f"batchjob-{endpoint.name}-{number}"
        if not NAME.fullmatch(name):
            raise AzureError("ValidationError", f"{name} cannot be the name of a job.")
        if name in world.begun or world.jobs.get(name):
            raise AzureError("UserError", "A job with this name already exists.", 409)
        [data] = asked["inputData"].values()
        usual = f"azureml://datastores/{DATASTORE}/paths/azureml/{name}/score/"
        score = (asked.get("outputData") or {}).get("score") or {"uri": usual}
        step = f"{name}-batchscoring"
        said = {"name": name, "endpoint": endpoint.name, "data": data, "score": score}
        job = Job(
            name=name,
            asked={"properties": _step(world, deployment.body["properties"], said, step)},
            created=world.clock.now(),
            step=step,
            pipeline=_pipeline(asked, said),
        )
        cluster = world.clusters.get(deployment.body["properties"]["compute"].rpartition("/")[2])
        if cluster is None:
            raise AzureError("BadRequest", "The compute of the deployment is gone.")
        job.low_priority = cluster.low_priority
        return job


def _pipeline(asked: Said, said: Said) -> Said:
    """Return how the job itself is told of: a pipeline with no more than its data."""
    return {
        "jobType": "Pipeline",
        "experimentName": (asked.get("properties") or {}).get("experimentName") or said["endpoint"],
        "inputs": {"data": _input(said["data"])},
        "outputs": {"score": {"jobOutputType": "uri_folder", "uri": said["score"]["uri"]}},
        "properties": {"azureml.pipelineComponent": "batchscoring"},
    }


def _input(data: Said) -> Said:
    return {"jobInputType": _KINDS[data["jobInputType"]], "uri": data["uri"]}


def _step(world: World, deployed: Said, said: Said, step: str) -> Said:
    """Return what the step runs, as the command that it is."""
    code, model = (
        _folder(world, asset_of(world, name)[field])
        for name, field in (
            (deployed["codeConfiguration"]["codeId"], "codeUri"),
            (deployed["model"]["assetId"], "modelUri"),
        )
    )
    wanted = _wanted(deployed, str(model["uri"]).rstrip("/").rpartition("/")[2])
    count = (deployed.get("resources") or {}).get("instanceCount") or 1
    return {
        "jobType": "Command",
        "command": _COMMAND,
        "inputs": {"code": code, "model": model, "data": _input(said["data"])},
        "outputs": {"score": {"jobOutputType": "uri_folder", "uri": said["score"]["uri"]}},
        "resources": {"instanceCount": count},
        "distribution": {"distributionType": "Mpi", "processCountPerInstance": 1},
        "environmentVariables": {
            **(deployed.get("environmentVariables") or {}),
            "AZUREML_RUN_ID": step,
            "AZUREML_ROOT_RUN_ID": said["name"],
            ASKED: wanted.model_dump_json(),
        },
    }


def _wanted(deployed: Said, model: str) -> Step:
    """Return how the script is to be called with a model's folder of that name."""
    retry, appends = deployed.get("retrySettings") or {}, deployed["outputAction"] == "AppendRow"
    return Step(
        script=deployed["codeConfiguration"]["scoringScript"],
        model=model,
        mini_batch=deployed["miniBatchSize"],
        retries=retry.get("maxRetries", 3),
        timeout=seconds(retry.get("timeout") or "PT30S"),
        threshold=deployed["errorThreshold"],
        rows_to=deployed["outputFileName"] if appends else "",
    )


def _folder(world: World, uri: str) -> Said:
    container, path = source_of(world, uri)
    place = f"abfss://{container}@{STORAGE}.dfs.core.windows.net/{path}"
    return {"jobInputType": "uri_folder", "uri": place}
