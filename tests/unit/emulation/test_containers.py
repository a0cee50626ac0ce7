"""Containers end with their emulator, however it ends, and nobody else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.emulation import reaper
from blocks.emulation.clock import Clock
from blocks.emulation.containers import Containers
from blocks.emulation.launch import alive
from blocks.testing.waiting import until

EMULATOR = """
import sys, time
from pathlib import Path
from blocks.emulation.containers import Containers

folder = Path(sys.argv[1])
stubborn = '''
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
'''
for number in range(2):
    place = folder / str(number)
    place.mkdir()
    command = ["python", "-c", stubborn]
    containers = globals().setdefault("containers", Containers("/opt/ml", "OPT_ML"))
    containers.run(f"job-{number}", place, command, {}, lambda line: print(line, flush=True))
time.sleep(600)
"""


MARKED = """
import subprocess, sys, time
from pathlib import Path
from blocks.emulation.containers import Container, Containers

runaway = '''
import os, subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(sleep, start_new_session=True)
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
'''
command, marked = [sys.executable, "-c", runaway], {"MACHINE": sys.argv[2]}
process = subprocess.Popen(command, env=marked, stdout=subprocess.PIPE, start_new_session=True)
told = lambda line: print(line, flush=True)
container = Container("machine", Path(sys.argv[1]), process, told, mark=f"MACHINE={sys.argv[2]}")
containers = Containers("/opt/ml", "OPT_ML")
containers.keep(container)
time.sleep(600)
"""


@pytest.fixture
def containers() -> Iterator[Containers]:
    found = Containers("/opt/ml", "OPT_ML")
    yield found
    found.end()


def test_containers_of_an_emulator_that_was_killed_end_with_all_their_children(
    tmp_path: Path,
) -> None:
    emulator = subprocess.Popen(
        [sys.executable, "-c", EMULATOR, str(tmp_path)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert emulator.stdout is not None
    pids = [int(word) for _ in range(2) for word in emulator.stdout.readline().split()]
    assert len(pids) == 4
    assert all(map(alive, pids))
    os.killpg(emulator.pid, signal.SIGKILL)  # with everything of its group, as a user might
    emulator.communicate()
    until(lambda: not any(map(alive, pids)))


def test_programs_of_a_marked_container_that_left_its_group_end_with_it(tmp_path: Path) -> None:
    """Of no other machine, though: its mark is another."""
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    bystander = subprocess.Popen(sleep, env={"MACHINE": f"{tmp_path}-2"})
    emulator = subprocess.Popen(
        [sys.executable, "-c", MARKED, str(tmp_path), str(tmp_path)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert emulator.stdout is not None
        pids = [int(word) for word in emulator.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(alive, pids))
        os.killpg(emulator.pid, signal.SIGKILL)
        emulator.communicate()
        until(lambda: not any(map(alive, pids)))
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_only_those_who_ran_at_the_end_are_told() -> None:
    mine = os.getpid()
    told, marks = reaper.attend(["1 2:A=b\n", f"{mine} 2:A=c\n", "7:A=d "])
    assert sorted(told) == sorted([mine, 2])
    assert told[mine] == reaper.born(mine) != ""
    assert marks == ["A=c"]


def test_a_number_that_was_given_to_somebody_else_is_left_alone(
    tmp_path: Path, containers: Containers
) -> None:
    bystander = containers.run("job", tmp_path, ["sleep", "600"], {}, print)
    program = [sys.executable, "-I", "-S", "-c"]
    code = (
        f"import sys; sys.path.insert(0, {str(Path(reaper.__file__).parent)!r}); import reaper\n"
        f"reaper.attend = lambda _: ({{{bystander.pid}: 'long ago'}}, [])\nreaper.main()"
    )
    subprocess.run([*program, code], check=True, stdin=subprocess.DEVNULL)
    assert bystander.poll() is None


def test_a_container_that_ended_leaves_its_number_to_others(
    tmp_path: Path, containers: Containers
) -> None:
    first = containers.run("first", tmp_path, ["true"], {}, print)
    until(lambda: first.poll() is not None)
    second = containers.run("second", tmp_path, ["sleep", "600"], {}, print)
    assert containers.alive() == [second]


def test_temporary_files_of_a_container_go_with_it(tmp_path: Path, containers: Containers) -> None:
    code = "import tempfile, time; print(tempfile.mkdtemp(), flush=True); time.sleep(600)"
    told: list[str] = []
    container = containers.run("job", tmp_path, ["python", "-c", code], {}, told.append)
    until(lambda: bool(told))
    [place] = told
    assert Path(place).is_dir()
    container.end()
    until(lambda: list(tmp_path.iterdir()) == [])


def test_containers_are_metered_by_the_clock_of_their_cloud(
    tmp_path: Path, containers: Containers
) -> None:
    clock = Clock()
    containers.now = clock.now
    first = containers.run("first", tmp_path, ["sleep", "600"], {}, print)
    second = containers.run("second", tmp_path, ["sleep", "600"], {}, print)
    clock.advance(3600)
    first.end()
    clock.advance(3600)
    one, other = containers.uptimes()
    assert (one.name, other.name) == ("first", "second")
    assert one.ended is not None
    assert 3600 <= one.ended - one.began < 7200
    assert other.ended is None
    second.end()
    assert containers.uptimes()[1].ended is not None
