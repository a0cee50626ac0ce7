"""A world in which every provider answers at once, so that what is left is orchestration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import PrivateAttr

from blocks.contracts import (
    Contract,
    EndpointFeatures,
    Endpoints,
    Idempotency,
    LogLine,
    ModelDraft,
    ModelRegistry,
    ModelVersion,
    Monitor,
    ObjectStore,
    OperationRef,
    OperationStatus,
    Phase,
    Prediction,
    Prices,
    Promotion,
    ProviderError,
    RegistryFeatures,
    SecretStore,
    Traffic,
    TrainingFeatures,
    TrainingJobs,
    TrainingRequest,
    TrainingResult,
    Variant,
    VariantRequest,
)
from blocks.platform import Platform
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from blocks.registry import connect

C = TypeVar("C", bound=Contract)


class InstantTraining(TrainingJobs):
    """Every job has ended already, with the same model."""

    provider = "instant"
    features = TrainingFeatures(
        idempotency=Idempotency.NATIVE,
        spot=True,
        multi_node=True,
        zones=True,
        studies=False,
        max_duration=None,
    )

    def __init__(self, model: ModelDraft) -> None:
        self._model = model

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _submit(self, request: TrainingRequest, token: str) -> OperationRef:
        return OperationRef(provider="instant", capability="training", id=token, token=token)

    def _status(self, ref: OperationRef) -> OperationStatus[TrainingResult]:
        result = TrainingResult(model_uri=self._model.uri, digest=self._model.digest)
        return OperationStatus(phase=Phase.SUCCEEDED, result=result)

    def _cancel(self, ref: OperationRef) -> None: ...

    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]:
        return iter(())


class InstantModels(ModelRegistry):
    """Versions and aliases in memory."""

    provider = "instant"
    features = RegistryFeatures(scheme="file", aliases=True, guarded_promotion=True)

    def __init__(self) -> None:
        self._versions: dict[str, ModelVersion] = {}
        self._moves: list[Promotion] = []

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _register(self, draft: ModelDraft, token: str) -> ModelVersion:
        version = ModelVersion(name=draft.name, version="1", uri=draft.uri, digest=draft.digest)
        return self._versions.setdefault("1", version)

    def _find(self, name: str, version: str) -> ModelVersion | None:
        return self._versions.get(version)

    def _resolve(self, name: str, alias: str) -> ModelVersion | None:
        return self._versions.get(self._moves[-1].version) if self._moves else None

    def _promote(
        self, model: ModelVersion, alias: str, replacing: ModelVersion | None, by: str
    ) -> None:
        self._moves.append(
            Promotion(alias=alias, version=model.version, replaced=None, at=datetime.now(), by=by)
        )

    def _history(self, name: str, alias: str) -> Sequence[Promotion]:
        return self._moves


class InstantEndpoints(Endpoints):
    """A variant is ready when it is asked for."""

    provider = "instant"
    features = EndpointFeatures(
        scheme="file",
        weights=True,
        mirror=True,
        capture=True,
        direct=False,
        sticky=True,
        autoscaling=True,
        scale_to_zero=True,
        alarm_rollback=False,
        max_payload_bytes=None,
    )

    def __init__(self) -> None:
        self._deployed: dict[str, Variant] = {}
        self._split = Traffic(percent={})

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _deploy(self, request: VariantRequest, token: str) -> OperationRef:
        name, url = request.variant, "http://127.0.0.1"
        variant = Variant(endpoint=request.endpoint, name=name, model=request.model, url=url)
        self._deployed[name] = variant
        return OperationRef(provider="instant", capability="endpoints", id=name, token=token)

    def _status(self, ref: OperationRef) -> OperationStatus[Variant]:
        return OperationStatus(phase=Phase.SUCCEEDED, result=self._deployed[ref.id])

    def _variants(self, endpoint: str) -> Sequence[Variant]:
        return tuple(self._deployed.values())

    def _traffic(self, endpoint: str) -> Traffic:
        return self._split

    def _shift(self, endpoint: str, to: Traffic, etag: str) -> Traffic:
        self._split = to
        return to

    def _retire(self, endpoint: str, variant: str) -> None:
        self._deployed.pop(variant, None)

    def _predict(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        return Prediction(status=200, variant="", body={}, seconds=0)


class InstantPlatform(Platform):
    """Files, prices and secrets of this machine; everything else answers at once."""

    _block_type_slug = "benchmark-platform"

    _instant: dict[type[Contract], Contract] = PrivateAttr(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, model: ModelDraft) -> InstantPlatform:
        """Return a platform that keeps its files in ``folder`` and trains just this model."""
        made, machine = cls(name="instant"), LocalMachine(workspace=folder)
        made._instant |= {
            TrainingJobs: InstantTraining(model),
            ModelRegistry: InstantModels(),
            Endpoints: InstantEndpoints(),
            ObjectStore: LocalStore(machine=machine),
        }
        for contract in (Monitor, Prices, SecretStore):
            made._instant[contract] = connect(f"local-{contract.capability}", contract)
        return made

    def connect(self, contract: type[C]) -> C:
        """Return what stands for ``contract`` here."""
        return self._instant[contract]  # type: ignore[return-value]
