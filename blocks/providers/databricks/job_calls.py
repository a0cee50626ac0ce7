"""Named jobs in Databricks' words: what all attempts at one kind of work have in common.

Pure: nothing is called here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from databricks.sdk.service.jobs import (
    BaseRun,
    JobEnvironment,
    JobParameterDefinition,
    Run,
    RunTask,
    SubmitTask,
    Task,
)

_MOST = 1000  # runs at once, which is what Databricks allows
_OF_ONE_RUN = "bluewater-token"  # a tag
_PROGRAMS = ("spark_python_task", "python_wheel_task")


def to_create(call: Mapping[str, Any], name: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments that make a job of whose runs ``call`` would submit one.

    Its name ends with a digest of all that it is: a job is never changed, so that nobody's run can
    meet what another one wanted.
    """
    [task] = call["tasks"]
    count = len(arguments_of(task))
    definition: dict[str, Any] = {
        "tasks": [_common(task)],
        "environments": call.get("environments"),
        "parameters": [JobParameterDefinition(name=each, default="") for each in _names(count)],
        "max_concurrent_runs": _MOST,
        "tags": dict(tags),
    }
    return {"name": f"{name}-{_digest(definition)}", **definition}


def to_run_now(call: Mapping[str, Any], job_id: int) -> dict[str, Any]:
    """Return the arguments that start a run of a job, or find the one of the same token."""
    [task] = call["tasks"]
    given = arguments_of(task)
    return {
        "job_id": job_id,
        "idempotency_token": call["idempotency_token"],
        "job_parameters": dict(zip(_names(len(given)), given, strict=True)),
    }


def arguments_of_run(run: Run | BaseRun, task: RunTask) -> list[str]:
    """Return what the program of a run was given: a job's runs have it as parameters of the job."""
    told = {str(each.name): each.value or each.default or "" for each in run.job_parameters or ()}
    given = arguments_of(task)
    names = _names(len(given))
    return [told[name] for name in names] if told.keys() >= set(names) else given


def arguments_of(task: SubmitTask | RunTask) -> list[str]:
    """Return what the program of a task is given."""
    program = task.spark_python_task or task.python_wheel_task
    return list(program.parameters or ()) if program else []


def _common(task: SubmitTask) -> Task:
    """Return a task without what it has of one run."""
    told = task.as_dict()
    for program in told.keys() & set(_PROGRAMS):
        names = _names(len(told[program].get("parameters", ())))
        references = [f"{{{{job.parameters.{name}}}}}" for name in names]
        told[program] = {**told[program], "parameters": references}
    if tags := told.get("new_cluster", {}).get("custom_tags"):
        tags.pop(_OF_ONE_RUN, None)
    if "environment_key" in told and "description" in told:
        kept = [each for each in parse_qsl(told["description"]) if each[0] != _OF_ONE_RUN]
        told["description"] = urlencode(kept)
    return Task.from_dict(told)


def _names(count: int) -> Sequence[str]:
    return [f"argument{number}" for number in range(count)]


def _digest(definition: Mapping[str, Any]) -> str:
    told = {name: _plain(value) for name, value in definition.items()}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    known = (Task, JobEnvironment, JobParameterDefinition)
    return value.as_dict() if isinstance(value, known) else value
