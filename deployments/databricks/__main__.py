"""``python -m deployments.databricks``: print what a workspace has to grant, as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from deployments.databricks.grants import Place, caller_grants, served_grants


def main() -> None:
    """Print the grants of one of the principals."""
    documents: Mapping[str, Callable[[Place], dict[str, Any]]] = {
        "caller": caller_grants,
        "served": served_grants,
    }
    parser = argparse.ArgumentParser(prog="python -m deployments.databricks", description=__doc__)
    parser.add_argument("who", choices=sorted(documents))
    parser.add_argument("--principal", required=True, help="application id of the principal")
    parser.add_argument("--catalog", default="main")
    parser.add_argument("--schema", default="bluewater")
    parser.add_argument("--volume", default="files")
    given = parser.parse_args()
    place = Place(
        principal=given.principal,
        catalog=given.catalog,
        schema=given.schema,
        volume=given.volume,
    )
    json.dump(documents[given.who](place), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
