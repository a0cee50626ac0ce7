"""What every test run has."""

import os


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are processors: a test that waits for a server leaves one idle."""
    return (os.cpu_count() or 1) + 1
