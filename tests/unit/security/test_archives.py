"""Names that lead out of their folder, links, and pickles that would run something."""

from __future__ import annotations

import os
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import fsspec
import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FunctionTransformer, make_pipeline

from blocks.contracts import InvalidRequest
from blocks.serving.loading import NotVerified, load_verified
from blocks.serving.pickles import Danger, imports
from blocks.testing.memory_store import MemoryStore
from blocks.testing.models import make_model
from blocks.workload import digest
from blocks.workload.inside import Escapes, inside
from blocks.workload.places import at
from tasks.transfer.models import model_folder

LEADING_OUT = ["../evil", "a/../../evil", "/etc/evil", "..", "", "a\0b", "C:\\evil", "..\\evil"]


@pytest.mark.parametrize("name", LEADING_OUT)
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Escapes):
        inside(tmp_path, name)


@given(name=st.text(alphabet="ab./\\:\0~", min_size=0, max_size=12))
def test_no_name_at_all_leads_out(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    try:
        found = inside(folder, name)
    except Escapes:
        return
    assert folder.resolve() in found.resolve().parents


def test_a_link_in_the_folder_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Escapes):
        inside(tmp_path / "folder", "link/file")


def test_a_checkpoint_from_a_bucket_stays_in_its_folder(tmp_path: Path) -> None:
    """A key of a bucket is any text; who can write there must not write here."""
    files = fsspec.filesystem("memory")
    files.pipe_file("/checkpoints/3/good", b"1")
    files.store["/checkpoints/3/../../../evil"] = files.store["/checkpoints/3/good"]
    with pytest.raises(Escapes):
        at("memory://checkpoints").get("3", tmp_path / "deep" / "down")
    assert list(tmp_path.rglob("evil")) == []


def test_a_model_from_a_store_stays_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUEWATER_HOME", str(tmp_path / "home"))
    store = MemoryStore("models-that-lead-out")
    store.write(f"{store.root}/m/MLmodel", b"flavors: {}")
    files = fsspec.filesystem("memory")
    files.store["/models-that-lead-out/m/../../../evil"] = files.store[
        "/models-that-lead-out/m/MLmodel"
    ]
    with pytest.raises(InvalidRequest):
        model_folder(store, f"{store.root}/m", "0" * 64)
    assert list(tmp_path.rglob("evil")) == []


def sklearn_model() -> LogisticRegression:
    random = np.random.default_rng(1).random((50, 2))
    return LogisticRegression().fit(random, (random[:, 0] > 0.5).astype(int))


def with_pickle(folder: Path, content: bytes, name: str = "model.pkl") -> tuple[Path, str]:
    """Return a real model's folder with that pickle in it, registered as it is."""
    model = make_model(folder / "m", kind="threshold")
    place = Path(model.uri.removeprefix("file://"))
    (place / name).write_bytes(content)
    return place, digest(place)


class Runs:
    """Pickles as a call of something."""

    def __init__(self, call: Any, *given: Any) -> None:
        self._told = (call, given)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self._told


@pytest.mark.parametrize("name", ["model.pkl", "weights.unheard-of"])
@pytest.mark.parametrize(
    "evil",
    [Runs(os.system, "touch evil"), Runs(eval, "1"), Runs(getattr, "", "upper")],
    ids=["system", "eval", "getattr"],
)
def test_a_pickle_that_reaches_for_the_machine_is_never_loaded(
    tmp_path: Path, evil: Runs, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder, registered = with_pickle(tmp_path, pickle.dumps(evil), name)
    with pytest.raises(NotVerified, match=name):
        load_verified(folder, registered)
    assert not (tmp_path / "evil").exists()


def test_a_pickle_that_was_cut_short_hides_nothing(tmp_path: Path) -> None:
    """Loading runs what comes before the cut."""
    content = pickle.dumps(Runs(os.system, "touch evil"))
    folder, registered = with_pickle(tmp_path, content[:-1])
    with pytest.raises(NotVerified):
        load_verified(folder, registered)


def test_a_pickle_of_plain_estimators_is_nothing_to_speak_of(tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(partial(np.clip, a_min=0, a_max=1)), sklearn_model())
    folder, registered = with_pickle(tmp_path, pickle.dumps(model))
    assert list(imports(folder)) == []
    load_verified(folder, registered)


def test_what_cannot_be_looked_into_is_told(tmp_path: Path) -> None:
    folder, _ = with_pickle(tmp_path, b"", name="empty")
    joblib.dump(sklearn_model(), folder / "model.joblib")
    [found] = imports(folder)
    assert (found.file, found.danger) == ("model.joblib", Danger.UNKNOWN)


def test_code_within_a_pickle_and_unknown_packages_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = make_pipeline(FunctionTransformer(lambda rows: rows * 2), sklearn_model())
    folder, _ = with_pickle(tmp_path, cloudpickle.dumps(model))
    (folder / "other.pkl").write_bytes(pickle.dumps(Danger.CODE))
    found = {each.danger: each for each in imports(folder)}
    assert set(found) == {Danger.CODE, Danger.UNKNOWN}
    assert found[Danger.UNKNOWN].name == "blocks.serving.pickles.Danger"
    load_verified(folder, digest(folder))
    assert "cloudpickle" in caplog.text
    assert "model.pkl" in caplog.text
