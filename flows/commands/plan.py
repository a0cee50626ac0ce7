"""``bluewater plan``: check a specification, and show what a release would do and cost."""

from __future__ import annotations

from pathlib import Path

from blocks.contracts import Endpoints, ObjectStore, Prices, SecretStore, TrainingJobs
from flows.exits import Exit
from flows.session import platform
from flows.terminal import exits, show
from tasks.specification.checks import Surroundings, check
from tasks.specification.loading import load
from tasks.specification.plan import plan
from tasks.specification.problems import SpecificationRefused


@exits()
def run(
    *, specification: Path, changes: tuple[str, ...], platform_name: str | None, as_json: bool
) -> Exit:
    """Check SPECIFICATION (a YAML file) against the platform; start nothing."""
    spec, here = load(specification, changes=changes), platform(platform_name)
    around = Surroundings(
        store=here.connect(ObjectStore),
        training=here.connect(TrainingJobs),
        endpoints=here.connect(Endpoints),
        prices=here.connect(Prices),
        secrets=here.connect(SecretStore),
    )
    if problems := check(spec, around):
        raise SpecificationRefused(problems)
    lines = [line.model_dump() for line in plan(spec, around)]
    show(lines, title=f"Release of {spec.name}", as_json=as_json)
    return Exit.OK
