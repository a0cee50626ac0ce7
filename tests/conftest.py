"""What every test run has."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib import import_module

import pytest
from hypothesis import HealthCheck, settings

from blocks.emulation.zygotes import SHARED
from blocks.threads import WAIT_PASSIVELY


def pytest_xdist_auto_num_workers() -> int:
    """Two workers for each processor: a test that waits for a server leaves one idle."""
    return 2 * (os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    """Let all workers of a run fork emulators from the same processes, and none of them spin.

    Examples are the same in every run, and may take as long as the machine takes.
    """
    settings.register_profile(
        "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("same")
    os.environ.update({**WAIT_PASSIVELY, **os.environ})
    if SHARED not in os.environ:
        folder = os.environ[SHARED] = tempfile.mkdtemp(prefix="bluewater-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell why a test that passed at its second try had failed at its first."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"passed or failed again after: {report.nodeid}")
        terminalreporter.write_line(str(report.longrepr))


@pytest.fixture(scope="module")
def prefect_server() -> Iterator[None]:
    """Run a Prefect server that this process speaks to.

    What starts it is imported here: it takes seconds, and every worker would, to collect tests.
    """
    utilities = import_module("prefect.testing.utilities")
    with utilities.prefect_test_harness(server_startup_timeout=900):
        yield
