"""Compute clusters of the workspace: made and removed in their time, with machines as jobs come."""

from __future__ import annotations

import re
from collections.abc import Sequence

from blocks.providers.azure.emulator.changes import Changes
from blocks.providers.azure.emulator.jobs import page
from blocks.providers.azure.emulator.operations import ML, Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.resources import Resource
from blocks.providers.azure.emulator.sizes import require_size
from blocks.providers.azure.emulator.world import Cluster, World

_COMPUTES = Resource(group="Compute", path="computes/{name}", model="ComputeResource")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]")
_ATTACHED = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/"
    r"(Microsoft\.ContainerService/managedClusters|Microsoft\.Kubernetes/connectedClusters)/[^/]+",
    re.IGNORECASE,
)
KUBERNETES = "kubernetes"
_TAKES = 0.2  # of the cloud's seconds until a cluster is there, or gone
_ENDS = ("Succeeded", "Failed")
_NO_QUOTA = "The subscription's quota is less than one machine of that size."


class Computes:
    """Makes, tells, lists and removes clusters."""

    def __init__(self, world: World) -> None:
        self._world, self._changes = world, Changes(world)

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            _COMPUTES.put(self.create),
            _COMPUTES.get(self.get),
            _COMPUTES.delete(self.delete),
            _COMPUTES.list(self.list),
        )

    def create(self, asked: Asked) -> Told:
        """Begin to make a cluster, or to change one."""
        name, now = asked["name"], self._world.clock.now()
        _check(name, asked.body)
        _check_address(asked.body, self._world.workspace)
        old = self._world.clusters.get(name)
        if old is not None and old.state not in _ENDS:
            raise AzureError("Conflict", f"Compute {name} is being changed.", 409)
        cluster = Cluster(name=name, asked=asked.body, created=old.created if old else now)
        self._world.clusters[name] = cluster

        def done(error: AzureError | None) -> None:
            cluster.state, cluster.code = _ENDS[bool(error)], error.code if error else ""

        change = self._changes.begin(lambda: self._make(name), done)
        body = self._told(cluster)
        return Told(body=body, status=200 if old else 201, headers=self._changes.headers(change))

    def get(self, asked: Asked) -> Said:
        """Tell of a cluster."""
        return self._told(self._known(asked["name"]))

    def list(self, asked: Asked) -> Said:
        """List clusters, some at a time."""
        told = [self._told(each) for each in self._world.clusters.values()]
        return page(told, asked, self._world.url)

    def delete(self, asked: Asked) -> Told:
        """Remove a cluster, with what runs on it."""
        if asked.request.args.get("underlyingResourceAction") not in ("Delete", "Detach"):
            raise AzureError("BadArgument", "underlyingResourceAction must be Delete or Detach.")
        cluster = self._world.clusters.get(asked["name"])
        if cluster is None:
            return Told(status=204)
        cluster.state = "Deleting"

        def done(_: AzureError | None) -> None:
            self._world.clusters.pop(cluster.name, None)

        change = self._changes.begin(lambda: self._world.pause(_TAKES), done)
        return Told(status=202, headers=self._changes.leaving(change))

    def _make(self, name: str) -> None:
        """Take the time that it takes. Raises AzureError where it is in vain."""
        self._world.pause(_TAKES)
        if self._world.faults.take("cluster-in-vain", "*", name):
            raise AzureError("ClusterMinNodesExceedCoreQuota", _NO_QUOTA)

    def _known(self, name: str) -> Cluster:
        found = self._world.clusters.get(name)
        if found is None:
            raise AzureError("ResourceNotFound", f"Compute {name} was not found.", 404)
        return found

    def _told(self, cluster: Cluster) -> Said:
        properties = cluster.asked["properties"]
        errors = [{"error": {"code": cluster.code, "message": _NO_QUOTA}}] if cluster.code else None
        return {
            "id": self._world.resource(f"computes/{cluster.name}"),
            "name": cluster.name,
            "type": f"{ML}/computes",
            "location": cluster.asked.get("location"),
            "tags": cluster.asked.get("tags") or {},
            "properties": {
                **properties,
                "createdOn": self._world.moment(cluster.created),
                "provisioningState": cluster.state,
                **({"provisioningErrors": errors} if errors else {}),
            },
        }


def _check(name: str, body: Said) -> None:
    """Raise what the service says to a cluster that its model allows, but its rules do not."""
    if not _NAME.fullmatch(name):
        raise AzureError("InvalidResourceName", f"{name} cannot be the name of a compute.")
    kind = compute_type(body)
    if kind == KUBERNETES:
        _check_attached(body["properties"])
        return
    if kind != "amlcompute":
        raise AzureError("NotImplemented", "emulated are clusters, and those of Kubernetes", 501)
    settings = body["properties"].get("properties") or {}
    if not settings.get("vmSize") or not settings.get("scaleSettings"):
        raise AzureError("BadArgument", "A cluster needs vmSize and scaleSettings.")
    require_size(settings["vmSize"], "InvalidVmSize")
    scale = settings["scaleSettings"]
    if (
        not 0 <= (scale.get("minNodeCount") or 0) <= scale["maxNodeCount"]
        or not scale["maxNodeCount"]
    ):
        raise AzureError("BadArgument", "minNodeCount is 0 at least, and not above maxNodeCount.")


def compute_type(body: Said) -> str:
    """Return of which kind a compute is, in small letters."""
    return str((body.get("properties") or {}).get("computeType", "")).lower()


def _check_attached(asked: Said) -> None:
    """Raise what the service says to a cluster of Kubernetes that it cannot attach."""
    if not _ATTACHED.fullmatch(asked.get("resourceId") or ""):
        raise AzureError("BadArgument", "resourceId is no cluster of AKS or of Azure Arc.")
    if not (asked.get("properties") or {}).get("namespace"):
        raise AzureError("BadArgument", "A cluster of Kubernetes is attached with a namespace.")


def _check_address(body: Said, workspace: Said) -> None:
    """Raise what the service says to machines without an address that are in no network."""
    settings = body["properties"].get("properties") or {}
    network = (workspace.get("managedNetwork") or {}).get("isolationMode", "Disabled")
    bare = settings.get("enableNodePublicIp") is False and not settings.get("subnet")
    if bare and network == "Disabled":
        told = "Nodes without a public IP need a virtual network, or a managed one."
        raise AzureError("BadArgument", told)
