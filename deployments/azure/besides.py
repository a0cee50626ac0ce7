"""What is done in Azure Machine Learning besides a release, for the page of calls."""

from __future__ import annotations

from blocks.contracts import BatchRequest, ModelRegistry, RunKey
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.batch_endpoints.batch import AzureBatchEndpoints
from blocks.testing.waiting import until
from deployments.calls import Place, Stages


def besides(account: AzureAccount) -> Stages:
    """Return the stages; ``account`` is that of the release."""
    return (("The same data set is scored by a batch endpoint", lambda at: _score(at, account)),)


def _score(place: Place, account: AzureAccount) -> None:
    version = place.connect(ModelRegistry).resolve("flights", "champion")
    if version is None:
        raise LookupError("the release has promoted no version")
    jobs = AzureBatchEndpoints(account=account, image=place.image)
    request = BatchRequest(
        model=version,
        data_uri=f"{place.root}/rows",
        output_uri=f"{place.root}/scored-by-endpoint",
        machine=place.machine,
    )
    ref = jobs.submit(request, key=RunKey(run="2026-05-01", step="score"))
    until(lambda: jobs.status(ref).phase.done, within=120)
    if failure := jobs.status(ref).failure:
        raise RuntimeError(f"{ref.id}: {failure.message}")
