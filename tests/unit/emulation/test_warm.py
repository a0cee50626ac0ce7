"""What a container that starts in a warm interpreter shares with one that does not."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from blocks.emulation.containers import Container, Containers
from blocks.emulation.interpreter import Asked
from blocks.emulation.launch import alive
from blocks.emulation.warm import WarmInterpreter
from blocks.testing.waiting import until

SAYS = ["import json, os, sys", "print(json.dumps([os.getcwd(), sys.argv, os.environ['WORD']]))"]


@pytest.fixture(scope="module")
def warm() -> WarmInterpreter:
    """Return one interpreter for all tests; it ends with this process."""
    return WarmInterpreter(["json.tool", "timeit"])


@pytest.fixture
def containers(warm: WarmInterpreter) -> Iterator[Containers]:
    found = Containers("/opt/ml", "MOUNTED", warm)
    yield found
    found.end()


def _timed(containers: Containers, folder: Path, statement: str) -> tuple[Container, list[str]]:
    """Run a statement once by ``python -m timeit``, a module that the interpreter knows."""
    said: list[str] = []
    command = ["python", "-m", "timeit", "-n", "1", "-r", "1", statement]
    return containers.run("one", folder, command, {"WORD": "/opt/ml/model"}, said.append), said


def test_it_has_its_own_folder_environment_and_arguments(
    containers: Containers, tmp_path: Path
) -> None:
    container, said = _timed(containers, tmp_path, "\n".join(SAYS))
    until(lambda: container.poll() is not None)
    container.end()
    folder, (_, *arguments), word = json.loads(said[0])
    assert folder == str(tmp_path)
    assert arguments[:4] == ["-n", "1", "-r", "1"]
    assert word == f"{tmp_path}/model"


def test_its_exit_status_is_told(containers: Containers, tmp_path: Path) -> None:
    well, _ = _timed(containers, tmp_path, "pass")
    badly, _ = _timed(containers, tmp_path, "import os; os._exit(7)")
    until(lambda: well.poll() is not None and badly.poll() is not None)
    assert (well.poll(), badly.poll()) == (0, 7)


def test_an_error_ends_it_with_its_traceback(containers: Containers, tmp_path: Path) -> None:
    container, said = _timed(containers, tmp_path, "raise ValueError('no good')")
    until(lambda: container.poll() is not None)
    container.end()
    assert container.poll() == 1
    assert "ValueError: no good" in said[-1]


def test_it_is_stopped_and_killed_with_its_children(containers: Containers, tmp_path: Path) -> None:
    statement = "import subprocess; subprocess.run(['sleep', '100'])"
    container, _ = _timed(containers, tmp_path, statement)
    process = psutil.Process(container.pid)
    until(process.children)
    children = process.children()
    assert os.getpgid(children[0].pid) == container.pid
    assert container.end() == -signal.SIGKILL
    until(lambda: not children[0].is_running())


def test_a_command_that_it_does_not_know_is_started_as_any_other(
    containers: Containers, tmp_path: Path
) -> None:
    said: list[str] = []
    command = ["python", "-c", "import sys; print('json' in sys.modules, sys.argv)"]
    container = containers.run("one", tmp_path, command, {}, said.append)
    until(lambda: container.poll() is not None)
    container.end()
    assert said == ["False ['-c']"]


def test_a_caller_that_is_killed_takes_its_container_with_it(tmp_path: Path) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", _CALLER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert caller.stdout is not None
    pid = int(caller.stdout.readline())
    assert alive(pid)
    caller.kill()
    caller.wait()
    until(lambda: not alive(pid))


def test_a_container_that_ends_when_its_caller_does_takes_no_other_with_it(tmp_path: Path) -> None:
    """One who connects and is slow to ask keeps the interpreter, so that it sees both at once."""
    place = tmp_path / "socket"
    command = [sys.executable, "-m", "blocks.emulation.interpreter", str(place), "timeit"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as interpreter:
        with _connected(place) as caller:
            _ask(caller, tmp_path, "import time; time.sleep(100)")
            pid = int(caller.recv(64))
            slow = _connected(place)
            os.kill(pid, signal.SIGKILL)
            until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        with slow:
            _ask(slow, tmp_path, "pass")
            assert int(slow.recv(64)) > 0
            assert slow.recv(64) == b"0"
        interpreter.communicate()
        assert interpreter.returncode == 0


def _connected(place: Path) -> socket.socket:
    """Return a connection, as soon as somebody listens there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    until(lambda: connection.connect_ex(str(place)) == 0)
    return connection


def _ask(connection: socket.socket, folder: Path, statement: str) -> None:
    """Ask for a container, whose output goes nowhere."""
    arguments = ("-n", "1", "-r", "1", statement)
    asked = Asked(module="timeit", arguments=arguments, folder=str(folder), env={})
    with Path(os.devnull).open("w") as output:
        socket.send_fds(connection, [asked.model_dump_json().encode()], [output.fileno()])


_CALLER = """
import sys, time
from pathlib import Path
from blocks.emulation.warm import WarmInterpreter
warm = WarmInterpreter(["timeit"])
run = warm.run(["python", "-m", "timeit", "import time; time.sleep(100)"], Path(sys.argv[1]), {})
print(run.pid, flush=True)
time.sleep(100)
"""
