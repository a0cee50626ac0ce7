"""A zygote is shared by all who are told the same folder, and lives no longer than they do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from blocks.emulation import zygotes
from blocks.emulation.launch import alive
from blocks.emulation.zygotes import SHARED
from blocks.testing.waiting import until

HOME = Path(__file__).parents[3]
PARROT = """
import os, sys

for line in sys.stdin:
    print(os.getpid(), line.strip(), file=open("FILE", "a"))
"""
CALLER = """
import sys
from blocks.emulation.zygotes import ask

ask("parrot", {"said": sys.argv[1]})
sys.stdin.read()
"""
Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def heard(tmp_path: Path) -> Path:
    """Return the file to which the zygote writes what it is asked, behind its own id."""
    file = tmp_path / "heard"
    file.touch()
    (tmp_path / "parrot.py").write_text(PARROT.replace("FILE", str(file)))
    return file


@pytest.fixture
def start(tmp_path: Path, heard: Path) -> Iterator[Start]:
    """Return a function that starts a process which asks, and then waits for its end."""
    told = {SHARED: str(tmp_path), "PYTHONPATH": os.pathsep.join((str(HOME), str(tmp_path)))}
    with ExitStack() as stack:

        def started(word: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-c", CALLER, word]
            caller = subprocess.Popen(command, env={**os.environ, **told}, stdin=subprocess.PIPE)
            stack.callback(caller.wait)
            stack.callback(caller.kill)
            until(lambda: word in heard.read_text())
            return caller

        yield started


def test_all_share_one_zygote_and_it_ends_with_the_last(start: Start, heard: Path) -> None:
    first, second = start("one"), start("two")
    [zygote] = {int(line.split()[0]) for line in heard.read_text().splitlines()}
    first.kill()  # it has no time to say goodbye
    first.wait()
    third = start("three")
    assert heard.read_text().splitlines()[-1].startswith(f"{zygote} ")
    for caller in (second, third):
        caller.kill()
        caller.wait()
    until(lambda: not alive(zygote))


def test_after_the_last_another_one_is_started(start: Start, heard: Path) -> None:
    first = start("one")
    zygote = int(heard.read_text().split()[0])
    first.kill()
    first.wait()
    until(lambda: not alive(zygote))
    start("two")
    assert not heard.read_text().splitlines()[-1].startswith(f"{zygote} ")


def test_one_that_does_not_come_up_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stillborn.py").write_text("raise SystemExit(1)")
    monkeypatch.setenv(SHARED, str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with suppress(BrokenPipeError):
        zygotes.ask("stillborn", {})
    until(lambda: not zygotes.lives("stillborn"))
