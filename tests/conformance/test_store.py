"""What every provider's object store must do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from threading import Barrier

import pytest

from blocks.contracts import Conflict, InvalidRequest, NotFound, ObjectStore, Unsupported
from blocks.testing.bench import Bench

CONTRACT = ObjectStore


@pytest.fixture
def store(bench: Bench) -> ObjectStore:
    return bench.connect(ObjectStore)


def test_what_is_written_is_read(store: ObjectStore) -> None:
    uri = f"{store.root}/folder/object with spaces & ü.bin"
    info = store.write(uri, b"\x00\xffcontent")
    assert store.read(uri) == b"\x00\xffcontent"
    assert store.read(info.uri) == b"\x00\xffcontent"
    assert info.size == 9
    assert info.modified.tzinfo is not None


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.write(f"{store.root}/empty", b"")
    assert store.read(f"{store.root}/empty") == b""
    assert [info.size for info in store.walk(f"{store.root}/empty")] == [0]


def test_the_root_is_of_the_scheme_and_has_no_closing_slash(store: ObjectStore) -> None:
    assert store.root.startswith(f"{store.features.scheme}://")
    assert not store.root.endswith("/")


def test_writing_again_replaces_the_whole_object(store: ObjectStore) -> None:
    uri = f"{store.root}/object"
    before = store.write(uri, b"a long first content")
    after = store.write(uri, b"short")
    assert store.read(uri) == b"short"
    assert before.etag != after.etag


def test_a_file_of_this_machine_is_uploaded_whole(store: ObjectStore, tmp_path: Path) -> None:
    file, uri = tmp_path / "a file", f"{store.root}/uploaded/object"
    file.write_bytes(bytes(range(256)) * 40_000)  # more than one part where parts are sent
    info = store.upload(file, uri)
    assert info.size == 10_240_000
    assert store.read(uri) == file.read_bytes()
    file.write_bytes(b"again")
    store.upload(file, uri)
    assert store.read(uri) == b"again"
    with pytest.raises(NotFound):
        store.upload(tmp_path / "nothing", uri)
    assert store.read(uri) == b"again"


def test_a_stranger_reads_what_was_written(bench: Bench, store: ObjectStore) -> None:
    store.write(f"{store.root}/object", b"1")
    later = bench.connect(ObjectStore)
    assert later.root == store.root
    assert later.read(f"{later.root}/object") == b"1"


def test_open_seeks_in_large_objects(store: ObjectStore) -> None:
    uri = f"{store.root}/large"
    store.write(uri, bytes(range(256)) * 4096)
    with store.open(uri) as reader:
        reader.seek(256 * 1000 + 7)
        assert reader.read(3) == bytes([7, 8, 9])
        reader.seek(-1, 2)
        assert reader.read() == b"\xff"


def test_walk_yields_what_is_below_in_name_order(store: ObjectStore) -> None:
    names = ["b/2", "b/10", "a", "b.txt", "b/c/1"]
    for name in names:
        store.write(f"{store.root}/walk/{name}", name.encode())
    store.write(f"{store.root}/walk-not", b"")
    found = [
        info.uri.removeprefix(f"{store.root}/walk/") for info in store.walk(f"{store.root}/walk")
    ]
    assert found == sorted(names)
    assert [info.uri for info in store.walk(f"{store.root}/walk/a")] == [f"{store.root}/walk/a"]


def test_what_walk_yields_can_be_read(store: ObjectStore) -> None:
    names = {"plain", "with space", "per%20cent", "ü", "a#b", "a#c", "a?b"}
    for name in names:
        store.write(f"{store.root}/odd/{name}", name.encode())
    assert {store.read(info.uri).decode() for info in store.walk(f"{store.root}/odd")} == names


def test_walking_nothing_yields_nothing(store: ObjectStore) -> None:
    assert list(store.walk(f"{store.root}/nowhere")) == []


def test_what_is_not_there_is_not_found(store: ObjectStore) -> None:
    with pytest.raises(NotFound) as caught:
        store.read(f"{store.root}/nothing")
    assert (caught.value.provider, caught.value.operation) == (store.provider, "store.read")
    with pytest.raises(NotFound):
        store.open(f"{store.root}/nothing")


def test_remove_may_be_repeated(store: ObjectStore) -> None:
    uri = f"{store.root}/object"
    store.write(uri, b"1")
    store.remove(uri)
    store.remove(uri)
    assert list(store.walk(uri)) == []


def test_another_scheme_is_refused(store: ObjectStore) -> None:
    calls: tuple[Callable[[str], object], ...] = (
        store.read,
        store.open,
        lambda uri: store.write(uri, b""),
        lambda uri: store.upload(Path(__file__), uri),
        lambda uri: list(store.walk(uri)),
        store.remove,
    )
    for call, uri in product(calls, ("other://bucket/object", "no-scheme", "")):
        with pytest.raises(InvalidRequest) as caught:
            call(uri)
        assert caught.value.code == "SCHEME"


def test_create_if_absent_is_kept_or_refused(store: ObjectStore) -> None:
    uri = f"{store.root}/once"
    if not store.features.conditional_write:
        with pytest.raises(Unsupported):
            store.write(uri, b"1", only_if_absent=True)
        assert list(store.walk(uri)) == []
        return
    store.write(uri, b"first", only_if_absent=True)
    with pytest.raises(Conflict):
        store.write(uri, b"second", only_if_absent=True)
    assert store.read(uri) == b"first"
    store.remove(uri)
    store.write(uri, b"third", only_if_absent=True)
    assert store.read(uri) == b"third"


def test_create_if_absent_is_refused_where_it_is_not_on_offer(
    store: ObjectStore, changed: Callable[..., ObjectStore]
) -> None:
    uri = f"{store.root}/once"
    with pytest.raises(Unsupported):
        changed(conditional_write=False).write(uri, b"1", only_if_absent=True)
    assert list(store.walk(uri)) == []


def test_of_many_who_create_exactly_one_wins(bench: Bench, store: ObjectStore) -> None:
    if not store.features.conditional_write:
        pytest.skip("this store refuses create-if-absent, which another test checks")
    start, callers = Barrier(8), range(10, 18)
    stores = {number: bench.connect(ObjectStore) for number in callers}

    def create(round_: int, number: int) -> int | None:
        mine, content = stores[number], str(number).encode() * 10_000
        start.wait()
        try:
            mine.write(f"{store.root}/race/{round_}", content, only_if_absent=True)
        except Conflict:
            return None
        return number

    with ThreadPoolExecutor(len(callers)) as pool:
        for round_ in range(40):
            tried = pool.map(create, [round_] * len(callers), callers)
            winners = [number for number in tried if number is not None]
            assert len(winners) == 1
            content = store.read(f"{store.root}/race/{round_}")
            assert content == str(winners[0]).encode() * 10_000
    assert len(list(store.walk(f"{store.root}/race"))) == 40


def test_readers_see_the_old_content_or_the_new(bench: Bench, store: ObjectStore) -> None:
    """Never a part, and never nothing, while a writer replaces it again and again."""
    uri = f"{store.root}/busy"
    contents = [bytes([number]) * 200_000 for number in range(8)]
    store.write(uri, contents[0])

    def write() -> None:
        writer = bench.connect(ObjectStore)
        for content in contents * 5:
            writer.write(uri, content)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        seen = {store.read(uri)}
        while not writing.done():
            seen.add(store.read(uri))
            listed = [info.uri for info in store.walk(store.root)]
            assert listed == [uri]
        writing.result()
    assert seen <= set(contents)
