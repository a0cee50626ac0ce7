"""Look up what is installed here in a list of known vulnerabilities: ``pip-audit``, for CI.

``python -m deployments.dependencies`` ends with 1 for a known vulnerability. Where the list cannot
be reached it says so, loudly, and ends with 0: a change is not held up by somebody else's outage.
With ``--strict`` that, too, ends with 1.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import click

OSV = "https://api.osv.dev/v1/query"


class NotReached(Exception):
    """The list of vulnerabilities did not answer. Nothing was looked up."""


@click.command()
@click.option("--osv-url", default=OSV, show_default=True, help="Where vulnerabilities are listed.")
@click.option("--strict", is_flag=True, help="End with 1 if the list cannot be reached.")
@click.option("--requirement", type=click.Path(exists=True), help="Audit this file's packages.")
def main(osv_url: str, strict: bool, requirement: str | None) -> None:
    """Audit the packages of this environment."""
    chosen = ["-r", requirement, "--no-deps", "--disable-pip"] if requirement else []
    try:
        found = audit(osv_url, chosen)
    except NotReached as error:
        click.echo(f"NOT AUDITED: {error}", err=True)
        sys.exit(1 if strict else 0)
    bad = [each for each in found if each.get("vulns")]
    for each in bad:
        names = ", ".join(vulnerability["id"] for vulnerability in each["vulns"])
        click.echo(f"{each['name']} {each['version']}: {names}", err=True)
    click.echo(f"{len(found)} packages looked up, {len(bad)} with a known vulnerability")
    sys.exit(1 if bad else 0)


def audit(osv_url: str, chosen: Sequence[str]) -> list[dict[str, Any]]:
    """Return pip-audit's findings, one a package. Raises NotReached."""
    words = ["--vulnerability-service", "osv", "--osv-url", osv_url, "--format", "json", *chosen]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--skip-editable", *words],
        capture_output=True,
        check=False,
        text=True,
    )
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip() or "pip-audit said nothing").splitlines()[-1]
        raise NotReached(last) from None
    return [each for each in packages if "skip_reason" not in each]


if __name__ == "__main__":
    main()
