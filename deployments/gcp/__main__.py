"""``python -m deployments.gcp``: print the custom roles of IAM, as YAML."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from deployments.gcp.roles import caller_role, jobs_role, run_caller_role


def main() -> None:
    """Print one of the roles."""
    roles: Mapping[str, Callable[[], dict[str, Any]]] = {
        "caller": caller_role,
        "jobs": jobs_role,
        "run-caller": run_caller_role,
    }
    parser = argparse.ArgumentParser(prog="python -m deployments.gcp", description=__doc__)
    parser.add_argument("role", choices=sorted(roles))
    yaml.safe_dump(roles[parser.parse_args().role](), sys.stdout, sort_keys=False)


if __name__ == "__main__":
    main()
