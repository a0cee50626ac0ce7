"""Cloud Storage as files: opened by the store, by pandas, pyarrow, DuckDB, and fsspec's suite."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fsspec.tests.abstract import (
    AbstractCopyTests,
    AbstractFixtures,
    AbstractGetTests,
    AbstractOpenTests,
    AbstractPipeTests,
    AbstractPutTests,
)

from blocks import registry
from blocks.contracts import ObjectStore
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.bench import TOKEN
from blocks.providers.gcp.files import AccountFiles

PIECE = 8 << 20  # bytes that are fetched at a time


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("project")
    with registry.load(registry.provider("gcp").bench)(folder) as bench:
        yield bench


@pytest.fixture
def files(account: GcpAccount) -> AccountFiles:
    return AccountFiles(account)


@pytest.fixture
def store(bench: Any) -> ObjectStore:
    found: ObjectStore = bench.connect(ObjectStore)
    return found


def test_what_is_open_is_read_as_it_was_or_not_at_all(
    store: ObjectStore, files: AccountFiles
) -> None:
    uri = f"{store.root}/large"
    for opened in (store.open, files.open):
        store.write(uri, b"a" * (2 * PIECE))
        with opened(uri) as file:
            assert file.read(1) == b"a"
            store.write(uri, b"b" * (2 * PIECE))
            file.seek(-1, 2)
            with pytest.raises(FileNotFoundError):
                file.read(1)
        with opened(uri) as file:
            file.seek(-1, 2)
            assert file.read(9) == b"b"


def test_every_name_that_is_listed_can_be_opened(store: ObjectStore, files: AccountFiles) -> None:
    names = {"plain", "with space", "per%20cent", "ü", "a#1", "a?generation=1", "{}", "x//y"}
    for name in names:
        store.write(f"{store.root}/odd/{name}", name.encode())
    store.write(f"{store.root}/odd/empty", b"")
    for each in store.walk(f"{store.root}/odd"):
        wanted = each.uri.removeprefix(f"{store.root}/odd/")
        for opened in (store.open, files.open):
            with opened(each.uri) as file:
                assert file.read().decode() == ("" if wanted == "empty" else wanted)


def test_a_large_object_is_fetched_by_pieces_and_by_whom_the_account_is(
    bench: Any, store: ObjectStore
) -> None:
    store.write(f"{store.root}/pieces", bytes(3 * PIECE))
    before = len(fetched(bench))
    with store.open(f"{store.root}/pieces") as file:
        assert file.read(1) == b"\0"
        assert len(fetched(bench)) - before == 2  # a look, and a piece
        assert len(file.read()) == 3 * PIECE - 1
    assert {each["key"] for each in fetched(bench)} == {TOKEN}


def fetched(bench: Any) -> list[Any]:
    return [each for each in bench.emulator.calls("storage:objects.get") if each["key"] == TOKEN]


def test_pandas_and_pyarrow_take_it(account: GcpAccount, files: AccountFiles) -> None:
    frame, place = pd.DataFrame({"x": range(100), "k": "a"}), f"{account.bucket}/frame"
    frame.to_parquet(f"{place}/0.parquet", filesystem=files)
    assert pd.read_parquet(f"{place}/0.parquet", filesystem=files).equals(frame)
    assert pd.read_parquet(place, filesystem=files)["x"].sum() == 4950


def test_duckdb_takes_it(account: GcpAccount, files: AccountFiles) -> None:
    """In a process of its own: whoever opens DuckDB here would fork with it later."""
    pd.DataFrame({"x": range(100)}).to_parquet(f"{account.root}/rows/0.parquet", filesystem=files)
    program = """
import sys, duckdb
from blocks.providers.gcp.files import AccountFiles
duckdb.register_filesystem(AccountFiles())
print(duckdb.sql(f"select sum(x) from read_parquet('{sys.argv[1]}/*.parquet')").fetchall()[0][0])
"""
    env = {
        "GOOGLE_CLOUD_PROJECT": account.project,
        "STORAGE_EMULATOR_HOST": account.storage_endpoint,
        "BLUEWATER_GCP_TOKEN": TOKEN,
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "PATH": "/usr/bin:/bin",
    }
    asked = [sys.executable, "-c", program, f"{account.root}/rows"]
    done = subprocess.run(asked, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["4950"], done.stderr


def test_what_others_write_is_seen_at_once(store: ObjectStore, files: AccountFiles) -> None:
    files.pipe_file(f"{store.root}/both/a", b"x")
    assert len(files.ls(f"{store.root}/both")) == 1
    store.write(f"{store.root}/both/b", b"y")
    assert [each[-1] for each in files.ls(f"{store.root}/both")] == ["a", "b"]
    assert [each.uri[-1] for each in store.walk(f"{store.root}/both")] == ["a", "b"]
    files.rm(f"{store.root}/both", recursive=True)
    assert not list(store.walk(f"{store.root}/both"))


def test_what_goes_wrong_is_told_as_of_any_file(
    bench: Any, account: GcpAccount, files: AccountFiles
) -> None:
    for gone in (f"{account.root}/nothing", account.root, "gs://no-such-bucket/x"):
        with pytest.raises(FileNotFoundError):
            files.open(gone)
    files.pipe_file(f"{account.root}/folder/file", b"x")
    with pytest.raises(FileNotFoundError):
        files.open(f"{account.root}/folder")
    bench.emulator.pull("policy", key=TOKEN, actions=["storage.objects.get"])
    try:
        with pytest.raises(OSError, match=r"storage\.objects\.create"):
            files.pipe_file(f"{account.root}/denied", b"x")
    finally:
        bench.emulator.pull("policy", key=TOKEN, actions=["*"])


class OfTheAccount(AbstractFixtures):  # type: ignore[misc]
    """What fsspec's suite takes: a file system, and a place in it."""

    @pytest.fixture
    def fs(self, files: AccountFiles) -> AccountFiles:
        return files

    @pytest.fixture
    def fs_path(self, account: GcpAccount) -> str:
        return f"{account.bucket}/suite"

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False


@pytest.mark.slow
class TestCopy(OfTheAccount, AbstractCopyTests):  # type: ignore[misc]
    """fsspec's suite of copies."""


@pytest.mark.slow
class TestGet(OfTheAccount, AbstractGetTests):  # type: ignore[misc]
    """fsspec's suite of what is brought here."""


@pytest.mark.slow
class TestPut(OfTheAccount, AbstractPutTests):  # type: ignore[misc]
    """fsspec's suite of what is sent there."""


@pytest.mark.slow
class TestOpen(OfTheAccount, AbstractOpenTests):  # type: ignore[misc]
    """fsspec's suite of opened files."""


@pytest.mark.slow
class TestPipe(OfTheAccount, AbstractPipeTests):  # type: ignore[misc]
    """fsspec's suite of contents at once."""
