"""Every kind of process is killed in every stage, on every platform that can be played whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crashes.matrix import crash
from tests.crashes.table import lost, to_markdown
from tests.crashes.victims import BY_NAME
from tests.crashes.world import PLATFORMS


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_nothing_is_lost_whatever_dies_in_whichever_stage(platform: str, tmp_path: Path) -> None:
    seen = crash(platform, tmp_path, tuple(BY_NAME), tell=print)
    assert lost([seen]) == [], to_markdown([seen])
