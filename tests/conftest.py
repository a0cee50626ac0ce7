"""What every test run has."""

import os
import shutil
import tempfile

import pytest

from blocks.emulation.zygotes import SHARED


def pytest_xdist_auto_num_workers() -> int:
    """Two workers for each processor: a test that waits for a server leaves one idle."""
    return 2 * (os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    """Let all workers of a run fork emulators from the same processes."""
    if SHARED not in os.environ:
        folder = os.environ[SHARED] = tempfile.mkdtemp(prefix="bluewater-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
