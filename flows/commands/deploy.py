"""``bluewater deploy``: put a specification on the Prefect server in force."""

from __future__ import annotations

from pathlib import Path

from deployments.deploy import deploy
from deployments.pools import to_variables
from flows.exits import Exit
from flows.terminal import console, exits, show
from tasks.specification.loading import load


@exits()
def run(
    *,
    specification: Path,
    changes: tuple[str, ...],
    platform_name: str,
    pool: str,
    image: str,
    variables: tuple[str, ...],
    cron: str | None,
    as_json: bool,
) -> Exit:
    """Deploy every flow for SPECIFICATION (a YAML file): by hand, on schedule, by events."""
    spec = load(specification, changes=changes)
    made = deploy(
        spec,
        platform_name=platform_name,
        pool=pool,
        cron=cron,
        image=image,
        variables=to_variables(variables),
    )
    rows = [{"deployment": each.name, "when it runs": each.when} for each in made]
    show(rows, title=f"Deployments of {spec.name}", as_json=as_json)
    if not as_json:
        console.print(
            f"A worker runs them where the work is to be: prefect worker start --pool {pool}",
            highlight=False,
        )
    return Exit.OK
