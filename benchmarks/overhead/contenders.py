"""The release, bare Prefect, and plain Python: the same ten steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.sorting import FlowRunSort

from benchmarks.overhead.instant import InstantPlatform
from benchmarks.overhead.project import make
from flows.release import release


def contenders(folder: Path, steps: Sequence[str]) -> dict[str, Callable[[], Any]]:
    """Return what to run, by name, each on a world of its own in ``folder``."""
    spec, model = make(folder)
    platform = InstantPlatform.make(folder / "workspace", model)
    return {
        "plain Python": lambda: [_nothing(step) for step in steps],
        "bare Prefect tasks": lambda: _bare(list(steps)),
        "bluewater release": lambda: release(platform, spec),
    }


def stages() -> dict[str, float]:
    """Return the wall seconds of each task of the newest release."""
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=5)
        newest = next(run for run in runs if run.name.startswith("release"))
        tasks = client._client.post(
            "/task_runs/filter",
            json={
                "flow_runs": {"id": {"any_": [str(newest.id)]}},
                "sort": "EXPECTED_START_TIME_ASC",
            },
        ).json()
    return {each["name"].split()[0]: float(each["total_run_time"]) for each in tasks}


@flow(name="bare")
def _bare(steps: list[str]) -> None:
    for step in steps:
        _step(step)


@task
def _step(name: str) -> str:
    return _nothing(name)


def _nothing(name: str) -> str:
    return name
