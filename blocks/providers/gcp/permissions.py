"""What a custom role of Google Cloud's IAM allows."""

from __future__ import annotations

from pathlib import Path

import yaml

from blocks.contracts import InvalidRequest


def allowed_permissions(file: Path) -> tuple[str, ...]:
    """Return the permissions of a role, in the form that ``gcloud iam roles create --file`` takes.

    Raises InvalidRequest for another file.
    """
    try:
        permissions = yaml.safe_load(file.read_text())["includedPermissions"]
        return tuple(str(each) for each in permissions)
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise InvalidRequest(f"{file} is no custom role of IAM: {error}", code="ROLE") from error
