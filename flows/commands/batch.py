"""``bluewater batch``: score a data set with a registered version."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from flows.batch import batch
from flows.exits import Exit
from flows.session import platform
from flows.terminal import exits, show


@exits()
def run(
    *,
    model: str,
    data: str,
    output: str,
    alias: str,
    machine: str,
    run: str,
    platform_name: str | None,
    as_json: bool,
) -> Exit:
    """Score every row of a data set with the version of MODEL that an alias means."""
    result = batch(
        platform(platform_name),
        model,
        _uri(data),
        _uri(output),
        machine=machine,
        alias=alias,
        run=run,
    )
    show([result.model_dump()], title="Predictions", as_json=as_json)
    return Exit.OK


def _uri(place: str) -> str:
    return place if urlsplit(place).scheme else Path(place).absolute().as_uri()
