from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from blocks.contracts import Denied, InvalidRequest, NotFound, Unavailable
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.secret import LocalSecrets
from blocks.providers.local.store import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(machine=LocalMachine(workspace=tmp_path))


FILLS_THE_DISK = """
import resource, sys
from pathlib import Path
from blocks.contracts import Unavailable
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
store = LocalStore(machine=LocalMachine(workspace=Path(sys.argv[1])))
store.write(f"{store.root}/object", b"whole")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    store.write(f"{store.root}/object", b"x" * 5000)
except Unavailable as error:
    print(store.read(f"{store.root}/object"), len(list(Path(sys.argv[1], "store").iterdir())))
"""


def test_what_goes_during_a_walk_is_passed_over(store: LocalStore) -> None:
    """As the draft of a file does that a job is writing there."""
    uris = [store.write(f"{store.root}/{name}", b"1").uri for name in "abc"]
    walk = store.walk(store.root)
    found = [next(walk).uri]
    store.remove(uris[1])
    assert found + [each.uri for each in walk] == [uris[0], uris[2]]


def test_a_full_disk_leaves_the_object_as_it_was(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILLS_THE_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert done.stdout.strip() == "b'whole' 1"


def test_a_name_below_an_object_is_refused(store: LocalStore) -> None:
    store.write(f"{store.root}/object", b"1")
    with pytest.raises(InvalidRequest):
        store.write(f"{store.root}/object/below", b"2")
    store.write(f"{store.root}/folder/object", b"1")
    with pytest.raises(InvalidRequest):
        store.write(f"{store.root}/folder", b"2")


def test_names_that_only_quoting_tells_apart_are_two_objects(store: LocalStore) -> None:
    store.write(f"{store.root}/a#1", b"1")
    store.write(f"{store.root}/a#2", b"2")
    assert store.read(f"{store.root}/a%231") == b"1"


def test_the_error_says_what_the_caller_does_next(store: LocalStore) -> None:
    assert isinstance(store._explain(PermissionError("no")), Denied)
    assert isinstance(store._explain(OSError(5, "input/output error")), Unavailable)


def test_an_unknown_secret_names_both_places_and_the_remedy() -> None:
    with pytest.raises(NotFound, match=r"BLUEWATER_SECRET_API_KEY.*Prefect"):
        LocalSecrets().get("api-key")
