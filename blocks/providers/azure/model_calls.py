"""Model versions in Azure's words, and back. Pure: nothing is called here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from azure.ai.ml.entities import Model

from blocks.cloud.kept_models import record_of
from blocks.contracts import InvalidRequest, ModelDraft, ModelVersion
from blocks.providers.azure.account import TOKEN_TAG, AzureAccount

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
RECORD, DIGEST, ALIAS = "bluewater-record", "bluewater-digest", "bluewater-alias-"
REGISTRY = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{1,32}")
_TEXT = 256  # characters of a tag's value
_SHARED = re.compile(
    r".+/registries/(?P<registry>[^/]+)/(?P<name>[^/]+)/versions/[0-9a-f]{32}/model"
)


def require_name(name: str) -> None:
    """Raise InvalidRequest for a name that no model of a workspace can have."""
    if not NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name!r} cannot be a model's name in Azure Machine Learning; use letters, digits, "
            "dashes, dots",
            code="NAME",
        )


def to_model(
    draft: ModelDraft, token: str, *, number: int, folder: str, path: str, account: AzureAccount
) -> Any:
    """Say that the model kept below ``folder`` is the version of that number.

    ``path`` is where Azure finds its files.
    """
    told = {f"metric-{name}": f"{value:.6g}" for name, value in draft.metrics.items()}
    told |= {f"lineage-{name}": text[:_TEXT] for name, text in draft.lineage.items()}
    return Model(
        name=draft.name,
        version=str(number),
        type="mlflow_model",
        path=path,
        tags={**account.tags(token=token), DIGEST: draft.digest, **told},
        properties={RECORD: record_of(folder)},
    )


def record_in(model: Any) -> str:
    """Return where the record of a version is. Empty for one that is not ours."""
    return str((model.properties or {}).get(RECORD, ""))


def number_of(token: str, models: Iterable[Any]) -> tuple[str, int]:
    """Return the version that was made for a token, or nothing; and the next free number."""
    numbers = {str(each.version): each for each in models}
    mine = [v for v, each in numbers.items() if (each.tags or {}).get(TOKEN_TAG) == token]
    taken = [int(version) for version in numbers if version.isdigit()]
    return (mine[0] if mine else ""), max(taken, default=0) + 1


def shared_folder(root: str, registry: str) -> str:
    """Return the folder below a root for what is kept of a registry's models."""
    return f"{root}/registries/{registry}"


def registry_id(registry: str, name: str, version: str) -> str:
    """Return what a version in a registry is called in every workspace."""
    return f"azureml://registries/{registry}/models/{name}/versions/{version}"


def asset_in_registry(model: ModelVersion) -> str | None:
    """Return the id of a version that was registered with a registry; None for any other."""
    found = _SHARED.fullmatch(model.uri)
    if found is None or found["name"] != model.name:
        return None
    return registry_id(found["registry"], model.name, model.version)
