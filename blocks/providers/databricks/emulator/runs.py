"""One-time runs of the workspace, and the clusters that they are on."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from blocks.providers.databricks.emulator.operations import Asked, Route, Said
from blocks.providers.databricks.emulator.pools import InstancePools
from blocks.providers.databricks.emulator.refusals import invalid
from blocks.providers.databricks.emulator.run import Run
from blocks.providers.databricks.emulator.run_checks import check_run
from blocks.providers.databricks.emulator.run_work import RunWork
from blocks.providers.databricks.emulator.world import World

_LONGEST_TOKEN = 64
_PAGE = 25
_FIRST, _STEP = 100_000_000_000_001, 10
MANAGE = "allow-cluster-create"  # a run of one's own is seen and cancelled by whom it is


class Runs:
    """Starts, tells, lists and cancels runs. Each works in a thread of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._runs: dict[int, Run] = {}
        self._tokens: dict[tuple[int, str], int] = {}
        self.pools = InstancePools(self._used)
        world.levers["reclaim"] = self._reclaim

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        api = "jobs:JobsAPI"
        return (
            *self.pools.routes(),
            Route(sdk=f"{api}.submit", action=MANAGE, handler=self.submit),
            Route(sdk=f"{api}.get_run", action="run CAN_VIEW", handler=self.get),
            Route(sdk=f"{api}.get_run_output", action="run CAN_VIEW", handler=self.output),
            Route(sdk=f"{api}.list_runs", action="run CAN_VIEW", handler=self.list),
            Route(sdk=f"{api}.cancel_run", action="run CAN_MANAGE_RUN", handler=self.cancel),
            Route(
                sdk="compute:ClustersAPI.get",
                action="cluster CAN_ATTACH_TO",
                handler=self.cluster,
            ),
        )

    def submit(self, asked: Asked) -> Said:
        """Start a run, or tell the one that was started under the same token."""
        return self.start(asked, asked.body, token=asked.body.get("idempotency_token") or "")

    def start(
        self,
        asked: Asked,
        body: Said,
        *,
        token: str,
        job_id: int = 0,
        parameters: Sequence[Said] = (),
    ) -> Said:
        """Start a run, of a job if it has one, where there is none of that token."""
        world, known = self._world, (job_id, token)
        if len(token) > _LONGEST_TOKEN:
            raise invalid(f"idempotency_token has more than {_LONGEST_TOKEN} characters")
        if known in self._tokens:
            return {"run_id": self._tokens[known]}
        check_run(body, self.pools)
        cluster = body["tasks"][0].get("new_cluster") or {}
        if cluster.get("instance_pool_id"):
            world.permit(asked.caller, "pool CAN_ATTACH_TO")
        run = Run(
            id=_FIRST + _STEP * len(self._runs),
            asked=body,
            creator=asked.caller,
            created=world.milliseconds(),
            cluster_id=f"1125-{len(self._runs):06d}-{uuid.uuid4().hex[:8]}" if cluster else "",
            from_spot=self.pools.is_spot(cluster),
            job_id=job_id,
            parameters=parameters,
        )
        run.crowded = self._is_crowded(run)
        self._runs[run.id] = run
        if token:
            self._tokens[known] = run.id
        RunWork(world, run, self.pools).begin()
        return {"run_id": run.id}

    def get(self, asked: Asked) -> Said:
        """Tell all of a run, or of the run of its task."""
        run = self._known(asked.query["run_id"], "jobs:get_run")
        return _without(run.told(self._world.url), "format")

    def output(self, asked: Asked) -> Said:
        """Tell what the run of a task has printed."""
        run = self._known(asked.query["run_id"], "jobs:get_run_output")
        if int(asked.query["run_id"]) != run.task_id:
            raise invalid("Retrieving the output of runs with multiple tasks is not supported.")
        error = run.message if run.over is not None and run.over.result == "FAILED" else None
        told: Said = {
            "logs": "\n".join(run.logs),
            "logs_truncated": False,
            "metadata": self.get(asked),
        }
        return {**told, **({"error": error} if error else {})}

    def list(self, asked: Asked) -> Said:
        """List runs, the newest first, some at a time."""
        query = asked.query
        stale = self._world.faults.take("stale-read", "jobs:list_runs")
        found = sorted(self._runs.values(), key=lambda run: -run.id)[stale:]
        since = int(query.get("start_time_from") or 0)
        found = [run for run in found if run.created >= since]
        if query.get("job_id"):
            found = [run for run in found if run.job_id == int(query["job_id"])]
        if query.get("active_only") == "true":
            found = [run for run in found if run.over is None]
        size, start = int(query.get("limit") or _PAGE), int(query.get("page_token") or 0)
        told = [run.told(self._world.url) for run in found[start : start + size]]
        hidden = ("format",) if query.get("expand_tasks") == "true" else ("format", "tasks")
        answer: Said = {"runs": [_without(each, *hidden) for each in told]}
        if len(found) > start + size:
            answer["next_page_token"] = str(start + size)
        return answer | {"has_more": len(found) > start + size}

    def cancel(self, asked: Asked) -> Said:
        """Ask a run to stop; what is over stays as it is."""
        self._known(asked.body["run_id"], "jobs:cancel_run").stop.set()
        return {}

    def cluster(self, asked: Asked) -> Said:
        """Tell of a run's cluster, and why it ended."""
        wanted = asked.query["cluster_id"]
        run = next((run for run in self._runs.values() if run.cluster_id == wanted), None)
        if run is None:
            raise invalid(f"Cluster {wanted} does not exist")
        told: Said = {**run.cluster, "cluster_id": wanted, "cluster_source": "JOB"}
        if run.over is None:
            return told | {"state": "RUNNING" if run.began else "PENDING"}
        lost = run.over.cluster != "JOB_FINISHED"
        kind = "CLOUD_FAILURE" if lost else "SUCCESS"
        reason = {"code": run.over.cluster, "type": kind}
        return told | {"state": "TERMINATED", "termination_reason": reason}

    def _known(self, id_: Any, call: str) -> Run:
        number = int(id_)
        run = self._runs.get(number) or self._runs.get(number - 1)
        if run is None or self._world.faults.take("stale-read", call, str(number)):
            raise invalid(f"Run {number} does not exist.")
        return run

    def _used(self, pool: str) -> int:
        """Return how many machines of a pool are with runs."""
        runs = [each for each in self._runs.values() if each.over is None]
        return sum(each.cluster.get("instance_pool_id") == pool for each in runs)

    def _is_crowded(self, run: Run) -> bool:
        """Whether a run's job has as many runs as it may have at once."""
        alive = [each for each in self._runs.values() if each.over is None]
        at_once = run.asked.get("max_concurrent_runs", 1)
        return bool(run.job_id) and sum(each.job_id == run.job_id for each in alive) >= at_once

    def _reclaim(self, said: dict[str, Any]) -> None:
        """Take the machine of a run."""
        with self._world.lock:
            self._runs[int(said["job"])].taken.set()


def _without(told: Said, *names: str) -> Said:
    return {name: value for name, value in told.items() if name not in names}
