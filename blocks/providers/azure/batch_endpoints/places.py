"""What scores a version natively: an endpoint for the model, a deployment for the version."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError

from blocks.contracts import BatchRequest, Conflict, ProviderError, Unavailable
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.answers import meaning_of_code
from blocks.providers.azure.batch_endpoints.calls import (
    SCRIPT,
    Options,
    batch_endpoint_name,
    deployment_name,
    to_deployment,
    to_endpoint,
)
from blocks.providers.azure.changes import Changes
from blocks.providers.azure.clusters import NOT_READY, Clusters
from blocks.providers.azure.data_plane import DataPlane
from blocks.providers.azure.errors import explain
from blocks.providers.azure.lookup import READS, look_for
from blocks.providers.azure.objects import Objects

MOST = 20  # deployments of an endpoint
_CODE = Path(__file__).parent / "code" / SCRIPT
_CODE_VERSION = "2023-04-01"  # of the service's interface
_LOOK_EVERY = 0.1  # seconds
_LOOK_AGAIN = timedelta(seconds=10)


class Places:
    """The batch endpoints of one owner.

    ``patience`` is how long one waits for what is made, ``versions`` how many of a model stay.
    """

    def __init__(self, account: AzureAccount, *, patience: timedelta, versions: int) -> None:
        self._account, self._patience, self._versions = account, patience, versions

    def require_cluster(self, name: str, **what: Any) -> None:
        """See that there is a cluster, as `Clusters` does, and wait for one that is made."""
        end = time.monotonic() + self._patience.total_seconds()
        while True:
            try:
                return Clusters(self._account).require(name, **what)
            except Unavailable as error:
                if error.code != NOT_READY or time.monotonic() > end:
                    raise
            time.sleep(_LOOK_EVERY)

    def require(self, request: BatchRequest, cluster: str, options: Options) -> str:
        """See that a model's version is deployed; return the name of its deployment.

        Raises:
            Unavailable: it takes longer than one waits; ask again.
        """
        account, model = self._account, request.model.name
        endpoint, wanted = (
            batch_endpoint_name(account, model),
            deployment_name(request, cluster, options),
        )

        def make() -> None:
            told = to_endpoint(endpoint, model, account=account, made=datetime.now(UTC))
            account.ml().batch_endpoints.begin_create_or_update(told)

        def deploy() -> None:
            self._make_room(endpoint)
            told = to_deployment(
                request, account=account, code=self._code(), cluster=cluster, options=options
            )
            account.ml().batch_deployments.begin_create_or_update(told)

        self._there(f"batch endpoint {endpoint}", partial(self._endpoint, endpoint), make)
        if self._there(f"deployment {wanted}", partial(self._deployment, endpoint, wanted), deploy):
            self._point(endpoint, wanted)
        return wanted

    def _there(self, what: str, look: Callable[[], Any], make: Callable[[], None]) -> bool:
        """Wait until a thing is there, made if need be; return whether it was made here."""
        end, made = time.monotonic() + self._patience.total_seconds(), False
        trouble: ProviderError = Unavailable(
            f"{what} is being made", code=NOT_READY, retry_after=_LOOK_AGAIN
        )
        while (found := look()) is None or found.provisioning_state != "Succeeded":
            if found is not None and made and found.provisioning_state == "Failed":
                raise self._failed(what, found)
            if found is None or found.provisioning_state == "Failed":
                met = self._begun(make)
                made, trouble = made or not isinstance(met, Conflict), met or trouble
            if time.monotonic() > end:
                raise trouble
            time.sleep(_LOOK_EVERY)
        return made

    def _begun(self, make: Callable[[], None]) -> ProviderError | None:
        """Begin; return what was said against it where it may be, or will be, there all the same.

        Somebody else may be first, or a reply lost.
        """
        try:
            make()
        except (AzureError, ProviderError) as error:
            known = error if isinstance(error, ProviderError) else explain(error)
            if not isinstance(known, Conflict | Unavailable):
                raise
            return known
        return None

    def _failed(self, what: str, found: Any) -> ProviderError:
        reason = Changes(self._account).why(found)
        kind = meaning_of_code(reason.code) or Unavailable
        return kind(f"{what} could not be made: {reason.message}", code=reason.code)

    def _point(self, name: str, deployment: str) -> None:
        """Let a deployment answer those who name none."""
        endpoint = self._account.ml(attempts=READS).batch_endpoints.get(name)
        endpoint.defaults = {"deployment_name": deployment}
        try:
            self._account.ml().batch_endpoints.begin_create_or_update(endpoint)
        except AzureError as error:
            if not isinstance(explain(error), Conflict):
                raise  # else another one is made the default just now

    def _make_room(self, endpoint: str) -> None:
        """Remove the oldest deployments where there are too many, and never the default."""
        reads, once = self._account.ml(attempts=READS), self._account.ml()
        there = list(reads.batch_deployments.list(endpoint))
        default = (reads.batch_endpoints.get(endpoint).defaults or {}).get("deploymentName")
        others = [each for each in there if each.name != default]
        others.sort(key=lambda each: each.creation_context.created_at, reverse=True)
        for each in others[max(0, self._versions - 2) :]:  # with the default and the new one
            removal = once.batch_deployments.begin_delete(each.name, endpoint)
            removal.wait(self._patience.total_seconds())

    def _code(self) -> str:
        """Return the asset with our script, made where it is missing.

        Over the service's own interface: the SDK uploads code in a way that knows of no account.
        """
        account, content = self._account, _CODE.read_bytes()
        name = f"bluewater-{hashlib.sha256(content).hexdigest()[:16]}"
        asset, plane = account.resource(f"codes/{name}/versions/1"), DataPlane(account)
        url = f"{account.scope.removesuffix('/.default')}{asset}"
        version = {"api-version": _CODE_VERSION}
        if plane.find(url, params=version) is None:
            Objects(account).write(f"{account.root}/batch-code/{name}/{SCRIPT}", content)
            storage = account.endpoint_of_storage(account.storage_account)
            home = f"{storage}/{account.container}/{account.prefix}/batch-code/{name}"
            plane.ask("PUT", url, params=version, json={"properties": {"codeUri": home}})
        return asset

    def _endpoint(self, name: str) -> Any:
        endpoints = self._account.ml(attempts=READS).batch_endpoints
        return look_for(endpoints.get, name, patient=False)

    def _deployment(self, endpoint: str, name: str) -> Any:
        deployments = self._account.ml(attempts=READS).batch_deployments
        return look_for(deployments.get, name, endpoint, patient=False)
