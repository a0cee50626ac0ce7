"""Instance pools: machines of one kind that wait for runs, and go back after them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from blocks.providers.databricks.emulator.node_types import require_node_type
from blocks.providers.databricks.emulator.operations import Asked, Route, Said
from blocks.providers.databricks.emulator.refusals import Refused, invalid, missing
from blocks.providers.databricks.emulator.run import is_spot

FULL = "INSTANCE_POOL_MAX_CAPACITY_REACHED"
_ATTACH, _MANAGE = "pool CAN_ATTACH_TO", "pool CAN_MANAGE"


class InstancePools:
    """Pools by id. ``used`` tells how many machines of one are with runs."""

    def __init__(self, used: Callable[[str], int]) -> None:
        self._used = used
        self._pools: dict[str, Said] = {}

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        api = "compute:InstancePoolsAPI"
        return (
            Route(sdk=f"{api}.create", action=_MANAGE, handler=self._create),
            Route(sdk=f"{api}.get", action=_ATTACH, handler=self._get),
            Route(sdk=f"{api}.delete", action=_MANAGE, handler=self._delete),
        )

    def check(self, cluster: Said) -> None:
        """Raise what the service says to a cluster that says more than its pool allows."""
        pools = [cluster.get(each) for each in ("instance_pool_id", "driver_instance_pool_id")]
        if pools == [None, None]:
            return
        for pool in filter(None, pools):
            if pool not in self._pools:
                raise invalid(f"Can't find an instance pool with id: {pool}.")
        named = [each for each in cluster if each == "node_type_id" or each.endswith("_attributes")]
        if named:
            raise invalid(f"Cluster validation error: {named[0]} cannot be given with a pool.")

    def is_spot(self, cluster: Said) -> bool:
        """Whether a cluster has a machine of a pool that can be taken back."""
        pool = self._pools.get(str(cluster.get("instance_pool_id")))
        return pool is not None and is_spot({"aws_attributes": {}} | pool, default="SPOT")

    def is_full(self, cluster: Said) -> bool:
        """Whether a cluster's pool has no machine for it; its own is counted already."""
        pool = self._pools.get(str(cluster.get("instance_pool_id")))
        most = pool.get("max_capacity") if pool is not None else None
        return most is not None and self._used(str(cluster["instance_pool_id"])) > most

    def is_waiting(self, cluster: Said) -> bool:
        """Whether a machine waits in a cluster's pool, so that nothing has to be started."""
        pool = self._pools.get(str(cluster.get("instance_pool_id")), {})
        idle: Any = pool.get("min_idle_instances") or 0
        return bool(idle) and self._used(str(cluster["instance_pool_id"])) <= idle

    def _create(self, asked: Asked) -> Said:
        body = asked.body
        name = body["instance_pool_name"]
        if any(each["instance_pool_name"] == name for each in self._pools.values()):
            raise Refused("INVALID_PARAMETER_VALUE", f"Instance pool {name} already exists.")
        require_node_type(body["node_type_id"])
        most = body.get("max_capacity")
        if most is not None and (most < 1 or (body.get("min_idle_instances") or 0) > most):
            raise invalid("max_capacity is 1 at least, and not below min_idle_instances.")
        number = f"1125-{len(self._pools):06d}-pool-{uuid.uuid4().hex[:8]}"
        self._pools[number] = {**body, "instance_pool_id": number}
        return {"instance_pool_id": number}

    def _get(self, asked: Asked) -> Said:
        return {**self._known(asked.query["instance_pool_id"]), "state": "ACTIVE"}

    def _delete(self, asked: Asked) -> Said:
        self._known(asked.body["instance_pool_id"])
        del self._pools[asked.body["instance_pool_id"]]
        return {}

    def _known(self, pool: str) -> Said:
        if pool not in self._pools:
            raise missing(f"Can't find an instance pool with id: {pool}.")
        return self._pools[pool]
