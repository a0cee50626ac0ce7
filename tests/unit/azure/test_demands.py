"""A workspace that is not as demanded is not used, and what is made in it fits the demands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from azure.ai.ml.entities import AmlCompute
from azure.core.exceptions import HttpResponseError

from blocks.contracts import Endpoints, InvalidRequest, RunKey, TrainingJobs, Unavailable
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.clusters import Clusters
from blocks.providers.azure.demands import Demands
from blocks.providers.azure.emulator.launch import Subscription
from blocks.providers.azure.endpoint_calls import endpoint_name
from blocks.providers.azure.endpoint_levers import QUICK
from blocks.providers.azure.endpoints import AzureEndpoints
from blocks.providers.azure.training import AzureTraining

KEY_URI = "https://vault.azure.net/keys/ours/1"
ENCRYPTED = {
    "encryption": {
        "status": "Enabled",
        "keyVaultProperties": {"keyVaultArmId": "/vaults/v", "keyIdentifier": KEY_URI},
    }
}
INSIDE = {
    "publicNetworkAccess": "Disabled",
    "managedNetwork": {"isolationMode": "AllowInternetOutbound"},
}
RUN = RunKey(run="run-1", step="train")


def demanding(account: AzureAccount, **demands: Any) -> AzureAccount:
    """Return the account as a fresh process would build it, with demands."""
    fields = {name: getattr(account, name) for name in AzureAccount.model_fields}
    return AzureAccount(**{**fields, "demands": Demands(**demands)})


LACKING: Sequence[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"customer_key": "any"}, {}, "CUSTOMER_KEY"),
    ({"customer_key": "https://another"}, ENCRYPTED, "CUSTOMER_KEY"),
    ({"private": True}, {}, "PUBLIC_WORKSPACE"),
    ({"private": True}, {"publicNetworkAccess": "Disabled"}, "NO_NETWORK"),
    ({"isolation": "AllowInternetOutbound"}, {}, "ISOLATION"),
    ({"isolation": "AllowOnlyApprovedOutbound"}, INSIDE, "ISOLATION"),
]


def test_nothing_is_done_in_a_workspace_that_is_not_as_demanded(
    bench: Any, emulator: Subscription
) -> None:
    plain = {"publicNetworkAccess": "Enabled", "managedNetwork": None, "encryption": None}
    request, variant = bench.training_request(), bench.variant_request()
    for demands, workspace, code in LACKING:
        emulator.pull("workspace", **{**plain, **workspace})
        account = demanding(bench.account, **demands)
        with pytest.raises(InvalidRequest) as caught:
            AzureTraining(account=account).submit(request, key=RUN)
        assert caught.value.code == code
        with pytest.raises(InvalidRequest):
            AzureEndpoints(account=account, **QUICK).deploy(variant, key=RUN)
    assert emulator.calls("ml:Jobs.CreateOrUpdate") == []
    assert bench.created("endpoints") == 0


def test_what_is_made_in_a_private_workspace_is_private(
    bench: Any, account: AzureAccount, emulator: Subscription
) -> None:
    emulator.pull("workspace", **INSIDE, **ENCRYPTED)
    private = demanding(
        account, private=True, isolation="AllowInternetOutbound", customer_key=KEY_URI
    )
    endpoints = AzureEndpoints(account=private, **QUICK)
    bench.settle(endpoints.deploy(bench.variant_request(), key=RUN))
    made = account.ml().online_endpoints.get(endpoint_name(account, "bench"))
    assert str(made.public_network_access).lower() == "disabled"
    with pytest.raises(Unavailable):
        Clusters(private).require(
            "inside", machine="Standard_D4s_v3", spot=True, nodes=1, idle=timedelta(minutes=1)
        )
    assert account.ml().compute.get("inside").enable_node_public_ip is False


def test_without_demands_nobody_looks_and_what_is_made_is_as_ever(
    bench: Any, account: AzureAccount, emulator: Subscription
) -> None:
    bench.connect(Endpoints).variants("bench")
    jobs = bench.connect(TrainingJobs)
    jobs.cancel(jobs.submit(bench.training_request(), key=RUN))
    assert emulator.calls("ml:Workspaces.Get") == []


def test_machines_without_an_address_need_a_network(account: AzureAccount) -> None:
    bare = AmlCompute(
        name="bare", size="Standard_D4s_v3", max_instances=1, enable_node_public_ip=False
    )
    with pytest.raises(HttpResponseError, match="virtual network"):
        account.ml().compute.begin_create_or_update(bare)
