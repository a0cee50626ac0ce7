"""Compute clusters: made where one is missing, and without machines until a job needs some."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from azure.ai.ml.entities import AmlCompute
from azure.core.exceptions import AzureError

from blocks.contracts import Conflict, Denied, InvalidRequest, ProviderError, Resource, Unavailable
from blocks.providers.azure.account import OWNER_TAG, AzureAccount
from blocks.providers.azure.answers import meaning_of_code
from blocks.providers.azure.errors import explain
from blocks.providers.azure.lookup import READS, look_for

LOW_PRIORITY, DEDICATED = "low_priority", "dedicated"
NOT_READY = "ResourceNotReady"  # code of what will be there in a moment
CLUSTER_KIND = "compute-cluster"
_LOOK_AGAIN = timedelta(seconds=10)


class Clusters:
    """The compute clusters of a workspace that jobs run on."""

    def __init__(self, account: AzureAccount) -> None:
        self._account = account

    def require(
        self,
        name: str,
        *,
        machine: str,
        spot: bool,
        nodes: int,
        idle: timedelta,
        identity: Any = None,
    ) -> None:
        """See that there is such a cluster, and begin to make one of ``nodes`` where there is none.

        ``identity`` is what its machines sign in as, where that is not each job's own.

        Raises:
            Unavailable: it is being made; ask again.
            InvalidRequest: it has other machines.
            QuotaExceeded, NoCapacity: it could not be made; take it down before the next try.
        """
        found = self.find(name)
        if found is None:
            self._make(name, machine, spot=spot, nodes=nodes, idle=idle, identity=identity)
            raise _in_the_making(name)
        state = found.provisioning_state  # of an enumeration of strings
        if state == "Failed":
            code = str(found.provisioning_errors or "")
            kind = meaning_of_code(code) or Unavailable
            raise kind(f"cluster {name} could not be made; remove it", code=code or "FAILED")
        if state != "Succeeded":
            raise _in_the_making(name)
        tier = LOW_PRIORITY if spot else DEDICATED
        if str(found.size).lower() != machine.lower() or str(found.tier).lower() != tier:
            raise InvalidRequest(
                f"cluster {name} has {found.tier} machines of {found.size}, not {tier} ones of "
                f"{machine}; name another cluster or machine",
                code="CLUSTER",
            )

    def owned(self) -> Iterator[Resource]:
        """Yield this owner's clusters. They are nothing that runs: what runs on them are jobs."""
        for each in self._account.ml(attempts=READS).compute.list():
            if self._is_ours(each):
                yield Resource(
                    kind=CLUSTER_KIND,
                    id=each.name,
                    name=each.name,
                    created=datetime.fromisoformat(str(each.created_on)),
                    running=False,
                    detail=f"{each.tier} {each.size}, at most {each.max_instances}",
                )

    def remove(self, name: str) -> None:
        """Begin to remove a cluster. Gone is fine; raises Denied for somebody else's."""
        found = self.find(name)
        if found is None or found.provisioning_state == "Deleting":
            return
        if not self._is_ours(found):
            raise Denied(
                f"cluster {name!r} does not carry the tag {OWNER_TAG}={self._account.owner}; "
                "remove it where it belongs",
                code="NOT_OURS",
            )
        self._account.ml().compute.begin_delete(name)

    def find(self, name: str) -> Any:
        """Return a cluster, or None if there is none."""
        return look_for(self._account.ml(attempts=READS).compute.get, name, patient=False)

    def _is_ours(self, cluster: Any) -> bool:
        return (cluster.tags or {}).get(OWNER_TAG) == self._account.owner

    def _make(
        self,
        name: str,
        machine: str,
        *,
        spot: bool,
        nodes: int,
        idle: timedelta,
        identity: Any,
    ) -> None:
        cluster = AmlCompute(
            name=name,
            size=machine,
            tier=LOW_PRIORITY if spot else DEDICATED,
            min_instances=0,
            max_instances=nodes,
            idle_time_before_scale_down=max(1, int(idle.total_seconds())),
            location=self._account.location or None,
            enable_node_public_ip=not self._account.demands.private,
            tags=self._account.tags(kind="cluster"),
            identity=identity,
        )
        try:
            self._account.ml().compute.begin_create_or_update(cluster)
        except (AzureError, ProviderError) as error:
            if not isinstance(explain(error), Conflict):  # else somebody else makes it now
                raise


def _in_the_making(name: str) -> Unavailable:
    return Unavailable(f"cluster {name} is being made", code=NOT_READY, retry_after=_LOOK_AGAIN)
