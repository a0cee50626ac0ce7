"""Batch endpoints in Azure's words, and back. Pure: nothing is called here."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from azure.ai.ml import Input, Output
from azure.ai.ml.entities import (
    BatchEndpoint,
    BatchRetrySettings,
    CodeConfiguration,
    Environment,
    Model,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
)

from blocks.contracts import BatchRequest
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.batch_endpoints.told import DIGEST, HOME
from blocks.providers.azure.endpoint_calls import endpoint_mark, endpoint_name
from blocks.providers.azure.inside import CLIENT, STORAGE

OutputAction = Literal["summary_only", "append_row"]
SCRIPT = "score.py"
_LONGEST = 32  # characters of a deployment's name
# Of an endpoint: whose versions it scores with, and when it was made.
MODEL_TAG, MADE_TAG = "bluewater-model", "bluewater-made"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a block says of every deployment."""

    image: str
    identity_client: str
    instances: int
    concurrency: int
    files_at_once: int
    file_timeout: timedelta
    retries: int
    failures: int
    output_action: OutputAction


def batch_endpoint_name(account: AzureAccount, model: str) -> str:
    """Return what the endpoint for the versions of a model is called."""
    return endpoint_name(account, f"batch-{_plain(model)}".rstrip("-"))


def deployment_name(request: BatchRequest, cluster: str, options: Options) -> str:
    """Return what the deployment of a model's version is called: another way of it, another one."""
    said = repr((request.model.uri, request.model.digest, cluster, options))
    digest = hashlib.sha256(said.encode()).hexdigest()[:8]
    return f"v{_plain(request.model.version)[: _LONGEST - 10]}-{digest}"


def cluster_name(account: AzureAccount, machine: str, *, spot: bool) -> str:
    """Return what the cluster of machines of a kind is called, where nobody names one."""
    kind = hashlib.sha256(f"{machine.lower()} {spot}".encode()).hexdigest()[:6]
    return f"{endpoint_mark(account)}{kind}"


def to_endpoint(name: str, model: str, *, account: AzureAccount, made: datetime) -> Any:
    """Return an endpoint that has no deployment yet; when it is made, the SDK tells nobody."""
    tags = account.tags(kind="batch-endpoint")
    return BatchEndpoint(
        name=name,
        auth_mode="aad_token",
        tags={**tags, MODEL_TAG: model, MADE_TAG: made.isoformat()},
    )


def to_deployment(
    request: BatchRequest, *, account: AzureAccount, code: str, cluster: str, options: Options
) -> Any:
    """Return the deployment of a model's version; ``code`` is the asset with our script."""
    image, client = options.image, options.identity_client
    return ModelBatchDeployment(
        name=deployment_name(request, cluster, options),
        endpoint_name=batch_endpoint_name(account, request.model.name),
        tags=account.tags(kind="batch-deployment", version=request.model.version),
        model=to_model(request, account=account),
        environment=image if image.startswith("azureml:") else Environment(image=image),
        code_configuration=CodeConfiguration(code=code, scoring_script=SCRIPT),
        compute=cluster,
        settings=ModelBatchDeploymentSettings(
            mini_batch_size=options.files_at_once,
            instance_count=options.instances,
            max_concurrency_per_instance=options.concurrency,
            output_action=options.output_action,
            retry_settings=BatchRetrySettings(
                max_retries=options.retries,
                timeout=math.ceil(options.file_timeout.total_seconds()),
            ),
            error_threshold=options.failures,
            environment_variables=_told(account, request.model.digest, client),
        ),
    )


def to_model(request: BatchRequest, *, account: AzureAccount) -> Any:
    """Return a model's version as an asset of its own: it may have been registered anywhere.

    It has a name, for the SDK takes the path of one that has none to be on this machine.
    """
    model = request.model
    digest = hashlib.sha256(f"{model.uri} {model.digest}".encode()).hexdigest()[:16]
    return Model(
        name=f"bluewater-{digest}",
        version="1",
        path=account.on_datastore(model.uri),
        type="custom_model",
        tags=account.tags(kind="batch-model"),
    )


def _told(account: AzureAccount, digest: str, client: str) -> Mapping[str, str]:
    return {
        HOME: home_of(account),
        DIGEST: digest,
        STORAGE: account.endpoint_of_storage("{account}"),
        **({CLIENT: client} if client else {}),
    }


def home_of(account: AzureAccount) -> str:
    """Return the folder in which each job has one of its own."""
    return f"{account.root}/batch"


def to_invocation(
    request: BatchRequest, name: str, *, account: AzureAccount, is_object: bool, deployment: str
) -> dict[str, Any]:
    """Return what an endpoint is asked. Azure's own output is what our script returns, at most."""
    kind = "uri_file" if is_object else "uri_folder"
    data, output = (
        account.on_datastore(uri) for uri in (request.data_uri, f"{home_of(account)}/{name}/score/")
    )
    return {
        "endpoint_name": batch_endpoint_name(account, request.model.name),
        "deployment_name": deployment,
        "job_name": name,
        "inputs": {"data": Input(type=kind, path=data)},
        "outputs": {"score": Output(type="uri_folder", path=output)},
    }


def _plain(name: str) -> str:
    """Return a name in the letters that Azure takes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "model"
