"""On what a run is: a cluster of its own, a machine of a pool, or serverless compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.compute import ClusterSpec, Environment, GetInstancePool
from databricks.sdk.service.jobs import JobEnvironment, RunTask, SubmitTask

from blocks.contracts import InvalidRequest, TrainingRequest, Unsupported
from blocks.providers.databricks.account import CloudName, DatabricksWorkspace
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.clusters import to_cluster
from blocks.providers.databricks.errors import is_missing, meaning_of

SERVERLESS = "serverless"  # the machine of who wants none of his own
ENVIRONMENT = "3"  # version of what is installed there: Python 3.12
_KEY = "bluewater"  # of the one environment of a run
_DEFAULTS: Mapping[CloudName, str] = {  # of pools that say nothing
    "aws": "SPOT",
    "azure": "ON_DEMAND_AZURE",
    "gcp": "ON_DEMAND_GCP",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What a block says of where its runs are."""

    cloud: CloudName
    image: str = ""
    runtime: str
    pool: str = ""
    dependencies: Sequence[str] = ()  # of serverless runs, as pip writes them
    workers: int = 0  # machines beside the driver

    def over(self, workers: int) -> Placement:
        """Return the same place with that many workers."""
        return replace(self, workers=workers)

    def submitted(
        self,
        task: Mapping[str, Any],
        machine: str,
        *,
        spot: bool,
        env: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> dict[str, Any]:
        """Return the arguments for a run of one task that say what it is, and on what."""
        if machine == SERVERLESS:
            told = SubmitTask(**task, environment_key=_KEY, description=urlencode(tags))
            return {"tasks": [told], "environments": [self._environment()]}
        cluster = to_cluster(
            machine,
            cloud=self.cloud,
            spot=spot,
            image=self.image,
            runtime=self.runtime,
            env=env,
            tags={**tags},
            pool=self.pool,
            workers=self.workers,
        )
        return {"tasks": [SubmitTask(**task, new_cluster=cluster)]}

    def _environment(self) -> JobEnvironment:
        spec = Environment(
            environment_version=ENVIRONMENT, dependencies=list(self.dependencies) or None
        )
        return JobEnvironment(environment_key=_KEY, spec=spec)


def require_placeable(request: TrainingRequest, image: str) -> None:
    """Raise Unsupported for what serverless compute cannot do."""
    machine = request.machine
    if not machine.startswith(SERVERLESS):
        return
    if machine != SERVERLESS:
        raise Unsupported(
            f"{machine!r} is no machine: serverless runs have one kind, without GPUs; name a node "
            f"type, or {SERVERLESS!r}",
            code="MACHINE",
        )
    refused = {
        "SPOT": (request.spot, "Databricks chooses its machines; set spot=False"),
        "IMAGE": (bool(image), "images are not run; leave image empty, and name dependencies"),
        "SECRETS": (
            bool(request.secrets),
            "nothing sets variables of secrets; read them by the SDK, or name a node type",
        ),
    }
    for code, (asked, remedy) in refused.items():
        if asked:
            raise Unsupported(f"serverless compute: {remedy}", code=code)


def pool_for(
    account: DatabricksWorkspace, pools: Sequence[str], machine: str, *, spot: bool
) -> str:
    """Return the first pool of such machines, on spot or not; empty if none has any.

    Raises InvalidRequest for a pool that is not there.
    """
    api = account.client(attempts=READS).instance_pools
    for pool in pools:
        try:
            found = api.get(pool)
        except DatabricksError as error:
            if not is_missing(error) and meaning_of(error) is not InvalidRequest:
                raise
            raise InvalidRequest(
                f"pools: there is no instance pool {pool!r}", code="POOL"
            ) from error
        if found.node_type_id == machine and _is_spot(found, account.cloud) is spot:
            return pool
    return ""


def tags_in(task: RunTask) -> dict[str, str]:
    """Return the marks on a run: those of its cluster, or of its task where it has none."""
    cluster: ClusterSpec | None = task.new_cluster
    if cluster is not None:
        return dict(cluster.custom_tags or {})
    return dict(parse_qsl(task.description or "")) if task.environment_key else {}


def _is_spot(pool: GetInstancePool, cloud: CloudName) -> bool:
    attributes = {
        "aws": pool.aws_attributes,
        "azure": pool.azure_attributes,
        "gcp": pool.gcp_attributes,
    }[cloud]
    told = getattr(attributes, "availability", None) or getattr(
        attributes, "gcp_availability", None
    )
    return not (told.value if told else _DEFAULTS[cloud]).startswith("ON_DEMAND")
