"""What can go wrong in Azure Machine Learning, in the words of Azure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from blocks.contracts import Conflict, Denied, QuotaExceeded, Throttled, Unavailable
from blocks.testing.words import EndpointWords, Failing, JobWords, ModelWords, Never, Refused, Words

_CREATE, _GET, _CANCEL = "ml:Jobs.CreateOrUpdate", "ml:Jobs.Get", "ml:Jobs.Cancel"
_DONE = ("internal-error-after", "gateway-timeout-after", "lost-reply")
_QUOTA = Refused(fault="out-of-quota", kind=QuotaExceeded, code="OutOfQuota")
_DENIED = Refused(fault="access-denied", kind=Denied, code="AuthorizationFailed")
_REFUSED = (
    Refused(fault="throttling", kind=Throttled, code="TooManyRequests"),
    _QUOTA,
    Refused(fault="conflict", kind=Conflict, code="Conflict"),
)
_PASSING = (
    ("unavailable", _GET),
    ("stale-read", _GET),
    ("unavailable", "history:*"),
    ("unavailable", "blob:ListBlobs"),
)
_ENDPOINTS = EndpointWords(
    makes=(
        "ml:OnlineEndpoints.CreateOrUpdate",
        "ml:Environments.CreateOrUpdate",
        "ml:OnlineDeployments.CreateOrUpdate",
    ),
    first="ml:OnlineEndpoints.CreateOrUpdate",
    refused=(_QUOTA, _DENIED),
    look="ml:OnlineEndpoints.Get",
    move="ml:OnlineEndpoints.CreateOrUpdate",
    stuck="stuck-updating",
    failing=(
        Failing(fault="failed-health-check", says="readiness probe"),
        Failing(fault="out-of-capacity", says="lack of capacity"),
    ),
    scaling=("insights:AutoscaleSettings.CreateOrUpdate",),
)

_BATCH = JobWords(
    create=_CREATE,
    search=_GET,
    get=_GET,
    cancel=_CANCEL,
    refused=_REFUSED,
    done=_DONE,
    passing=_PASSING[:3],
    no_machine="out-of-capacity",
    no_machine_says="OutOfCapacity",
)

WORDS = Words(
    training=JobWords(
        create=_CREATE,
        search=_GET,
        get=_GET,
        cancel=_CANCEL,
        refused=(
            *_REFUSED,
            Refused(fault="unavailable", kind=Unavailable, code="ServiceUnavailable"),
            Refused(fault="expired-token", kind=Denied, code="ExpiredAuthenticationToken"),
            _DENIED,
            Refused(fault="lost-request", kind=Unavailable, code="ServiceResponseError"),
        ),
        done=_DONE,
        passing=_PASSING,
        no_machine="out-of-capacity",
        no_machine_says="OutOfCapacity",
        replaces=(True,),
        nevers=(
            Never(change={"source_uri": "s3://not-there/code"}, code="SCHEME"),
            Never(change={"data_uri": "/on/this/machine"}, code="SCHEME"),
            Never(
                change={"output_uri": "abfss://another@bluewaterstore.dfs.core.windows.net/x"},
                code="DATASTORE",
            ),
            Never(change={"command": ("python", "${{inputs.data}}")}, code="COMMAND"),
            Never(change={"image": ""}, code="IMAGE"),
            # such jobs may run for 21 days elsewhere, and for seven on spot
            Never(change={"spot": True, "max_duration": timedelta(days=8)}, code="MAX_DURATION"),
        ),
    ),
    batch=_BATCH,
    models=ModelWords(
        create="ml:Models.CreateOrUpdate",
        done=_DONE,
        looks=True,
        unseen={"call": "ml:Models.List"},
        move="blob:PutBlob",
    ),
    endpoints=_ENDPOINTS,
)

KUBERNETES = Words(endpoints=replace(_ENDPOINTS, scaling=()))
BATCH_ENDPOINTS = Words(batch=replace(_BATCH, create="ml:BatchEndpoints.Invoke"))
REGISTRY = Words(
    models=ModelWords(
        create="ml:RegistryModels.CreateOrUpdate",
        done=_DONE,
        looks=True,
        unseen={"call": "ml:RegistryModels.List"},
        move="blob:PutBlob",
    )
)
