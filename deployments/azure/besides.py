"""What is done in Azure Machine Learning besides a release, for the page of calls."""

from __future__ import annotations

from blocks.contracts import BatchRequest, ModelDraft, ModelRegistry, ModelVersion, RunKey
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.batch_endpoints.batch import AzureBatchEndpoints
from blocks.providers.azure.emulator.launch import REGISTRY
from blocks.providers.azure.registry.models import AzureRegistryModels
from blocks.testing.waiting import until
from deployments.calls import Place, Stages


def besides(account: AzureAccount) -> Stages:
    """Return the stages; ``account`` is that of the release."""
    return (
        ("The same data set is scored by a batch endpoint", lambda at: _score(at, account)),
        ("The same model is registered with a registry", lambda at: _share(at, account)),
    )


def _share(place: Place, account: AzureAccount) -> None:
    version = _champion(place)
    models = AzureRegistryModels(account=account, registry=REGISTRY)
    draft = ModelDraft(
        name=version.name,
        uri=version.uri,
        digest=version.digest,
        metrics=version.metrics,
        lineage=version.lineage,
    )
    shared = models.register(draft, key=RunKey(run="2026-05-01", step="share"))
    models.promote(shared, "champion", replacing=None, by="2026-05-01")


def _score(place: Place, account: AzureAccount) -> None:
    version = _champion(place)
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


def _champion(place: Place) -> ModelVersion:
    version = place.connect(ModelRegistry).resolve("flights", "champion")
    if version is None:
        raise LookupError("the release has promoted no version")
    return version
