"""Model versions in SageMaker's words, and back. Pure: nothing is called here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from blocks.contracts import InvalidRequest, ModelDraft, ModelVersion

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")  # botocore's EntityName
KINDS = ["application/json", "text/csv"]
MADE_FOR = "bluewater token "  # a list shows descriptions, and nothing else that is ours
_RECORD, _DIGEST = "bluewater:record", "bluewater:digest"
_TEXT, _PROPERTIES = 256, 40  # characters of a value, and how many of them we use of the 50
_REFUSED = re.compile(r"[^\w\s.:/=+\-@]")


def require_name(name: str) -> None:
    """Raise InvalidRequest for a name that no model package group can have."""
    if not NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name!r} cannot be a model's name in SageMaker; use up to 63 letters, digits, dashes",
            code="NAME",
        )


def require_evidence(name: str) -> None:
    """Raise InvalidRequest for a name that is no path of its own below the version."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0] == "model":
        raise InvalidRequest(
            f"evidence {name!r}: give it a relative name outside 'model'", code="EVIDENCE"
        )


def to_create_model_package(
    draft: ModelDraft, token: str, *, folder: str, image: str
) -> dict[str, Any]:
    """Say that the model kept below ``folder`` is a version."""
    source = {
        "S3DataSource": {
            "S3Uri": f"{folder}/model/",
            "S3DataType": "S3Prefix",
            "CompressionType": "None",
        }
    }
    own_image = {"Image": image} if image else {}
    return {
        "ModelPackageGroupName": draft.name,
        "ModelPackageDescription": f"{MADE_FOR}{token}",
        "ClientToken": token,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [{"ModelDataSource": source, "Framework": "MLFLOW", **own_image}],
            "SupportedContentTypes": KINDS,
            "SupportedResponseMIMETypes": KINDS[:1],
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {"ContentType": KINDS[0], "S3Uri": f"{folder}/metrics.json"}
            }
        },
        "CustomerMetadataProperties": {
            _RECORD: f"{folder}/version.json",
            _DIGEST: draft.digest,
            **_readable(draft),
        },
    }


def to_record(draft: ModelDraft, *, folder: str) -> bytes:
    """Return what is kept of a draft beside its model: SageMaker's own fields are too short."""
    version = ModelVersion(
        name=draft.name,
        version="",  # known once SageMaker has counted it
        uri=f"{folder}/model",
        digest=draft.digest,
        metrics=draft.metrics,
        lineage=draft.lineage,
        evidence={name: f"{folder}/evidence/{name}" for name in draft.evidence},
    )
    return json.dumps(version.model_dump(mode="python")).encode()


def record_of(package: Mapping[str, Any]) -> str:
    """Return where the record of a described version is. Empty for a version that is not ours."""
    return str(package.get("CustomerMetadataProperties", {}).get(_RECORD, ""))


def from_describe_model_package(package: Mapping[str, Any], record: bytes) -> ModelVersion:
    """Return a version from what SageMaker and the record say of it."""
    version = ModelVersion.model_validate(json.loads(record))
    return version.model_copy(update={"version": str(package["ModelPackageVersion"])})


def _readable(draft: ModelDraft) -> dict[str, str]:
    """Return what people see beside a version in the console, as far as it fits."""
    told = {f"lineage.{name}": text for name, text in draft.lineage.items()}
    told |= {f"metric.{name}": f"{value:.6g}" for name, value in draft.metrics.items()}
    clean = {_fit(name)[:128]: _fit(text)[:_TEXT] for name, text in told.items() if text}
    return dict(list(clean.items())[:_PROPERTIES])


def _fit(text: str) -> str:
    return _REFUSED.sub("-", text)
