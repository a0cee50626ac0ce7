"""Jobs of the workspace, and what the run history tells of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from blocks.providers.azure.emulator.job import ENDS, Job
from blocks.providers.azure.emulator.job_node import LOGS, log_of
from blocks.providers.azure.emulator.job_run import JobRun
from blocks.providers.azure.emulator.launch import DATASTORE, STORAGE
from blocks.providers.azure.emulator.operations import ML, WORKSPACE, Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.resources import Resource
from blocks.providers.azure.emulator.sizes import require_size
from blocks.providers.azure.emulator.world import World

_JOBS = Resource(group="Jobs", path="jobs/{name}", model="JobBase")
_ENDS = {  # what a job fails with before it has a machine
    "out-of-capacity": ("OutOfCapacity", "No machine of that size is free in the region."),
    "image-build-failure": (
        "ImageBuildFailure",
        "Image build failed. For more details, check log file azureml-logs/20_image_build_log.txt.",
    ),
}
NAME = re.compile(r"[a-zA-Z0-9][\w-]{0,254}", re.ASCII)
_DATASTORE = re.compile(r"azureml://datastores/([^/]+)/")
_CHANGING = ("description", "displayName", "tags", "isArchived")  # what may be told anew


class Jobs:
    """Makes, tells, lists and cancels jobs. Each runs in a thread of its own until it is over."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._jobs = world.jobs
        world.levers.update(
            {"reclaim": self._reclaim, "capacity": self._capacity, "job": self._about}
        )

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            _JOBS.put(self.create),
            _JOBS.get(self.get),
            _JOBS.list(self.list),
            _JOBS.post("cancel", self.cancel),
            Route(
                service="history",
                path=f"/history/v1.0{WORKSPACE}runs/{{name}}/details",
                method="GET",
                operation="Runs.GetDetails",
                action=f"{ML}/experiments/runs/read",
                handler=self.details,
            ),
            Route(
                service="history",
                path=f"/history/v1.0{WORKSPACE}runs/{{name}}/children",
                method="GET",
                operation="Runs.GetChild",
                action=f"{ML}/experiments/runs/read",
                handler=self.children,
            ),
        )

    def create(self, asked: Asked) -> Told:
        """Start a job; its name is unique for ever, and telling it anew changes only its words."""
        name, world = asked["name"], self._world
        if (old := self._jobs.get(name)) and old.pipeline:
            raise AzureError("UserError", "A job with this name already exists.")
        if old:
            return Told(body=self._told_anew(old, asked.body))
        _check(name, asked.body["properties"])
        job = Job(name=name, asked=asked.body, created=world.clock.now())
        job.low_priority = self._is_low_priority(asked.body["properties"])
        start(world, job)
        return Told(body=self._told(job), status=201)

    def get(self, asked: Asked) -> Said:
        """Tell all of a job."""
        return self._told(self._known(asked["name"], "ml:Jobs.Get"))

    def list(self, asked: Asked) -> Said:
        """List jobs, the newest first, some at a time."""
        stale = self._world.faults.take("stale-read", "ml:Jobs.List")
        schedule = asked.request.args.get("scheduleId")
        every = [*self._jobs.values(), *self._world.begun.values()]
        mine = [job for job in every if schedule in (None, job.schedule)]
        found = sorted(mine, key=lambda job: -job.created)
        tag = asked.request.args.get("tag", "")
        told = [self._told(job) for job in found if _has(job, tag)][stale:]
        return page(told, asked, self._world.url)

    def cancel(self, asked: Asked) -> Told:
        """Ask a job to stop."""
        job = self._known(asked["name"], "ml:Jobs.Cancel")
        if job.status in ENDS:
            told = f"Run {job.name} is in state {job.status} and cannot be cancelled."
            raise AzureError("UserError", told, 400)
        job.move("CancelRequested", self._world.clock.now())
        job.stop.set()
        return Told(status=200)

    def details(self, asked: Asked) -> Said:
        """Tell what the run history has of a job: times, error, links to its logs."""
        job = self._known(asked["name"], "history:Runs.GetDetails")
        error = {"error": {"code": job.code, "message": job.message}} if job.code else None
        return {
            "runId": job.name,
            "status": job.told_status,
            "startTimeUtc": None if job.began is None else self._world.moment(job.began),
            "endTimeUtc": None if job.ended is None else self._world.moment(job.ended),
            "error": error,
            "logFiles": self._links(job),
            "properties": {},
            "runType": "azureml.PipelineRun" if job.pipeline else "azureml.scriptrun",
        }

    def children(self, asked: Asked) -> Said:
        """Tell the steps of a pipeline."""
        job = self._known(asked["name"], "history:Runs.GetChild")
        step = {
            "runId": job.step,
            "parentRunId": job.name,
            "rootRunId": job.name,
            "status": job.status,
            "displayName": "batchscoring",
            "runType": "azureml.StepRun",
            "properties": {},
            "createdUtc": self._world.moment(job.created),
        }
        return {"value": [step] if job.step else []}

    def _links(self, job: Job) -> dict[str, str]:
        found = {}
        for rank in range(job.count):
            name = log_of(job, rank)
            if self._world.blobs.find(LOGS, name):
                signed = self._world.identity.signed(f"{LOGS}/{name}")
                short = name.partition(f"dcid.{job.name}/")[2]
                found[short] = f"{self._world.url}/{STORAGE}/{LOGS}/{name}?{signed}"
        return found

    def _told(self, job: Job) -> Said:
        asked = job.pipeline or job.properties
        properties = {name: value for name, value in asked.items() if value is not None}
        studio = {"jobServiceType": "Studio", "endpoint": f"{self._world.url}/runs/{job.name}"}
        return {
            "id": self._world.resource(f"jobs/{job.name}"),
            "name": job.name,
            "type": f"{ML}/jobs",
            "properties": {
                **properties,
                "status": job.told_status,
                "services": {"Studio": studio},
                "experimentName": properties.get("experimentName") or "Default",
            },
            "systemData": self._world.made(job.created),
        }

    def _is_low_priority(self, asked: Said) -> bool:
        """Whether machines of the job's cluster can be taken. Raises AzureError without one."""
        if not asked.get("computeId"):
            return False
        name = str(asked["computeId"]).rpartition("/")[2]
        cluster = self._world.clusters.get(name)
        if cluster is None:
            raise AzureError("UserError", f"Compute {name} was not found.", 404)
        if cluster.state != "Succeeded":
            raise AzureError("ResourceNotReady", f"Compute {name} is not ready.", 409)
        return cluster.low_priority

    def _told_anew(self, job: Job, body: Said) -> Said:
        new, old = body["properties"], job.properties
        names = {*new, *old} - {*_CHANGING}
        if changed := sorted(name for name in names if new.get(name) != old.get(name)):
            raise AzureError(
                "UserError",
                "A job with this name already exists. If you are trying to submit a new job, use "
                "a different name. If you are trying to update an existing job, the existing "
                f"job's {', '.join(changed)} cannot be changed.",
            )
        old.update({name: new[name] for name in _CHANGING if name in new})
        return self._told(job)

    def _known(self, name: str, call: str) -> Job:
        job = self._jobs.get(name) or self._world.begun.get(name)
        if job is None or self._world.faults.take("stale-read", call, name):
            raise AzureError("NotFound", f"Run {name} was not found.", 404)
        return job

    def _reclaim(self, said: Said) -> None:
        """Take a job's machines; with ``capacity`` false there are no others until told."""
        with self._world.lock:
            job = self._jobs[said["job"]]
            job.capacity = bool(said.get("capacity", True))
            job.taken.set()

    def _about(self, said: Said) -> Said:
        """Tell of a job what its caller is not told."""
        return {"spot": self._jobs[said["job"]].spot}

    def _capacity(self, said: Said) -> None:
        """Let a job find machines again, or no longer."""
        with self._world.lock:
            self._jobs[said["job"]].capacity = bool(said["there"])


def start(world: World, job: Job) -> None:
    """Let a job run, if there is a machine for it."""
    world.jobs[job.name] = job
    for fault, (code, message) in _ENDS.items():
        if world.faults.take(fault, "*", job.name):
            job.code, job.message = code, message
            job.move("Failed", world.clock.now())
            return
    JobRun(world, job).begin()


def page(items: list[Said], asked: Asked, url: str, *, size: int = 30) -> Said:
    """Return some of a list, and a link to the rest of it, as Resource Manager does."""
    start = int(asked.request.args.get("$skip", 0))
    told: Said = {"value": items[start : start + size]}
    if len(items) > start + size:
        version = asked.request.args.get("api-version", "")
        others = "".join(
            f"&{name}={value}"
            for name, value in asked.request.args.items()
            if name not in ("$skip", "api-version")
        )
        path = asked.request.path
        told["nextLink"] = f"{url}{path}?api-version={version}&$skip={start + size}{others}"
    return told


def _has(job: Job, tag: str) -> bool:
    name, _, value = tag.partition("=")
    return not tag or (job.properties.get("tags") or {}).get(name) == value


def _check(name: str, asked: dict[str, Any]) -> None:
    """Raise what the service says to a job that its model allows, but its rules do not."""
    if asked["jobType"].lower() != "command":
        raise AzureError("NotImplemented", f"{asked['jobType']} jobs are not emulated", 501)
    if not NAME.fullmatch(name):
        raise AzureError("ValidationError", f"{name} cannot be the name of a job.")
    if not asked.get("command"):
        raise AzureError("ValidationError", "The command of the job is empty.")
    machine = (asked.get("resources") or {}).get("instanceType")
    if not asked.get("computeId") and not machine:
        raise AzureError("ValidationError", "Serverless compute needs resources.instance_type.")
    if machine and not asked.get("computeId"):
        require_size(machine, "ValidationError")
    count = int((asked.get("resources") or {}).get("instanceCount", 1))
    if count < 1:
        raise AzureError("ValidationError", "A job has one instance at least.")
    if count > 1 and not asked.get("distribution"):
        raise AzureError("ValidationError", "Several instances need a distribution.")
    for output, said in (asked.get("outputs") or {}).items():
        if not (found := _DATASTORE.match(str(said.get("uri") or ""))):
            told = f"Output {output}: only paths of a datastore can be written to."
            raise AzureError("ValidationError", told)
        if found[1] != DATASTORE:
            raise AzureError("ValidationError", f"Output {output}: no datastore {found[1]}.")
