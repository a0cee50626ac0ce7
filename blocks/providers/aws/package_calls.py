"""Model versions in SageMaker's words, and back. Pure: nothing is called here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from blocks.cloud import kept_models
from blocks.cloud.kept_models import from_record, metrics_of
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
            "ModelQuality": {"Statistics": {"ContentType": KINDS[0], "S3Uri": metrics_of(folder)}}
        },
        "CustomerMetadataProperties": {
            _RECORD: kept_models.record_of(folder),
            _DIGEST: draft.digest,
            **_readable(draft),
        },
    }


def record_of(package: Mapping[str, Any]) -> str:
    """Return where the record of a described version is. Empty for a version that is not ours."""
    return str(package.get("CustomerMetadataProperties", {}).get(_RECORD, ""))


def from_describe_model_package(package: Mapping[str, Any], record: bytes) -> ModelVersion:
    """Return a version from what SageMaker and the record say of it."""
    return from_record(record, str(package["ModelPackageVersion"]))


def _readable(draft: ModelDraft) -> dict[str, str]:
    """Return what people see beside a version in the console, as far as it fits."""
    told = {f"lineage.{name}": text for name, text in draft.lineage.items()}
    told |= {f"metric.{name}": f"{value:.6g}" for name, value in draft.metrics.items()}
    clean = {_fit(name)[:128]: _fit(text)[:_TEXT] for name, text in told.items() if text}
    return dict(list(clean.items())[:_PROPERTIES])


def _fit(text: str) -> str:
    return _REFUSED.sub("-", text)
