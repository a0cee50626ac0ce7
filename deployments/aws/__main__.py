"""``python -m deployments.aws``: print the IAM policies for an account, as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

from deployments.aws import ec2_policy, lambda_policy, sdk_policy, transform_policy
from deployments.aws.policy import Place, caller_policy, role_policy, trust_policy


def main() -> None:
    """Print one of the policies."""
    policies: Mapping[str, Callable[[Place], dict[str, Any]]] = {
        "caller": caller_policy,
        "role": role_policy,
        "trust": lambda _: trust_policy(),
        "ec2-caller": ec2_policy.caller_policy,
        "ec2-role": ec2_policy.role_policy,
        "ec2-trust": lambda _: trust_policy("ec2"),
        "lambda-caller": lambda_policy.caller_policy,
        "lambda-role": lambda_policy.role_policy,
        "lambda-trust": lambda _: trust_policy("lambda"),
        "transform-caller": transform_policy.caller_policy,
        "transform-role": transform_policy.role_policy,
        "sdk-caller": sdk_policy.caller_policy,
        "sdk-role": sdk_policy.role_policy,
    }
    parser = argparse.ArgumentParser(prog="python -m deployments.aws", description=__doc__)
    parser.add_argument("policy", choices=sorted(policies))
    parser.add_argument("--account", required=True, help="number of the account")
    parser.add_argument("--region", required=True)
    parser.add_argument("--bucket", required=True, help="bucket for all that is kept")
    parser.add_argument("--role", default="bluewater-jobs", help="role that jobs run as")
    parser.add_argument("--prefix", default="bluewater", help="folder of the bucket")
    parser.add_argument("--secrets", default="*", help="pattern of the names of secrets")
    given = vars(parser.parse_args())
    made = policies[given.pop("policy")](Place(**given))
    print(json.dumps(made, indent=2))


if __name__ == "__main__":
    main()
