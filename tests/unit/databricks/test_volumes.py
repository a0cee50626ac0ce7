"""Files of a volume through the Files API, and as a cluster has them mounted: both see the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from databricks.sdk.errors.base import DatabricksError

from blocks.contracts import Unavailable, Unsupported
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.mounted import MountedVolumes
from blocks.providers.databricks.volumes import Volumes


@pytest.fixture
def notes(account: DatabricksWorkspace) -> str:
    return f"{account.root}/notes"


@pytest.fixture
def far(account: DatabricksWorkspace, notes: str) -> Volumes:
    return Volumes(account, notes=notes)


@pytest.fixture
def near(emulator: Workspace, notes: str) -> MountedVolumes:
    place = str(emulator.folder / "Volumes")
    return MountedVolumes({"BLUEWATER_VOLUMES": place}, notes=notes)


def test_both_find_the_same_files_in_the_same_order(
    account: DatabricksWorkspace, far: Volumes, near: MountedVolumes
) -> None:
    folder = f"{account.root}/some"
    for number, name in enumerate(("b/2", "b.txt", "b/c/1", "a", "ü & more")):
        (far if number % 2 else near).write(f"{folder}/{name}", name.encode())
    assert list(far.below(folder)) == list(near.below(folder))
    assert [each.name for each in far.below(folder)] == ["a", "b.txt", "b/2", "b/c/1", "ü & more"]
    for after in ("a", "b.txt", "b/2", "b/c", "z"):
        assert list(far.below(folder, after=after)) == list(near.below(folder, after=after))
    assert far.head(f"{folder}/a") == near.head(f"{folder}/a")
    assert far.read(f"{folder}/b/c/1") == near.read(f"{folder}/b/c/1")
    assert far.head(f"{folder}/b") is near.head(f"{folder}/b") is None


def test_notes_are_of_the_very_file(
    account: DatabricksWorkspace, far: Volumes, near: MountedVolumes, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"scored")
    uri = f"{account.root}/scored/file"
    near.send(tmp_path / "file", uri, notes={"rows": "7"})
    assert far.notes(uri) == near.notes(uri) == {"rows": "7"}
    far.send(tmp_path / "file", uri, notes={"rows": "8"})
    assert near.notes(uri) == {"rows": "8"}
    near.write(uri, b"another one")
    assert far.notes(uri) == near.notes(uri) == {}
    assert [each.name for each in far.below(f"{account.root}/scored")] == ["file"]


def test_what_was_replaced_since_is_not_read(
    account: DatabricksWorkspace, far: Volumes, near: MountedVolumes
) -> None:
    uri = f"{account.root}/file"
    far.write(uri, b"first")
    found = far.head(uri)
    assert found is not None
    place = near.place(uri)
    os.utime(place, (found.modified.timestamp() + 60,) * 2)
    with pytest.raises(DatabricksError):
        list(far.parts(found))
    with pytest.raises(Unavailable):
        list(near.parts(found))
    place.write_bytes(b"longer than the first")
    os.utime(place, (found.modified.timestamp(),) * 2)
    with pytest.raises(Unavailable):
        list(far.parts(found))


def test_only_what_is_not_there_can_be_swapped(account: DatabricksWorkspace, far: Volumes) -> None:
    uri = f"{account.root}/once"
    assert far.swap(uri, b"1", etag=None)
    assert not far.swap(uri, b"2", etag=None)
    with pytest.raises(Unsupported):
        far.swap(uri, b"2", etag="1-1")
    content = far.read(uri)
    assert content is not None
    assert content[0] == b"1"
