"""What can go wrong in a Databricks workspace, in the words of Databricks."""

from __future__ import annotations

from blocks.contracts import Conflict, Denied, QuotaExceeded, Throttled, Unavailable
from blocks.testing.words import EndpointWords, Failing, JobWords, ModelWords, Never, Refused, Words

_CREATE, _LIST, _GET, _CANCEL = (
    f"jobs:{method}" for method in ("submit", "list_runs", "get_run", "cancel_run")
)
_DONE = ("internal-error-after", "lost-reply")
_QUOTA = Refused(fault="quota", kind=QuotaExceeded, code="QUOTA_EXCEEDED")
_DENIED = Refused(fault="access-denied", kind=Denied, code="PERMISSION_DENIED")
_REFUSED = (
    Refused(fault="throttling", kind=Throttled, code="REQUEST_LIMIT_EXCEEDED"),
    _QUOTA,
    Refused(fault="conflict", kind=Conflict, code="RESOURCE_CONFLICT"),
)
_PASSING = (("unavailable", _GET), ("stale-read", _GET), ("unavailable", "files:*"))
_NO_MACHINE = "CLOUD_PROVIDER_RESOURCE_STOCKOUT"
_RUN = JobWords(
    create=_CREATE,
    search=_LIST,
    get=_GET,
    cancel=_CANCEL,
    refused=_REFUSED,
    done=_DONE,
    passing=_PASSING,
    no_machine="stock-out",
    no_machine_says=_NO_MACHINE,
)

WORDS = Words(
    training=JobWords(
        create=_CREATE,
        search=_LIST,
        get=_GET,
        cancel=_CANCEL,
        refused=(
            *_REFUSED,
            Refused(fault="unavailable", kind=Unavailable, code="TEMPORARILY_UNAVAILABLE"),
            Refused(fault="expired-token", kind=Denied, code="UNAUTHENTICATED"),
            _DENIED,
            Refused(fault="lost-request", kind=Unavailable, code="ConnectionError"),
        ),
        done=_DONE,
        passing=_PASSING,
        no_machine="stock-out",
        no_machine_says=_NO_MACHINE,
        nevers=(
            Never(change={"source_uri": "s3://not-there/code"}, code="SCHEME"),
            Never(change={"source_uri": "dbfs:///Volumes/main/not/there/code"}, code="SOURCE"),
            Never(change={"data_uri": "/on/this/machine"}, code="SCHEME"),
            Never(change={"output_uri": "s3://elsewhere/output"}, code="SCHEME"),
        ),
    ),
    batch=_RUN,
    processing=_RUN,
    models=ModelWords(
        create="mlflow-uc:model-versions.create",
        done=_DONE,
        looks=True,
        unseen={"call": "catalog:get_model"},
        move="files:upload",
    ),
    endpoints=EndpointWords(
        makes=("mlflow-uc:model-versions.create", "serving:create"),
        first="serving:create",
        refused=(_QUOTA, _DENIED),
        look="serving:get",
        move="serving:update_config",
        stuck="stuck-updating",
        failing=(
            Failing(fault="failed-health-check", says="health"),
            Failing(fault="stock-out", says="capacity"),
        ),
        moves_later=True,
    ),
)
