"""The copy of a model by which it is served: whatever can load MLflow's models can load it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from blocks.cloud.serving import Settings
from blocks.contracts import InvalidRequest, ModelVersion, VariantRequest
from blocks.providers.databricks.serving_copy import copy_of, package, requirements
from blocks.testing.folder_bucket import FolderBucket
from blocks.testing.models import make_model

# What MLflow's scoring server does with the image's model, in a process that knows nothing of us.
ASK = """
import sys
from mlflow.pyfunc import load_model
from mlflow.exceptions import MlflowException
import pandas as pd

model = load_model(sys.argv[1])
print(model.predict(pd.DataFrame({"x": [0.7], "n": [1]})))
for frame in ({"x": [None], "n": [1]}, {"x": [0.7], "n": [1], "y": [2]}, {"x": [0.7]}):
    try:
        model.predict(pd.DataFrame(frame))
    except MlflowException as error:
        print(error.error_code, error.message)
import blocks
print(blocks.__file__)
"""


def written(folder: Path, bucket: FolderBucket) -> Path:
    for name, opened in copy_of(bucket, "model"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with opened() as content:
            (folder / name).write_bytes(content.read())
    return folder


def test_a_copy_carries_all_that_it_needs_of_us(tmp_path: Path) -> None:
    draft = make_model(tmp_path / "model", kind="threshold")
    copy = written(tmp_path / "copy", FolderBucket(tmp_path))
    request = VariantRequest(
        endpoint="bench",
        variant="blue",
        model=ModelVersion(name="bench", version="1", uri=draft.uri, digest=draft.digest),
        machine="CPU",
    )
    env = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **Settings.of(request, "t" * 32).to_environment(),
        "BLUEWATER_TICKS": "dbfs:///Volumes/c/s/v/ticks",
        "BLUEWATER_TICKS_EVERY": "3600",
        "DATABRICKS_HOST": "http://127.0.0.1:9",
        "DATABRICKS_TOKEN": "nobody-asks",
    }
    command = [sys.executable, "-P", "-c", ASK, str(copy)]
    told = subprocess.run(
        command, env=env, cwd=tmp_path / "copy", capture_output=True, text=True, check=False
    )
    answer, null, unknown, gone, home = told.stdout.strip().splitlines()
    assert answer == "[1.0]", told.stderr
    assert "BAD_REQUEST" in null and "MISSING_VALUE" in null
    assert '"field":"y"' in unknown
    assert '"field":"n"' in gone
    assert "blocks.zip" in home


def test_a_copy_has_the_registered_folder_as_it_is(tmp_path: Path) -> None:
    make_model(tmp_path / "model", kind="threshold")
    copy = written(tmp_path / "copy", FolderBucket(tmp_path))
    for file in (tmp_path / "model").rglob("*"):
        if file.is_file():
            kept = copy / "model" / file.relative_to(tmp_path / "model")
            assert kept.read_bytes() == file.read_bytes()
    about = yaml.safe_load((copy / "MLmodel").read_text())
    assert about["flavors"]["python_function"]["data"] == "model"
    assert "signature" not in about


def test_a_package_has_neither_emulators_nor_benches_nor_other_clouds() -> None:
    names = zipfile.ZipFile(io.BytesIO(package())).namelist()
    assert "blocks/providers/databricks/served.py" in names
    assert not [each for each in names if "emulator" in each or "bench" in each or "gcp" in each]


def test_a_models_own_requirements_win_over_ours() -> None:
    lines = requirements("# by hand\nmlflow==3.10.1\nscikit_learn==1.6\n-e .\n")
    assert lines[:3] == ["mlflow==3.10.1", "scikit_learn==1.6", "-e ."]
    assert f"pyarrow=={version('pyarrow')}" in lines
    assert len([each for each in lines if each.startswith("mlflow")]) == 1


def test_what_is_no_model_cannot_be_served(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="no model at nowhere"):
        list(copy_of(FolderBucket(tmp_path), "nowhere"))
