"""``python -m deployments.azure``: print the custom roles for a resource group, as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from deployments.azure.role import Place, caller_role, jobs_role, registry_role


def main() -> None:
    """Print one of the roles."""
    parser = argparse.ArgumentParser(prog="python -m deployments.azure", description=__doc__)
    parser.add_argument("role", choices=["caller", "jobs", "registry"])
    parser.add_argument("--subscription", required=True, help="id of the subscription")
    parser.add_argument(
        "--group", required=True, help="resource group of the workspace, or registry"
    )
    parser.add_argument("--tokens", action="store_true", help="endpoints have auth='token'")
    parser.add_argument(
        "--batch-endpoints", action="store_true", help="data sets are scored by batch endpoints"
    )
    given = parser.parse_args()
    place = Place(subscription=given.subscription, group=given.group)
    roles: dict[str, Callable[[Place], dict[str, Any]]] = {
        "caller": partial(caller_role, tokens=given.tokens, batch_endpoints=given.batch_endpoints),
        "jobs": jobs_role,
        "registry": registry_role,
    }
    print(json.dumps(roles[given.role](place), indent=2))


if __name__ == "__main__":
    main()
