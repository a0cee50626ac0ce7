"""A model goes from the store of the cloud that trained it to MLflow, and on to another cloud's."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from blocks.contracts import InvalidRequest, ModelDraft, ModelVersion, RunKey, StoreFeatures
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.models import LocalModels
from blocks.testing.memory_store import MemoryStore
from blocks.testing.models import make_model
from blocks.workload import digest
from blocks.workload.places import local_path
from tasks.transfer.carry import carried, draft_for
from tasks.transfer.sources import require_registrable

KEY = RunKey(run="run-1", step="register")


class AnotherCloud(LocalEndpoints):
    """Endpoints that read the other store alone."""

    features = dataclasses.replace(LocalEndpoints.features, scheme="memory")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalMachine:
    monkeypatch.setenv("BLUEWATER_HOME", str(tmp_path / "home"))
    return LocalMachine(workspace=tmp_path / "home")


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(f"{tmp_path.name}-one")


@pytest.fixture
def draft(store: MemoryStore, tmp_path: Path) -> ModelDraft:
    made = make_model(tmp_path / "model", kind="threshold")
    for file in (each for each in (tmp_path / "model").rglob("*") if each.is_file()):
        store.upload(file, f"{store.root}/out/{file.relative_to(tmp_path / 'model').as_posix()}")
    report = store.write(f"{store.root}/report.json", b"{}").uri
    return made.model_copy(
        update={"uri": f"{store.root}/out", "evidence": {"evaluation/report.json": report}}
    )


def registered(machine: LocalMachine, store: MemoryStore, draft: ModelDraft) -> ModelVersion:
    models = LocalModels(machine=machine)
    return models.register(draft_for(models.features.scheme, draft, store), key=KEY)


def test_a_model_of_a_clouds_store_is_registered_in_mlflow_with_its_evidence(
    machine: LocalMachine, store: MemoryStore, draft: ModelDraft
) -> None:
    version = registered(machine, store, draft)
    folder, report = local_path(version.uri), local_path(version.evidence["evaluation/report.json"])
    assert folder is not None
    assert report is not None
    assert digest(folder) == draft.digest
    assert report.read_bytes() == b"{}"


def test_the_same_draft_is_carried_to_the_same_place_so_that_it_is_registered_once(
    machine: LocalMachine, store: MemoryStore, draft: ModelDraft
) -> None:
    first, second = (registered(machine, store, draft) for _ in range(2))
    assert first == second


def test_who_goes_on_on_another_machine_registers_no_second_version(
    machine: LocalMachine,
    store: MemoryStore,
    draft: ModelDraft,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = registered(machine, store, draft)
    monkeypatch.setenv("BLUEWATER_HOME", str(tmp_path / "another"))
    assert registered(machine, store, draft) == first
    other = draft.model_copy(update={"metrics": {"auc": 0.5}})
    assert registered(machine, store, other).version != first.version


def test_what_endpoints_cannot_read_is_copied_to_their_own_store_once(
    machine: LocalMachine, store: MemoryStore, draft: ModelDraft, tmp_path: Path
) -> None:
    version, there = registered(machine, store, draft), MemoryStore(f"{tmp_path.name}-two")
    first, second = (
        carried(version, AnotherCloud(machine=machine), store=store, there=there) for _ in range(2)
    )
    assert first == second
    assert first.uri.startswith(f"{there.root}/")
    assert (first.version, first.digest) == (version.version, version.digest)
    assert there.read(f"{first.uri}/MLmodel")
    assert len(there.uploads) == len(set(there.uploads))


def test_what_can_be_read_stays_where_it_is(
    machine: LocalMachine, store: MemoryStore, draft: ModelDraft
) -> None:
    version = registered(machine, store, draft)
    here = LocalEndpoints(machine=machine)
    assert carried(version, here, store=store, there=store) is version
    assert draft_for(store.features.scheme, draft, store) is draft


def test_a_registry_of_a_third_cloud_is_told_of_before_anything_is_trained(
    store: MemoryStore,
) -> None:
    assert isinstance(store.features, StoreFeatures)
    with pytest.raises(InvalidRequest, match="MLflow") as caught:
        require_registrable("s3", store)
    assert caught.value.code == "SCHEME"
