"""Blobs as the parts that clouds share need them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from blocks.contracts import ObjectStore
from blocks.providers.azure.objects import Objects

NOTES = {"bluewater-scored": "1f", "bluewater-rows": "7"}


@pytest.fixture
def objects(bench: Any) -> Objects:
    return Objects(bench.account)


def test_notes_stay_with_a_file_and_go_with_another_one(
    bench: Any, objects: Objects, tmp_path: Path
) -> None:
    uri, file = f"{bench.account.root}/noted", tmp_path / "file"
    file.write_bytes(b"content")
    objects.send(file, uri, notes=NOTES)
    assert objects.notes(uri) == NOTES
    assert objects.read(uri) == (b"content", getattr(objects.head(uri), "etag", ""))
    objects.write(uri, b"other")
    assert objects.notes(uri) == {}
    assert objects.notes(f"{uri}-not") == {}


def test_only_what_was_read_is_copied_and_replaced(bench: Any, objects: Objects) -> None:
    root = bench.account.root
    objects.write(f"{root}/from", b"first")
    found = objects.head(f"{root}/from")
    assert found is not None
    objects.copy(found, f"{root}/to")
    objects.write(f"{root}/from", b"second")
    with pytest.raises(HttpResponseError):
        objects.copy(found, f"{root}/to")
    with pytest.raises(HttpResponseError):
        b"".join(objects.parts(found))
    assert (objects.read(f"{root}/to") or (b"",))[0] == b"first"
    assert not objects.swap(f"{root}/from", b"third", etag=found.etag)
    assert not objects.swap(f"{root}/from", b"third", etag=None)
    assert not objects.swap(f"{root}/nowhere", b"third", etag=found.etag)
    assert objects.swap(f"{root}/nowhere", b"third", etag=None)


def test_names_past_a_name_are_listed(bench: Any, objects: Objects) -> None:
    folder = f"{bench.account.root}/folder"
    for name in ("a", "b/c", "d"):
        objects.write(f"{folder}/{name}", name.encode() * 10)
    assert [each.name for each in objects.below(folder, after="a")] == ["b/c", "d"]


def test_what_is_open_is_read_to_its_end_or_not_at_all(bench: Any, objects: Objects) -> None:
    store: ObjectStore = bench.connect(ObjectStore)
    uri = f"{bench.account.root}/large"
    objects.write(uri, b"a" * (12 << 20))
    with store.open(uri) as file:
        assert file.read(1) == b"a"
        objects.write(uri, b"b" * (12 << 20))
        file.seek(-1, 2)
        with pytest.raises(HttpResponseError):
            file.read(1)
    with store.open(uri) as file:
        file.seek(-1, 2)
        assert file.read(9) == b"b"
