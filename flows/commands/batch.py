"""``bluewater batch``: score a data set with a registered version."""

from __future__ import annotations

from datetime import timedelta

from flows.batch import batch
from flows.exits import Exit
from flows.session import platform
from flows.terminal import exits, show, to_uri


@exits()
def run(
    *,
    model: str,
    data: str,
    output: str,
    alias: str,
    machine: str,
    spot: bool,
    max_hours: float,
    run: str,
    platform_name: str | None,
    as_json: bool,
) -> Exit:
    """Score every row of a data set with the version of MODEL that an alias means."""
    result = batch(
        platform(platform_name),
        model,
        to_uri(data),
        to_uri(output),
        machine=machine,
        alias=alias,
        spot=spot,
        max_duration=timedelta(hours=max_hours),
        run=run,
    )
    show([result.model_dump()], title="Predictions", as_json=as_json)
    return Exit.OK
