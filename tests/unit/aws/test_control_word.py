"""The levers of an emulated cloud are for who started it: it runs commands as that user."""

from __future__ import annotations

import stat
from pathlib import Path

import httpx
import pytest

from blocks.emulation.control_word import WORD
from blocks.providers.aws.rehearsal import AwsRehearsal
from blocks.testing.waiting import NEVER


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer guessed"}])
def test_a_lever_wants_the_word_that_only_its_owner_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    monkeypatch.setattr(AwsRehearsal, "preloaded", True)
    with AwsRehearsal(tmp_path) as rehearsal:
        emulator = rehearsal.emulator
        for lever in ("calls", "fault", "advance", "no-such-lever"):
            answer = httpx.post(
                f"{emulator.url}/_emulator/{lever}", json={}, headers=given, timeout=NEVER
            )
            assert answer.status_code == 401
        assert emulator.pull("faults") == []
        mode = stat.S_IMODE((emulator.folder / WORD).stat().st_mode)
        assert mode == 0o600
