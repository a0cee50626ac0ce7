"""Short turns for a process that others wait for: the router of an endpoint is one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.contracts import ModelVersion, VariantRequest
from blocks.providers.local.desired import Desired, DesiredVariant, EndpointFolder
from blocks.providers.local.routing import Routing
from blocks.providers.local.slices import SHORT, take_short_turns, turn_of

pytestmark = pytest.mark.skipif(turn_of(os.getpid()) is None, reason="the kernel tells no turns")


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits to be ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process


def test_a_process_takes_short_turns_and_keeps_how_nice_it_is(
    process: subprocess.Popen[bytes],
) -> None:
    os.setpriority(os.PRIO_PROCESS, process.pid, 5)
    before = turn_of(process.pid)
    take_short_turns(process.pid)
    assert turn_of(process.pid) == SHORT != before
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == 5


def test_a_process_that_is_gone_is_no_error(process: subprocess.Popen[bytes]) -> None:
    process.communicate(b"\n")
    take_short_turns(process.pid)
    assert turn_of(process.pid) is None


def test_the_router_of_an_endpoint_takes_short_turns(tmp_path: Path) -> None:
    model = ModelVersion(name="m", version="1", uri="file:///m", digest="0" * 64)
    request = VariantRequest(endpoint="e", variant="v", model=model, machine="local.small")
    wanted = DesiredVariant(request=request, token="t", backend="a", started=0.0)
    routing = Routing(EndpointFolder(tmp_path), owner=tmp_path.name, port=0, router=None)
    try:
        assert routing.keep_up(Desired(variants={"v": wanted}, percent={"v": 100}), ports={})
        assert routing.router is not None
        assert turn_of(routing.router.pid) == SHORT
    finally:
        routing.close()
