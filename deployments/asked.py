"""What a release that is played asks a cloud for: everything that a request can say, said once."""

from __future__ import annotations

from datetime import timedelta

from blocks.contracts import (
    BatchRequest,
    Candidates,
    Capture,
    ModelDraft,
    ModelVersion,
    ProcessingRequest,
    RunKey,
    Scale,
    Serving,
    Study,
    TrainingRequest,
    TrainingResult,
    VariantRequest,
)

KEY = RunKey(run="2026-05-01", step="release")
NAME = "flights"  # of model and endpoint


def counting(root: str, machine: str) -> ProcessingRequest:
    """Return the request for a command that counts lines near the data."""
    return ProcessingRequest(
        source_uri=f"{root}/code",
        command=("python", "count.py"),
        inputs={"data": f"{root}/data", "one": f"{root}/data/rows.csv"},
        outputs={"counts": f"{root}/counts"},
        env={"LOG_LEVEL": "info"},
        secrets={"API_KEY": "api-key"},
        machine=machine,
        max_duration=timedelta(hours=1),
    )


def training(root: str, machine: str, image: str) -> TrainingRequest:
    """Return the request for a training job on spot machines."""
    return TrainingRequest(
        image=image,
        source_uri=f"{root}/code",
        command=("python", "train.py"),
        parameters={"learning_rate": "0.1"},
        env={"LOG_LEVEL": "info"},
        secrets={"API_KEY": "api-key"},
        machine=machine,
        spot=True,
        data_uri=f"{root}/data",
        checkpoint_uri=f"{root}/checkpoints",
        output_uri=f"{root}/output",
        max_duration=timedelta(hours=1),
    )


def searching(root: str, machine: str, image: str) -> TrainingRequest:
    """Return the request for a search for hyperparameters, in four trials."""
    searched = {
        "learning_rate": Candidates(low=0.01, high=1, scale=Scale.LOG),
        "rounds": Candidates(low=1, high=9, whole=True),
        "kind": Candidates(values=("plain", "deep")),
    }
    study = Study(metric="roc_auc", parameters=searched, trials=4, parallel=2)
    return training(root, machine, image).model_copy(update={"study": study, "parameters": {}})


def draft(trained: TrainingResult) -> ModelDraft:
    """Return the version that a training job has made, as it is registered."""
    return ModelDraft(
        name=NAME,
        uri=trained.model_uri,
        digest=trained.digest,
        metrics=trained.metrics,
        lineage={"run": KEY.run},
    )


def variant(name: str, version: ModelVersion, machine: str, *, most: int) -> VariantRequest:
    """Return the request for a variant of the endpoint, of at most so many machines."""
    return VariantRequest(
        endpoint=NAME,
        variant=name,
        model=version,
        machine=machine,
        max_replicas=most,
        serving=Serving(concurrency=32),
        capture=Capture(sample=0.5),
    )


def scoring(root: str, machine: str, version: ModelVersion) -> BatchRequest:
    """Return the request for a data set to be scored."""
    return BatchRequest(
        model=version, data_uri=f"{root}/rows", output_uri=f"{root}/scored", machine=machine
    )
