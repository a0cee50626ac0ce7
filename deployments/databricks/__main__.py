"""``python -m deployments.databricks``: print what a workspace has to grant, as JSON."""

from __future__ import annotations

import argparse
import json
import sys

from deployments.databricks.grants import OPTIONS, Place, caller_grants, served_grants


def main() -> None:
    """Print the grants of one of the principals."""
    parser = argparse.ArgumentParser(prog="python -m deployments.databricks", description=__doc__)
    parser.add_argument("who", choices=("caller", "served"))
    parser.add_argument("--principal", required=True, help="application id of the principal")
    parser.add_argument("--catalog", default="main")
    parser.add_argument("--schema", default="bluewater")
    parser.add_argument("--volume", default="files")
    parser.add_argument(
        "--with",
        action="append",
        default=[],
        dest="options",
        choices=sorted(OPTIONS),
        help="what the caller's blocks are set up for besides; may be said again",
    )
    given = parser.parse_args()
    place = Place(
        principal=given.principal,
        catalog=given.catalog,
        schema=given.schema,
        volume=given.volume,
    )
    served = given.who == "served"
    document = served_grants(place) if served else caller_grants(place, given.options)
    json.dump(document, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
