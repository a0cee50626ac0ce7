"""Ports are free, and no two get the same, whoever asks."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blocks.emulation import ports
from blocks.emulation.ports import next_port


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where it is written down which port came last."""
    monkeypatch.setattr(ports.tempfile, "tempdir", str(tmp_path))
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
    first = next_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first + 1))
        assert next_port() > first + 1


@pytest.mark.parametrize("kept", ["", "32767"])
def test_after_the_last_or_a_kill_they_begin_anew(folder: Path, kept: str) -> None:
    next_port()
    [file] = folder.iterdir()
    file.write_text(kept)
    assert next_port() < 20_000
