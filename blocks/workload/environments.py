"""Where each cloud puts data, checkpoints and models: one table, read once.

``BLUEWATER_*`` variables always win; a provider sets what its cloud does not set by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from blocks.workload.places import local_path

# Mounts of clouds; where containers are but processes, other folders.
_OPT_ML = "/opt/ml"  # SageMaker's
_GCS = "/gcs"  # Vertex AI's, with a folder for every bucket
_VOLUMES = "/Volumes"  # Databricks', with a folder for every catalog
VOLUMES = "BLUEWATER_VOLUMES"  # where that is another folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a job is told by the machine it wakes up on. Places are paths or URIs."""

    platform: str
    data: str = ""
    checkpoints: str = ""  # where they are written; for anything but a path, a copy is kept there
    checkpoints_copy: str = ""  # a second place that outlives the machine
    output: str = ""  # where the model and the outcome file go
    output_uri: str = ""  # the same place, as the world outside calls it
    failure: str = ""  # a file whose text the cloud shows as the reason of a failure
    progress: str = ""  # a file that the provider's status reads, or "-" for a line of the log
    progress_every: float = 0.1  # seconds; a tight loop must not spend its time on telling
    parameters: Mapping[str, str] = field(default_factory=dict)
    parameters_file: str = ""
    token: str = ""
    attempt: int = 0
    interruptions_per_hour: float | None = None
    interval: float | None = None  # seconds between checkpoints, where somebody insists
    keep: int = 3  # checkpoints
    hidden: tuple[str, ...] = field(default=(), repr=False)  # secret values; never to be told


def surroundings(environ: Mapping[str, str]) -> Surroundings:
    """Return what an environment says. Pure: looks at nothing but the mapping."""
    known = next((read(environ) for marker, read in _CLOUDS if marker in environ), None)
    found = known or Surroundings(platform="bluewater")
    return _overridden(found, environ)


def parameters(text: str) -> dict[str, str]:
    """Return hyperparameters from a JSON object; values that are not text are kept as JSON."""
    values = json.loads(text)
    if not isinstance(values, dict):
        raise TypeError(f"hyperparameters must be a JSON object, not {text[:40]!r}")
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }


def quoted(value: str) -> str:
    """Return a hyperparameter as SageMaker can hold it: one line, and told from what is quoted."""
    plain = value.splitlines() in ([], [value])
    return value if plain and not value.startswith('"') else json.dumps(value)


def unquoted(told: Mapping[str, str]) -> dict[str, str]:
    """Return hyperparameters as they were before they were quoted."""
    return {name: _unquoted(value) for name, value in told.items()}


def opt_ml(environ: Mapping[str, str]) -> str:
    """Return the folder that SageMaker mounts for a container."""
    return environ.get("BLUEWATER_OPT_ML") or _OPT_ML


def mounted(uri: str, environ: Mapping[str, str]) -> str:
    """Return the mount of a URI on the clouds that mount theirs, else the URI as it is."""
    path = uri.removeprefix("dbfs://" if uri.startswith("dbfs:///") else "dbfs:")
    if path.startswith(f"{_VOLUMES}/"):
        return (environ.get(VOLUMES) or _VOLUMES) + path.removeprefix(_VOLUMES)
    if uri.startswith("gs://"):
        mount = environ.get("BLUEWATER_GCS") or _GCS
        return f"{mount}/{uri.removeprefix('gs://')}".rstrip("/")
    return uri


def _sagemaker(environ: Mapping[str, str]) -> Surroundings:
    """SageMaker: fixed paths below /opt/ml; SM_* only where the training toolkit is installed."""
    data = environ.get("SM_CHANNEL_TRAINING") or environ.get("SM_CHANNEL_TRAIN")
    mount = opt_ml(environ)
    return Surroundings(
        platform="sagemaker",
        data=data or f"{mount}/input/data/training",
        checkpoints=f"{mount}/checkpoints",
        output=environ.get("SM_MODEL_DIR") or f"{mount}/model",
        failure=f"{mount}/output/failure",
        parameters=parameters(environ["SM_HPS"]) if environ.get("SM_HPS") else {},
        parameters_file=""
        if environ.get("SM_HPS")
        else f"{mount}/input/config/hyperparameters.json",
    )


def _unquoted(value: str) -> str:
    try:
        inside = json.loads(value) if value.startswith('"') else value
    except ValueError:
        return value
    return inside if isinstance(inside, str) else value


def _vertex(environ: Mapping[str, str]) -> Surroundings:
    """Vertex AI: buckets by URI, and every bucket mounted below /gcs."""
    return Surroundings(
        platform="vertex",
        data=mounted(environ.get("AIP_TRAINING_DATA_URI", "").removesuffix("*"), environ),
        checkpoints_copy=mounted(environ.get("AIP_CHECKPOINT_DIR", ""), environ),
        output=mounted(environ.get("AIP_MODEL_DIR", ""), environ),
        output_uri=environ.get("AIP_MODEL_DIR", "").rstrip("/"),
        progress_every=1.0,  # an object may be written once a second
    )


def _azureml(environ: Mapping[str, str]) -> Surroundings:
    """Azure ML: inputs and outputs by name; what is below ./outputs is always kept."""
    return Surroundings(
        platform="azureml",
        data=environ.get("AZURE_ML_INPUT_data", ""),
        checkpoints=environ.get("AZURE_ML_OUTPUT_checkpoints", "outputs/checkpoints"),
        output=environ.get("AZURE_ML_OUTPUT_output", "outputs"),
    )


def _databricks(environ: Mapping[str, str]) -> Surroundings:
    """Databricks sets no places; Unity Catalog volumes are mounted below /Volumes."""
    return Surroundings(platform="databricks", progress_every=1.0)  # a file is sent whole each time


_CLOUDS: tuple[tuple[str, Callable[[Mapping[str, str]], Surroundings]], ...] = (
    ("TRAINING_JOB_NAME", _sagemaker),  # set by SageMaker itself, with or without the toolkit
    ("SM_MODEL_DIR", _sagemaker),
    ("AIP_MODEL_DIR", _vertex),
    ("AZUREML_RUN_ID", _azureml),
    ("DATABRICKS_RUNTIME_VERSION", _databricks),
)


def _overridden(found: Surroundings, environ: Mapping[str, str]) -> Surroundings:
    def said(name: str) -> str:
        return environ.get(f"BLUEWATER_{name}", "")

    text: dict[str, Any] = {
        name: mounted(said(name.upper()), environ) or getattr(found, name)
        for name in ("data", "checkpoints", "checkpoints_copy", "output", "progress", "token")
    }
    text["output_uri"] = said("OUTPUT_URI") or found.output_uri
    if text["checkpoints"] and local_path(text["checkpoints"]) is None:
        text["checkpoints_copy"] = text["checkpoints_copy"] or text["checkpoints"]
        text["checkpoints"] = ""
    told = parameters(said("PARAMETERS")) if said("PARAMETERS") else found.parameters
    rate, interval = said("INTERRUPTIONS_PER_HOUR"), said("CHECKPOINT_INTERVAL")
    return replace(
        found,
        **text,
        parameters=told,
        parameters_file="" if said("PARAMETERS") else found.parameters_file,
        attempt=int(said("ATTEMPT") or found.attempt),
        interruptions_per_hour=float(rate) if rate else found.interruptions_per_hour,
        interval=float(interval) if interval else found.interval,
        keep=int(said("CHECKPOINTS_KEPT") or found.keep),
        hidden=tuple(environ[name] for name in said("SECRETS").split(",") if environ.get(name)),
    )
