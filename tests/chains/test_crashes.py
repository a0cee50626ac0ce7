"""Every kind of process is killed in every stage, on every platform of the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crashes.__main__ import FIGURES
from tests.crashes.matrix import crash
from tests.crashes.table import Seen, lost, to_markdown
from tests.crashes.victims import BY_NAME

PLATFORMS = [each.name for each in Seen.model_validate_json(FIGURES.read_text()).platforms]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_nothing_is_lost_whatever_dies_in_whichever_stage(platform: str, tmp_path: Path) -> None:
    seen = crash(platform, tmp_path, tuple(BY_NAME), tell=print)
    assert lost([seen]) == [], to_markdown([seen])
