"""Model versions in Vertex AI's words. Pure: nothing is called here."""

from __future__ import annotations

import re
from typing import Any

from blocks.cloud.alias_log import require_alias
from blocks.contracts import InvalidRequest, ModelDraft
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.surroundings import encryption

PREDICT, HEALTH = "/invocations", "/ping"  # routes of our model server
KIND = "registered"  # of a model, by which it is told from one that is made to be served
# Vertex AI wants an image, and one of Google's registries, also of a model that is only kept.
STAND_IN_IMAGE = "gcr.io/distroless/static-debian12"
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,42})")
_ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,98}[a-z0-9]")
_WORDS = 2000  # characters of a description that we use


def require_name(name: str) -> None:
    """Raise InvalidRequest for a name that no model can have here."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name!r} cannot be a model's name in Vertex AI; use up to 43 lower-case letters, "
            "digits, dashes and underscores",
            code="NAME",
        )


def is_name(name: str) -> bool:
    """Whether a model can have that name here."""
    return _NAME.fullmatch(name) is not None


def require_shown(alias: str) -> None:
    """Raise InvalidRequest for an alias that Vertex AI could not show."""
    require_alias(alias)
    if not _ALIAS.fullmatch(alias) or alias == "default":
        raise InvalidRequest(
            f"{alias!r} cannot be an alias in Vertex AI; begin and end with a small letter, use "
            "letters, digits and dashes between, and not 'default'",
            code="NAME",
        )


def to_model(
    draft: ModelDraft, token: str, *, account: GcpAccount, folder: str, image: str
) -> dict[str, Any]:
    """Return the version whose files are kept below ``folder``."""
    model = {
        "display_name": draft.name,
        "version_description": described(draft),
        "artifact_uri": f"{folder}/model",
        "labels": account.marked(token=token, kind=KIND),
        "container_spec": {
            "image_uri": image or STAND_IN_IMAGE,
            "predict_route": PREDICT,
            "health_route": HEALTH,
        },
    }
    return {**model, **encryption(account)}


def described(draft: ModelDraft) -> str:
    """Return what people see beside a version in the console."""
    told = [f"digest {draft.digest}"]
    told += [f"{name} {value:.6g}" for name, value in draft.metrics.items()]
    told += [f"{name}: {text}" for name, text in draft.lineage.items() if text]
    return "\n".join(told)[:_WORDS]
