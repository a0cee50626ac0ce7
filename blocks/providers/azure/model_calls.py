"""Model versions in Azure's words, and back. Pure: nothing is called here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from azure.ai.ml.entities import Model

from blocks.cloud.kept_models import record_of
from blocks.contracts import InvalidRequest, ModelDraft
from blocks.providers.azure.account import TOKEN_TAG, AzureAccount

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
RECORD, DIGEST, ALIAS = "bluewater-record", "bluewater-digest", "bluewater-alias-"
_TEXT = 256  # characters of a tag's value


def require_name(name: str) -> None:
    """Raise InvalidRequest for a name that no model of a workspace can have."""
    if not NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name!r} cannot be a model's name in Azure Machine Learning; use letters, digits, "
            "dashes, dots",
            code="NAME",
        )


def to_model(
    draft: ModelDraft, token: str, *, number: int, folder: str, account: AzureAccount
) -> Any:
    """Say that the model kept below ``folder`` is the version of that number."""
    told = {f"metric-{name}": f"{value:.6g}" for name, value in draft.metrics.items()}
    told |= {f"lineage-{name}": text[:_TEXT] for name, text in draft.lineage.items()}
    return Model(
        name=draft.name,
        version=str(number),
        type="mlflow_model",
        path=account.on_datastore(f"{folder}/model"),
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
