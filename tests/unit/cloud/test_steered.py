"""What a refusal does to what is wanted of an endpoint: it takes back what never stood, no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from blocks.cloud.documents import Documents
from blocks.cloud.steered import SteeredEndpoints
from blocks.cloud.wanted import Wanted, WantedVariant
from blocks.contracts import (
    Denied,
    EndpointFeatures,
    ModelVersion,
    OperationRef,
    Phase,
    Prediction,
    ProviderError,
    RunKey,
    Traffic,
    Variant,
    VariantRequest,
)

KEY = RunKey(run="run-1", step="deploy")
MODEL = ModelVersion(name="m", version="1", uri="file:///m", digest="0")
BLUE = VariantRequest(endpoint="e", variant="blue", model=MODEL, machine="large")


class Objects:
    """Small documents in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def read(self, uri: str) -> tuple[bytes, str] | None:
        found = self._kept.get(uri)
        return None if found is None else (found, str(hash(found)))

    def swap(self, uri: str, content: bytes, *, etag: str | None) -> bool:
        now = self.read(uri)
        if (None if now is None else now[1]) != etag:
            return False
        self._kept[uri] = content
        return True


class Seen:
    """All that is wanted is up."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted


class Cloud(SteeredEndpoints[Seen]):
    """A cloud in which everything is up at once, for whoever has the rights."""

    provider: ClassVar[str] = "cloud"
    features: ClassVar[EndpointFeatures] = EndpointFeatures(
        scheme="file",
        weights=True,
        mirror=False,
        capture=True,
        direct=False,
        sticky=False,
        autoscaling=False,
        scale_to_zero=False,
        alarm_rollback=False,
        max_payload_bytes=1 << 20,
    )

    def __init__(self) -> None:
        self.allowed, self._documents = True, Documents(Objects(), Wanted, lambda name: name)

    @property
    def _wishes(self) -> Documents[Any]:
        return self._documents

    def _look(self, endpoint: str) -> Seen | None:
        if not self.allowed:
            raise Denied("the rights have ended")
        wanted = self._documents.read(endpoint)
        return Seen(wanted) if wanted else None

    def _want(self, request: VariantRequest, token: str) -> WantedVariant:
        return WantedVariant(request=request, token=token)

    def _stage(self, seen: Seen, wanted: Any) -> Phase:
        return Phase.SUCCEEDED

    def _variant(self, seen: Seen, wanted: Any) -> Variant:
        name = wanted.request.variant
        return Variant(endpoint="e", name=name, model=MODEL, ready_replicas=1, url="")

    def _scope(self) -> Mapping[str, str]:
        return {}

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _traffic(self, endpoint: str) -> Traffic:
        return Traffic(percent={})

    def _shift(self, endpoint: str, to: Traffic, etag: str) -> Traffic:
        return to

    def _retire(self, endpoint: str, variant: str) -> None:
        return None

    def _predict(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        raise NotImplementedError


def refused(cloud: Cloud, key: RunKey = KEY) -> None:
    cloud.allowed = False
    with pytest.raises(Denied):
        cloud.deploy(BLUE, key=key)
    cloud.allowed = True


def test_what_never_stood_is_wanted_no_more() -> None:
    cloud = Cloud()
    refused(cloud)
    assert list(cloud.requests("e")) == []


def test_what_was_ready_once_stays_whoever_asks_for_it_again() -> None:
    """Who takes a rollout up asks for its variant again, perhaps with rights that have ended."""
    cloud = Cloud()
    ref: OperationRef = cloud.deploy(BLUE, key=KEY)
    assert cloud.status(ref).phase is Phase.SUCCEEDED
    refused(cloud)
    assert list(cloud.requests("e")) == [BLUE]


def test_what_somebody_else_asked_for_stays() -> None:
    cloud = Cloud()
    cloud.deploy(BLUE, key=KEY)
    refused(cloud, KEY.next())
    assert list(cloud.requests("e")) == [BLUE]
