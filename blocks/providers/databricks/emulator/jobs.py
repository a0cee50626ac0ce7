"""Jobs of the workspace: what their runs have in common, kept under an id until it is removed.

Any number of them may have one name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from blocks.providers.databricks.emulator.operations import Asked, Route, Said
from blocks.providers.databricks.emulator.refusals import Refused, invalid
from blocks.providers.databricks.emulator.run_checks import check_task_of
from blocks.providers.databricks.emulator.runs import MANAGE, Runs
from blocks.providers.databricks.emulator.world import World

_FIRST, _PAGE, _MOST = 200_000_000_000_001, 20, 1000
_PARAMETER = re.compile(r"[\w.-]{1,100}", re.ASCII)
_REFERENCE = re.compile(r"\{\{job\.parameters\.([\w.-]+)\}\}", re.ASCII)
_TAGS = 25  # of a job
_NOT_EMULATED = ("continuous", "git_source", "job_clusters", "queue", "schedule", "trigger")


class Jobs:
    """Makes, tells, lists and removes jobs, and starts their runs."""

    def __init__(self, world: World) -> None:
        self._world, self._runs = world, Runs(world)
        self._jobs: dict[int, Said] = {}
        self._made = 0

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        api = "jobs:JobsAPI"
        return (
            *self._runs.routes(),
            Route(sdk=f"{api}.create", action=MANAGE, handler=self.create),
            Route(sdk=f"{api}.get", action="job CAN_VIEW", handler=self.get),
            Route(sdk=f"{api}.list", action="job CAN_VIEW", handler=self.list),
            Route(sdk=f"{api}.delete", action="job CAN_MANAGE", handler=self.delete),
            Route(sdk=f"{api}.run_now", action="job CAN_MANAGE_RUN", handler=self.run_now),
        )

    def create(self, asked: Asked) -> Said:
        """Keep a job. There may be others of its name."""
        settings = asked.body
        _check(settings)
        check_task_of(settings, self._runs.pools)
        id_ = _FIRST + 10 * self._made
        self._made += 1
        self._jobs[id_] = {
            "job_id": id_,
            "creator_user_name": asked.caller,
            "created_time": self._world.milliseconds(),
            "settings": {"name": "Untitled", "format": "MULTI_TASK", **settings},
        }
        return {"job_id": id_}

    def get(self, asked: Asked) -> Said:
        """Tell all of a job."""
        return self._known(asked.query["job_id"], "jobs:get")

    def list(self, asked: Asked) -> Said:
        """List jobs, the newest first, some at a time; tasks only where they are asked for."""
        query = asked.query
        stale = self._world.faults.take("stale-read", "jobs:list")
        found = sorted(self._jobs.values(), key=lambda job: -job["job_id"])[stale:]
        if name := query.get("name"):
            found = [job for job in found if job["settings"]["name"].lower() == name.lower()]
        size, start = int(query.get("limit") or _PAGE), int(query.get("page_token") or 0)
        told = found[start : start + size]
        if query.get("expand_tasks") != "true":
            told = [_brief(job) for job in told]
        answer: Said = {"jobs": told, "has_more": len(found) > start + size}
        if answer["has_more"]:
            answer["next_page_token"] = str(start + size)
        return answer

    def delete(self, asked: Asked) -> Said:
        """Remove a job; its runs stay to be seen."""
        del self._jobs[self._known(asked.body["job_id"], "jobs:delete")["job_id"]]
        return {}

    def run_now(self, asked: Asked) -> Said:
        """Start a run of a job, or tell the one that was started under the same token."""
        body = asked.body
        if extra := sorted(body.keys() - {"job_id", "idempotency_token", "job_parameters"}):
            raise Refused("NOT_IMPLEMENTED", f"{extra[0]} of a run is not emulated", 501)
        job = self._known(body["job_id"], "jobs:run_now")
        settings = job["settings"]
        defaults = {each["name"]: each["default"] for each in settings.get("parameters", [])}
        given = body.get("job_parameters") or {}
        if unknown := sorted(given.keys() - defaults.keys()):
            raise invalid(f"Job {job['job_id']} has no parameter {unknown[0]}.")
        parameters = [
            {"name": name, "default": default, "value": given.get(name, default)}
            for name, default in defaults.items()
        ]
        return self._runs.start(
            asked,
            {**settings, "run_name": settings["name"]},
            token=body.get("idempotency_token") or "",
            job_id=job["job_id"],
            parameters=parameters,
        )

    def _known(self, id_: Any, call: str) -> Said:
        job = self._jobs.get(int(id_))
        if job is None or self._world.faults.take("stale-read", call, str(id_)):
            raise invalid(f"Job {id_} does not exist.")
        return job


def _check(settings: Said) -> None:
    for name in _NOT_EMULATED:
        if settings.get(name):
            raise Refused("NOT_IMPLEMENTED", f"{name} of jobs is not emulated", 501)
    if len(settings.get("tags") or {}) > _TAGS:
        raise invalid(f"A job has {_TAGS} tags at most.")
    if not 0 <= settings.get("max_concurrent_runs", 1) <= _MOST:
        raise invalid(f"max_concurrent_runs is between 0 and {_MOST}.")
    names = [each["name"] for each in settings.get("parameters", [])]
    if wrong := [name for name in names if not _PARAMETER.fullmatch(name)]:
        raise invalid(f"Job parameter {wrong[0]!r}: letters, digits, '_', '-' and '.'.")
    if len(set(names)) < len(names):
        raise invalid("Job parameters have names of their own.")
    for task in settings.get("tasks") or []:
        program = task.get("spark_python_task") or task.get("python_wheel_task") or {}
        for referred in _REFERENCE.findall(" ".join(program.get("parameters") or [])):
            if referred not in names:
                raise invalid(f"{{{{job.parameters.{referred}}}}} is no parameter of the job.")


def _brief(job: Said) -> Said:
    hidden = ("tasks", "environments", "parameters")
    settings = {name: value for name, value in job["settings"].items() if name not in hidden}
    return {**job, "settings": settings}
