"""``bluewater plan``: check a specification, and show what a release would do and cost."""

from __future__ import annotations

from pathlib import Path

from flows.exits import Exit
from flows.session import platform
from flows.surroundings import surroundings
from flows.terminal import exits, show
from tasks.specification.loading import load_and_check
from tasks.specification.plan import plan


@exits()
def run(
    *, specification: Path, changes: tuple[str, ...], platform_name: str | None, as_json: bool
) -> Exit:
    """Check SPECIFICATION (a YAML file) against the platform; start nothing."""
    around = surroundings(platform(platform_name))
    spec = load_and_check(specification, around, changes=changes)
    lines = [line.model_dump() for line in plan(spec, around)]
    show(lines, title=f"Release of {spec.name}", as_json=as_json)
    return Exit.OK
