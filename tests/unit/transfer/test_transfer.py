"""What lies on this machine is copied to the platform's store once, and models come back whole."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from blocks.contracts import InvalidRequest
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.cost import LocalPrices
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.processing import LocalProcessing
from blocks.providers.local.secret import LocalSecrets
from blocks.providers.local.store import LocalStore
from blocks.providers.local.training import LocalTraining
from blocks.testing.memory_store import MemoryStore
from blocks.testing.models import make_model
from tasks.memory import recall
from tasks.specification.checks import Surroundings, check
from tasks.specification.loading import load
from tasks.specification.spec import ReleaseSpec
from tasks.transfer.models import model_folder
from tasks.transfer.stage import upload_sources
from tasks.transfer.upload import uploaded
from tests.chains.project import make_project


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(tmp_path.name)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_project(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def spec(project: Path) -> ReleaseSpec:
    return load(project / "release.yaml")


def test_every_place_of_this_machine_is_copied_and_named_anew(
    spec: ReleaseSpec, store: MemoryStore
) -> None:
    there = uploaded(spec, store)
    for (field, before), (_, after) in zip(spec.places(), there.places(), strict=True):
        assert before.startswith("file://"), field
        assert after.startswith(f"{store.root}/sources/"), field
    holdout = Path(spec.data.holdout.removeprefix("file://"))
    assert store.read(there.data.holdout) == holdout.read_bytes()
    assert store.read(f"{there.training.source}/train.py").startswith(b"\nimport sys")


def test_what_is_copied_already_is_not_copied_again(spec: ReleaseSpec, store: MemoryStore) -> None:
    first = uploaded(spec, store)
    copies = list(store.uploads)
    assert uploaded(spec, store) == first
    assert store.uploads == copies


def test_a_copy_that_was_broken_off_is_completed(
    spec: ReleaseSpec, store: MemoryStore, project: Path
) -> None:
    (project / "code" / "more.py").write_text("pass")
    there = uploaded(spec, store)
    store.remove(f"{there.training.source}/more.py")
    copies = len(store.uploads)
    assert uploaded(spec, store) == there
    assert store.uploads[copies:] == [f"{there.training.source}/more.py"]


def test_what_changed_has_another_name_and_the_old_copy_stays(
    spec: ReleaseSpec, store: MemoryStore, project: Path
) -> None:
    before = uploaded(spec, store)
    (project / "code" / "train.py").write_text("raise SystemExit")
    after = uploaded(spec, store)
    assert after.training.source != before.training.source
    assert after.data == before.data
    assert store.read(f"{before.training.source}/train.py").startswith(b"\nimport sys")


def test_a_run_that_goes_on_keeps_what_it_began_with(
    spec: ReleaseSpec, store: MemoryStore, project: Path
) -> None:
    begun = upload_sources.fn(store, spec, run="r1")
    (project / "code" / "train.py").write_text("raise SystemExit")
    assert upload_sources.fn(store, spec, run="r1") == begun
    assert upload_sources.fn(store, spec, run="r2") != begun
    assert recall(store, f"{store.root}/runs/r1/sources.json", ReleaseSpec) == begun


def test_nothing_is_copied_where_the_store_is_this_machine(
    spec: ReleaseSpec, tmp_path: Path
) -> None:
    here = LocalStore(machine=LocalMachine(workspace=tmp_path / "workspace"))
    assert upload_sources.fn(here, spec, run="r1") == spec
    assert not (tmp_path / "workspace" / "store").exists() or not list(here.walk(here.root))


def test_places_of_this_machine_are_checked_before_anything_is_copied(
    spec: ReleaseSpec, store: MemoryStore, project: Path, tmp_path: Path
) -> None:
    machine = LocalMachine(workspace=tmp_path / "workspace")
    around = Surroundings(
        store=store,
        training=LocalTraining(machine=machine),
        endpoints=LocalEndpoints(machine=machine),
        prices=LocalPrices(machine=machine),
        secrets=LocalSecrets(machine=machine),
        processing=LocalProcessing(machine=machine),
    )
    assert check(spec, around) == []
    (project / "request.json").unlink()
    wrong = spec.model_copy(update={"data": spec.data.model_copy(update={"label": "truth"})})
    problems = check(wrong, dataclasses.replace(around))
    assert {problem.field for problem in problems} == {"rollout.smoke_request", "data.label"}
    assert store.uploads == []


def test_a_model_is_fetched_once_and_checked(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUEWATER_HOME", str(tmp_path / "home"))
    draft = make_model(tmp_path / "model", kind="threshold")
    for file in (each for each in (tmp_path / "model").rglob("*") if each.is_file()):
        name = file.relative_to(tmp_path / "model").as_posix()
        store.upload(file, f"{store.root}/models/1/{name}")
    uri = f"{store.root}/models/1"
    with pytest.raises(InvalidRequest, match="digest"):
        model_folder(store, uri, "0" * 64)
    folder = model_folder(store, uri, draft.digest)
    assert (folder / "MLmodel").read_bytes() == (tmp_path / "model" / "MLmodel").read_bytes()
    store.remove(f"{uri}/MLmodel")
    assert model_folder(store, uri, draft.digest) == folder


def test_a_name_that_leaves_the_folder_is_refused(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUEWATER_HOME", str(tmp_path / "home"))
    walked = store.write(f"{store.root}/models/2/MLmodel", b"")
    odd = walked.model_copy(update={"uri": f"{store.root}/models/2/../../../outside"})
    monkeypatch.setattr(MemoryStore, "_walk", lambda self, prefix: iter([odd]))
    with pytest.raises(InvalidRequest, match="leaves"):
        model_folder(store, f"{store.root}/models/2", "0" * 64)
