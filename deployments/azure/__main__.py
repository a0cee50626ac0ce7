"""``python -m deployments.azure``: print the custom roles for a resource group, as JSON."""

from __future__ import annotations

import argparse
import json

from deployments.azure.role import Place, caller_role, jobs_role


def main() -> None:
    """Print one of the roles."""
    roles = {"caller": caller_role, "jobs": jobs_role}
    parser = argparse.ArgumentParser(prog="python -m deployments.azure", description=__doc__)
    parser.add_argument("role", choices=sorted(roles))
    parser.add_argument("--subscription", required=True, help="id of the subscription")
    parser.add_argument("--group", required=True, help="resource group of the workspace")
    given = parser.parse_args()
    place = Place(subscription=given.subscription, group=given.group)
    print(json.dumps(roles[given.role](place), indent=2))


if __name__ == "__main__":
    main()
