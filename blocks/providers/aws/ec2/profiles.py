"""Instance profiles of emulated accounts, under which machines act."""

from __future__ import annotations

import contextlib
import json
from typing import Any


def make_profile(iam: Any, name: str) -> None:
    """Make an instance profile with a role of its name; one that is there is fine."""
    policy = {"Version": "2012-10-17", "Statement": []}
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy))
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
