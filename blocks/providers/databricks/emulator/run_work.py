"""The work of one run: a cluster comes, its driver runs the task, and both go."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from blocks.emulation.containers import Container
from blocks.providers.databricks.emulator.pools import FULL, InstancePools
from blocks.providers.databricks.emulator.run import Over, Run
from blocks.providers.databricks.emulator.spark import spark_env
from blocks.providers.databricks.emulator.world import World

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.02  # of our own seconds
_KEPT = 10_000  # lines of output that are told


class RunWork:
    """Runs a run as Databricks does, in a thread of its own."""

    def __init__(self, world: World, run: Run, pools: InstancePools) -> None:
        self._world, self._run, self._pools = world, run, pools
        self._driver: Container | None = None

    def begin(self) -> None:
        """Run it."""
        threading.Thread(target=self._to_its_end, name=str(self._run.id), daemon=True).start()

    def _to_its_end(self) -> None:
        """Go through every state. Whatever goes wrong in here is the run's failure."""
        try:
            self._require_room()
            self._cluster()
            self._worked()
        except Over as over:
            self._end(over)
        except Exception:
            log.exception("run %s", self._run.id)
            self._end(Over("FAILED", "INTERNAL_ERROR", "An internal error occurred."))

    def _cluster(self) -> None:
        """Wait for the cluster, and start the driver. Raises Over if there will be none."""
        run, world = self._run, self._world
        self._require_machine()
        quick = self._pools.is_waiting(run.cluster)
        ready = world.clock.now() + (0 if quick else world.settings.provisioning)
        while world.clock.now() < ready:
            if run.stop.wait(_LOOK_EVERY):
                raise _cancelled()
        env = self._env()
        if lacking := _not_installed(run):
            told = f"Library installation failed: no matching distribution for {lacking}"
            raise Over("FAILED", "LIBRARY_INSTALLATION_ERROR", told)
        if run.stop.is_set():
            raise _cancelled()
        self._driver = self._started(env)
        with world.lock:
            run.state, run.message, run.began = "RUNNING", "In run", world.milliseconds()

    def _require_room(self) -> None:
        if self._run.crowded:
            told = "The job has as many runs as max_concurrent_runs allows."
            raise Over("MAXIMUM_CONCURRENT_RUNS_REACHED", "MAX_CONCURRENT_RUNS_EXCEEDED", told)

    def _require_machine(self) -> None:
        run, faults = self._run, self._world.faults
        if faults.take("stock-out", "*", str(run.id)):
            raise _no_cluster("CLOUD_FAILURE", "CLOUD_PROVIDER_RESOURCE_STOCKOUT")
        if faults.take("cluster-quota", "*", str(run.id)):
            raise _no_cluster("CLUSTER_ERROR", "AWS_RESOURCE_QUOTA_EXCEEDED")
        if self._pools.is_full(run.cluster):
            raise _no_cluster("CLOUD_FAILURE", FULL)

    def _env(self) -> dict[str, str]:
        """Return the variables of the cluster, with secrets in place of their names."""
        try:
            return self._world.resolved(self._run.cluster.get("spark_env_vars") or {})
        except LookupError as error:
            raise Over(
                "FAILED", "CLUSTER_ERROR", str(error), cluster="SECRET_RESOLUTION_ERROR"
            ) from error

    def _worked(self) -> None:
        """Wait for the task. Raises Over."""
        run, clock, driver = self._run, self._world.clock, self._driver
        assert driver is not None  # noqa: S101
        limit = run.task.get("timeout_seconds") or run.asked.get("timeout_seconds")
        ends = clock.now() + limit if limit else None
        while driver.poll() is None:
            if run.taken.is_set():
                raise self._lost()
            if run.stop.wait(_LOOK_EVERY):
                raise _cancelled()
            if ends is not None and clock.now() >= ends:
                raise Over("TIMEDOUT", "CANCELED", f"Run timed out after {limit} seconds.")
        if status := driver.end():
            raise Over(
                "FAILED",
                "RUN_EXECUTION_ERROR",
                f"Workload failed, see run output for details: exit status {status}",
            )
        raise Over("SUCCESS", "SUCCESS")

    def _lost(self) -> Over:
        """Return what is said where the driver's machine is gone: it goes without notice."""
        reason = "SPOT_INSTANCE_TERMINATION" if self._run.spot else "INSTANCE_UNREACHABLE"
        code = "CLOUD_FAILURE" if self._run.spot else "CLUSTER_ERROR"
        return Over("FAILED", code, f"Cluster terminated. Reason: {reason}", cluster=reason)

    def _started(self, env: dict[str, str]) -> Container:
        world, run = self._world, self._run
        folder = world.folder / "clusters" / (run.cluster_id or f"serverless-{run.id}")
        (folder / "tmp").mkdir(parents=True)
        name = f"run/{run.id}/{run.asked.get('run_name', '')}"
        given = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "TMPDIR": str(folder / "tmp"),
            **world.container_env(),
            **({} if run.cluster_id else {"IS_SERVERLESS": "TRUE"}),
            **spark_env(run.cluster.get("spark_conf") or {}, folder),
            **{key: self._mounted(value) for key, value in env.items()},
        }
        return world.containers.run(name, folder, self._command(), given, self._hear)

    def _command(self) -> Sequence[str]:
        """Return what the driver runs. Raises Over where the file is not there."""
        task = self._run.task
        if wheel := task.get("python_wheel_task"):
            return ["python", "-m", wheel["package_name"], *self._run.arguments(wheel)]
        said = task["spark_python_task"]
        file = Path(self._mounted(said["python_file"]))
        if not file.is_file():
            told = f"Cannot read the python file {said['python_file']}."
            raise Over("FAILED", "RESOURCE_NOT_FOUND", told)
        return ["python", str(file), *map(self._mounted, self._run.arguments(said))]

    def _mounted(self, value: str) -> str:
        if value.startswith("/Volumes/"):
            return str(self._world.place(value))
        return value

    def _hear(self, line: str) -> None:
        self._run.logs.append(line)
        del self._run.logs[:-_KEPT]

    def _end(self, over: Over) -> None:
        if self._driver is not None:
            self._driver.end()
        with self._world.lock:
            run = self._run
            run.state, run.message, run.over = "TERMINATED", over.message, over
            run.ended = self._world.milliseconds()


def _not_installed(run: Run) -> str:
    """Return what a serverless run needs that is not here: what there is stands for an index."""
    for environment in run.asked.get("environments") or ():
        for line in (environment.get("spec") or {}).get("dependencies") or ():
            if line.startswith("/Volumes/"):
                continue  # a wheel of ours, which is this interpreter's too
            wanted = Requirement(line)
            try:
                if not wanted.specifier.contains(version(wanted.name), prereleases=True):
                    return str(line)
            except PackageNotFoundError:
                return str(line)
    return ""


def _no_cluster(code: str, reason: str) -> Over:
    told = f"Unexpected failure while waiting for the cluster to be ready: {reason}"
    return Over("FAILED", code, told, cluster=reason)


def _cancelled() -> Over:
    return Over("CANCELED", "USER_CANCELED", "Run cancelled.")
