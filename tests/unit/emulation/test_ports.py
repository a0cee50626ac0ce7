"""Ports are free, and no two get the same, whoever asks."""

from __future__ import annotations

import socket
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blocks.emulation.ports import next_port


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where it is written down which port came last: one far from those of other tests."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    next_port()
    [file] = tmp_path.iterdir()
    file.write_text("30000")
    return tmp_path


def test_no_two_get_the_same_though_nobody_listens_yet(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: next_port(), range(100)))
    assert len(set(found)) == len(found)


def test_a_port_is_none_that_the_system_gives_out(folder: Path) -> None:
    with socket.socket() as given:
        given.bind(("127.0.0.1", 0))
        assert next_port() < 32_768 <= given.getsockname()[1]


def test_a_port_on_which_somebody_listens_is_passed_over(folder: Path) -> None:
    [file] = folder.iterdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port := next_port()))
        file.write_text(f"{port - 1}")
        assert next_port() > port


@pytest.mark.parametrize("kept", ["", "32767"])
def test_after_the_last_or_a_kill_they_begin_anew(folder: Path, kept: str) -> None:
    [file] = folder.iterdir()
    file.write_text(kept)
    assert next_port() < 20_000
