"""Alias and live traffic, and which of the two is right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.contracts import (
    Endpoints,
    ModelRegistry,
    ModelVersion,
    OperationRef,
    OperationStatus,
    Prediction,
    ProviderError,
    RunKey,
    Traffic,
    Variant,
    VariantRequest,
)
from blocks.providers.local.bench import LocalBench
from tasks.promotion.reconcile import Agreement, reconcile, settle_alias

ONE, TWO = (
    ModelVersion(name="flights", version=number, uri="file:///m", digest="d") for number in "12"
)


def variant(name: str, model: ModelVersion) -> Variant:
    return Variant(endpoint="flights", name=name, model=model, url="http://127.0.0.1:1")


V1, V2 = variant("v1", ONE), variant("v2", TWO)


def test_what_serves_is_right_when_no_rollout_is_open() -> None:
    """A process died after it had moved the traffic and before it moved the alias."""
    seen = reconcile(ONE, Traffic(percent={"v2": 100}), [V1, V2], rollout_open=False)
    assert (seen.agreement, seen.to, seen.replacing) == (Agreement.FOLLOWS, TWO, ONE)


def test_a_new_alias_follows_what_serves() -> None:
    seen = reconcile(None, Traffic(percent={"v1": 100, "v2": 0}), [V1, V2], rollout_open=False)
    assert (seen.to, seen.replacing) == (ONE, None)


@pytest.mark.parametrize("percent", [{"v2": 100}, {"v1": 75, "v2": 25}, {}])
def test_an_open_rollout_is_waited_for(percent: dict[str, int]) -> None:
    seen = reconcile(ONE, Traffic(percent=percent), [V1, V2], rollout_open=True)
    assert (seen.agreement, seen.to) == (Agreement.WAITS, None)


def test_nothing_is_done_when_both_agree() -> None:
    seen = reconcile(TWO, Traffic(percent={"v2": 100}), [V2], rollout_open=False)
    assert (seen.agreement, seen.to) == (Agreement.AGREED, None)


def test_the_place_of_a_folder_does_not_make_another_version() -> None:
    moved = TWO.model_copy(update={"uri": "file:///elsewhere", "url": "http://mlflow"})
    seen = reconcile(moved, Traffic(percent={"v2": 100}), [V2], rollout_open=False)
    assert seen.agreement is Agreement.AGREED


@pytest.mark.parametrize(
    ("percent", "variants", "why"),
    [
        ({}, [], "no variant has traffic"),
        ({"v1": 60, "v2": 40}, [V1, V2], "v1 60 %, v2 40 %"),
        ({"v2": 100}, [V1], "v2 has the traffic and is not deployed"),
        ({"x": 100}, [variant("x", TWO.model_copy(update={"name": "hotels"}))], "hotels"),
    ],
)
def test_where_no_one_version_serves_the_alias_stays_and_a_person_is_told(
    percent: dict[str, int], variants: list[Variant], why: str
) -> None:
    seen = reconcile(ONE, Traffic(percent=percent), variants, rollout_open=False)
    assert (seen.agreement, seen.to) == (Agreement.UNDECIDED, None)
    assert why in seen.why


class StandingEndpoints(Endpoints):
    """An endpoint that stands still: one variant, all the traffic."""

    provider = "standing"

    def __init__(self, model: ModelVersion) -> None:
        self._model = model

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _variants(self, endpoint: str) -> list[Variant]:
        return [variant("only", self._model)]

    def _traffic(self, endpoint: str) -> Traffic:
        return Traffic(percent={"only": 100})

    def _deploy(self, request: VariantRequest, token: str) -> OperationRef:
        raise NotImplementedError

    def _status(self, ref: OperationRef) -> OperationStatus[Variant]:
        raise NotImplementedError

    def _shift(self, endpoint: str, to: Traffic, etag: str) -> Traffic:
        raise NotImplementedError

    def _retire(self, endpoint: str, variant: str) -> None:
        raise NotImplementedError

    def _predict(self, endpoint: str, payload: object, variant: str | None) -> Prediction:
        raise NotImplementedError


@pytest.fixture
def models(tmp_path: Path) -> Iterator[tuple[ModelRegistry, ModelVersion, ModelVersion]]:
    with LocalBench(tmp_path) as bench:
        registry = bench.connect(ModelRegistry)  # type: ignore[type-abstract, unused-ignore]
        draft, key = bench.model_draft(), RunKey(run="run-1", step="register")
        one, two = registry.register(draft, key=key), registry.register(draft, key=key.next())
        registry.promote(one, "champion", replacing=None)
        yield registry, one, two


@pytest.mark.parametrize("rollout_open", [True, False])
def test_the_alias_is_set_right_once(
    models: tuple[ModelRegistry, ModelVersion, ModelVersion], rollout_open: bool
) -> None:
    registry, one, two = models
    for _ in range(2):
        found = settle_alias(
            registry,
            StandingEndpoints(two),
            one.name,
            "champion",
            endpoint="flights",
            rollout_open=rollout_open,
            by="settler",
        )
    pointed = registry.resolve(one.name, "champion")
    if rollout_open:
        assert (found.agreement, pointed) == (Agreement.WAITS, one)
    else:
        assert (found.agreement, pointed) == (Agreement.AGREED, two)
        assert registry.history(one.name, "champion")[-1].by == "settler"
        assert len(registry.history(one.name, "champion")) == 2
