"""An endpoint to look at, whose model and reference are made once."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import mlflow.sklearn
import numpy as np
import pytest
from mlflow.models import infer_signature
from sklearn.pipeline import FunctionTransformer, make_pipeline

from blocks.contracts import ObjectStore, TrainingResult
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.monitor import LocalMonitor
from blocks.providers.local.store import LocalStore
from blocks.workload import digest
from tasks.watch.profile_part import ReferenceMade
from tasks.watch.reference import PREDICTION
from tasks.watch.spec import LabelSpec, WatchSpec
from tasks.watch.stage import profile_reference
from tests.unit.watch.scenes import SPEC, Scene, Scorer, data_in, parquet, pick, rows, truth_of


@pytest.fixture(scope="package")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "model"
    frame = rows(4000, seed=1)
    numbers = FunctionTransformer(pick)
    pipeline = make_pipeline(numbers, Scorer()).fit(frame, truth_of(frame, seed=1))
    mlflow.sklearn.save_model(
        pipeline,
        folder,
        signature=infer_signature(frame, pipeline.predict(frame)),
        serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],
    )
    return folder


@pytest.fixture(scope="package")
def profiled(
    tmp_path_factory: pytest.TempPathFactory, model: Path
) -> tuple[LocalStore, ReferenceMade]:
    """Make the reference of the model once, in a store of which each test has a copy."""
    folder = tmp_path_factory.mktemp("profiled")
    store = LocalStore(machine=LocalMachine(workspace=folder / "workspace"))
    train, held = rows(10_000, seed=2), rows(5_000, seed=3)
    for name, frame in {"train": train, "holdout": held}.items():
        weeks = [f"w{each:02}" for each in np.arange(len(frame)) * 20 // len(frame)]
        labelled = frame.assign(late=truth_of(frame, seed=4), week=weeks)
        store.write(f"{store.root}/{name}.parquet", parquet(labelled))
    result = TrainingResult(model_uri=model.as_uri(), digest=digest(model))
    made = profile_reference.fn(store, SPEC, data_in(store), training=result, run="r")
    assert made.columns == ("x", "z", "origin", PREDICTION)
    assert (made.rows, made.batches) == (10_000, 20)
    return store, made


@pytest.fixture
def scene(tmp_path: Path, store: ObjectStore, profiled: tuple[LocalStore, ReferenceMade]) -> Scene:
    kept, made = profiled
    shutil.copytree(kept.machine.workspace, tmp_path / "workspace")
    captures = tmp_path / "workspace" / "endpoints" / "e" / "telemetry" / "captures"
    captures.mkdir(parents=True)
    return Scene(
        store=store,
        monitor=LocalMonitor(machine=LocalMachine(workspace=tmp_path / "workspace")),
        captures=captures,
        reference_uri=made.uri.replace(kept.root, store.root),
        baseline_uri=made.baseline_uri.replace(kept.root, store.root),
    )


@pytest.fixture
def labelled(scene: Scene) -> WatchSpec:
    uri, wait = f"{scene.store.root}/labels", timedelta(hours=30)
    labels = LabelSpec(uri=uri, label="late", maturity=wait)
    return SPEC.model_copy(update={"labels": labels})
