"""What benches of clouds ask for: small real models and rows, in a bucket of their world."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

from blocks.cloud.bucket import Bucket
from blocks.contracts import BatchRequest, ModelDraft, ModelVersion, TrainingRequest, VariantRequest
from blocks.testing.batches import make_rows
from blocks.testing.models import let_go, make_model
from blocks.testing.scripts import WAITS_FOR_A_LEVER
from blocks.workload.digests import files

ENDPOINT = "bench"
EVIDENCE = {"suite.json": '{"expectations": []}', "plots/calibration.svg": "<svg/>"}


class Uploads:
    """Makes things below ``folder``, and brings them to the bucket below ``root``."""

    def __init__(self, bucket: Bucket, root: str, folder: Path) -> None:
        self._bucket, self._root, self._folder = bucket, root, folder
        self._versions: dict[str, ModelVersion] = {}

    def training_request(self, script: str, *, image: str, machine: str) -> TrainingRequest:
        """Return a request that runs a script, or waits for a lever if there is none."""
        script = script or WAITS_FOR_A_LEVER
        home = f"{self._root}/code-{hashlib.sha256(script.encode()).hexdigest()[:8]}"
        self._bucket.write(f"{home}/train.py", script.encode())
        self._bucket.write(f"{self._root}/data/rows.csv", b"x\n1\n")
        return TrainingRequest(
            image=image,
            source_uri=home,
            command=("python", "train.py"),
            machine=machine,
            data_uri=f"{self._root}/data",
            checkpoint_uri=f"{self._root}/checkpoints",
            output_uri=f"{self._root}/output",
        )

    def draft(self, kind: str) -> ModelDraft:
        """Return a draft of a model of that kind, made afresh, with evidence and lineage."""
        name = uuid.uuid4().hex[:8]
        home = f"{self._root}/jobs/{name}"
        evidence = {}
        for file, text in EVIDENCE.items():
            evidence[file] = f"{home}/evidence/{file}"
            self._bucket.write(evidence[file], text.encode())
        draft = self._model(f"models/{name}", kind, f"{home}/model")
        lineage = {"run": "run-1", "data": "sha256:1f", "code": "4b825dc"}
        return draft.model_copy(update={"evidence": evidence, "lineage": lineage})

    def variant_request(self, kind: str, variant: str, *, machine: str) -> VariantRequest:
        """Return a request for the endpoint of this world; each kind is a version of its own."""
        model = self._version(f"served/{kind}", kind)
        return VariantRequest(endpoint=ENDPOINT, variant=variant, model=model, machine=machine)

    def batch_request(self, rows: int, kind: str, *, machine: str) -> BatchRequest:
        """Return a request over a few files; the same number of rows, the same request."""
        data = self._folder / f"rows-{rows}"
        if not data.exists():
            make_rows(data, rows)
            for name in files(data):
                self._bucket.write(f"{self._root}/rows-{rows}/{name}", (data / name).read_bytes())
        return BatchRequest(
            model=self._version(f"batch/{kind}", kind),
            data_uri=f"{self._root}/rows-{rows}",
            output_uri=f"{self._root}/scored-{rows}",
            machine=machine,
        )

    def let_go(self) -> None:
        """Let the batch jobs go on that a ``held`` model holds."""
        let_go(self._folder / "batch/held/model")

    def _version(self, place: str, kind: str) -> ModelVersion:
        if place not in self._versions:
            draft = self._model(place, kind, f"{self._root}/{place}")
            number = str(len(self._versions) + 1)
            self._versions[place] = ModelVersion(
                name=draft.name, version=number, uri=draft.uri, digest=draft.digest
            )
        return self._versions[place]

    def _model(self, place: str, kind: str, uri: str) -> ModelDraft:
        draft = make_model(self._folder / place / "model", kind=kind)
        folder = Path(draft.uri.removeprefix("file://"))
        for name in files(folder):
            self._bucket.write(f"{uri}/{name}", (folder / name).read_bytes())
        return draft.model_copy(update={"uri": uri})
