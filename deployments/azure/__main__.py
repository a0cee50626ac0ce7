"""``python -m deployments.azure``: print the custom roles for a resource group, as JSON."""

from __future__ import annotations

import argparse
import json

from deployments.azure.role import Place, caller_role, jobs_role


def main() -> None:
    """Print one of the roles."""
    parser = argparse.ArgumentParser(prog="python -m deployments.azure", description=__doc__)
    parser.add_argument("role", choices=["caller", "jobs"])
    parser.add_argument("--subscription", required=True, help="id of the subscription")
    parser.add_argument("--group", required=True, help="resource group of the workspace")
    parser.add_argument("--tokens", action="store_true", help="endpoints have auth='token'")
    parser.add_argument(
        "--batch-endpoints", action="store_true", help="data sets are scored by batch endpoints"
    )
    given = parser.parse_args()
    place = Place(subscription=given.subscription, group=given.group)
    more = {"tokens": given.tokens, "batch_endpoints": given.batch_endpoints}
    role = jobs_role(place) if given.role == "jobs" else caller_role(place, **more)
    print(json.dumps(role, indent=2))


if __name__ == "__main__":
    main()
