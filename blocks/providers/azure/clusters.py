"""Compute clusters: made where one is missing, and without machines until a job needs some."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from azure.ai.ml.entities import AmlCompute
from azure.core.exceptions import AzureError

from blocks.contracts import Conflict, InvalidRequest, ProviderError, Unavailable
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.answers import meaning_of_code
from blocks.providers.azure.errors import explain
from blocks.providers.azure.lookup import READS, look_for

LOW_PRIORITY, DEDICATED = "low_priority", "dedicated"
CLUSTER = "cluster"  # kind of work, in the tag
_LOOK_AGAIN = timedelta(seconds=10)


class Clusters:
    """The compute clusters of a workspace that jobs run on."""

    def __init__(self, account: AzureAccount) -> None:
        self._account = account

    def require(self, name: str, *, machine: str, spot: bool, nodes: int, idle: timedelta) -> None:
        """See that there is such a cluster, and begin to make one of ``nodes`` where there is none.

        Raises:
            Unavailable: it is being made; ask again.
            InvalidRequest: it has other machines.
            QuotaExceeded, NoCapacity: it could not be made; take it down before the next try.
        """
        found = self.find(name)
        if found is None:
            self._make(name, machine=machine, spot=spot, nodes=nodes, idle=idle)
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

    def find(self, name: str) -> Any:
        """Return a cluster, or None if there is none."""
        return look_for(self._account.ml(attempts=READS).compute.get, name, patient=False)

    def _make(self, name: str, *, machine: str, spot: bool, nodes: int, idle: timedelta) -> None:
        cluster = AmlCompute(
            name=name,
            size=machine,
            tier=LOW_PRIORITY if spot else DEDICATED,
            min_instances=0,
            max_instances=nodes,
            idle_time_before_scale_down=max(1, int(idle.total_seconds())),
            location=self._account.location or None,
            tags=self._account.tags(kind=CLUSTER),
        )
        try:
            self._account.ml().compute.begin_create_or_update(cluster)
        except (AzureError, ProviderError) as error:
            if not isinstance(explain(error), Conflict):  # else somebody else makes it now
                raise


def _in_the_making(name: str) -> Unavailable:
    return Unavailable(
        f"cluster {name} is being made", code="ResourceNotReady", retry_after=_LOOK_AGAIN
    )
