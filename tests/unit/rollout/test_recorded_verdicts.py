"""However the statistics are computed, verdicts stay what they were."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.rollout.recorded import FILE, WORLDS, record

RECORDED: dict[str, Any] = json.loads(FILE.read_text())


@pytest.mark.parametrize("name", list(WORLDS))
def test_verdicts_are_those_that_were_written_down(name: str) -> None:
    found, known = record(WORLDS[name]), RECORDED[name]
    assert found["requests"] == known["requests"]  # the same traffic
    assert [look[0] for look in found["looks"]] == [look[0] for look in known["looks"]]
    assert [row[0] for row in found["findings"]] == [row[0] for row in known["findings"]]
    for key in ("looks", "findings"):
        for mine, theirs in zip(found[key], known[key], strict=True):
            assert mine[1:] == pytest.approx(theirs[1:], rel=1e-9, abs=1e-12)
