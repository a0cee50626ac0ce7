"""How the conformance suite moves the models of this machine."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
import uuid
from pathlib import Path

from mlflow.tracking import MlflowClient

from blocks.contracts import ModelDraft
from blocks.providers.local.account import LocalMachine
from blocks.registries.mlflow_database import prepared
from blocks.testing.models import make_model


class ModelLevers:
    """The models part of the bench."""

    def __init__(self, machine: LocalMachine, folder: Path) -> None:
        self._machine, self._folder = machine, folder

    def database(self) -> Path:
        """Return this world's data base; making its tables anew would take seconds each time."""
        file = self._machine.folder("mlflow") / "mlflow.db"
        if not file.exists():
            draft = file.with_name(f".{uuid.uuid4().hex}")
            shutil.copyfile(_template(), draft)
            draft.rename(file)
        return file

    def draft(self, kind: str) -> ModelDraft:
        """Return a draft of a model of that kind, made afresh, with evidence and lineage."""
        home = self._folder / "models" / uuid.uuid4().hex[:8]
        draft = make_model(home / "model", kind=kind)
        evidence = {"suite.json": '{"expectations": []}', "plots/calibration.svg": "<svg/>"}
        for name, text in evidence.items():
            file = home / "evidence" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        kept = {name: (home / "evidence" / name).as_uri() for name in evidence}
        lineage = {"run": "run-1", "data": "sha256:1f", "code": "4b825dc"}
        return draft.model_copy(update={"evidence": kept, "lineage": lineage})

    def created(self) -> int:
        """Count the model versions; the entries of a log of promotions are none."""
        uri = f"sqlite:///{self.database()}"
        found = MlflowClient(tracking_uri=uri, registry_uri=uri).search_model_versions()
        return sum(not each.name.endswith(".promotions") for each in found)


@functools.cache
def _template() -> Path:
    """Make one data base for all worlds of this process; it goes when the process does."""
    folder = Path(tempfile.mkdtemp(prefix="bluewater-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    prepared(folder / "mlflow.db")
    return folder / "mlflow.db"
