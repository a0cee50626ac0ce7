"""Volumes opened by their addresses: pandas, pyarrow and DuckDB, and fsspec's own suite."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pytest
from fsspec.implementations.dbfs import DatabricksFileSystem
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
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.bench import KEY
from blocks.providers.databricks.filesystem import VolumesFileSystem, register

BIG = 48 << 20  # bytes


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("workspace")
    with registry.load(registry.provider("databricks").bench)(folder) as bench:
        yield bench


@pytest.fixture
def files(account: DatabricksWorkspace) -> VolumesFileSystem:
    return VolumesFileSystem(account)


@pytest.fixture
def registered() -> Iterator[None]:
    register()
    yield
    fsspec.register_implementation("dbfs", DatabricksFileSystem, clobber=True)


@pytest.mark.usefixtures("registered")
def test_pandas_opens_an_address(account: DatabricksWorkspace) -> None:
    frame, options = pd.DataFrame({"x": range(100), "k": "a"}), {"account": account}
    place = f"{account.root}/frame"
    frame.to_parquet(f"{place}/0.parquet", storage_options=options)
    assert pd.read_parquet(f"{place}/0.parquet", storage_options=options).equals(frame)
    assert pd.read_parquet(place, storage_options=options)["x"].sum() == 4950
    frame.to_csv(f"{place}.csv", index=False, storage_options=options)
    assert pd.read_csv(f"{place}.csv", storage_options=options).equals(frame)


def test_duckdb_and_pyarrow_read_it(account: DatabricksWorkspace, files: VolumesFileSystem) -> None:
    """In a process of its own: whoever opens DuckDB here would fork with it later."""
    pd.DataFrame({"x": range(100)}).to_parquet(f"{account.root}/rows/0.parquet", filesystem=files)
    program = """
import sys, duckdb, pyarrow.dataset
from blocks.providers.databricks.filesystem import VolumesFileSystem
files, place = VolumesFileSystem(), sys.argv[1]
duckdb.register_filesystem(files)
print(duckdb.sql(f"select sum(x) from read_parquet('{place}/*.parquet')").fetchall()[0][0])
path = files._strip_protocol(place)
print(pyarrow.dataset.dataset(path, filesystem=files).count_rows())
"""
    secret = account.client_secret
    assert secret is not None
    env = {
        "DATABRICKS_HOST": account.host,
        "DATABRICKS_CLIENT_ID": KEY,
        "DATABRICKS_CLIENT_SECRET": secret.get_secret_value(),
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "PATH": "/usr/bin:/bin",
    }
    place = f"{account.root}/rows"
    asked = [sys.executable, "-c", program, place]
    done = subprocess.run(asked, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["4950", "100"], done.stderr


def test_a_large_file_goes_both_ways_in_little_memory(
    account: DatabricksWorkspace, files: VolumesFileSystem, tmp_path: Path
) -> None:
    here, back = tmp_path / "here", tmp_path / "back"
    with here.open("wb") as out:
        out.truncate(BIG)
    uri = f"{account.root}/big"
    tracemalloc.start()
    try:
        files.put_file(str(here), uri)
        files.get_file(uri, str(back))
        with files.open(uri) as source, files.open(f"{uri}-2", "wb") as copy:
            while piece := source.read(1 << 20):
                copy.write(piece)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert back.stat().st_size == files.info(f"{uri}-2")["size"] == BIG
    assert most < BIG // 2


def test_a_file_that_is_not_written_to_its_end_is_not_there(
    account: DatabricksWorkspace, files: VolumesFileSystem
) -> None:
    uri = f"{account.root}/half"
    with pytest.raises(ZeroDivisionError), files.open(uri, "wb") as half:
        half.write(b"x")
        half.write(bytes(1 // 0))
    assert not files.exists(uri)
    whole, other = files.open(uri, "xb"), files.open(uri, "xb")
    whole.write(b"whole")
    whole.close()
    other.write(b"other")
    with pytest.raises(FileExistsError):
        other.close()
    with pytest.raises(FileExistsError):
        files.open(uri, "xb")
    assert files.cat_file(uri, start=1, end=3) == b"ho"


def test_what_goes_wrong_is_told_as_of_any_file(
    bench: Any, account: DatabricksWorkspace, files: VolumesFileSystem
) -> None:
    for gone in ("/Volumes/main/not/there/x", f"{account.root}/nothing", "/tmp/x"):
        with pytest.raises(FileNotFoundError):
            files.info(gone)
    bench.emulator.pull("policy", key=KEY, actions=["READ VOLUME"])
    try:
        with pytest.raises(PermissionError, match="WRITE VOLUME"):
            files.pipe_file(f"{account.root}/denied", b"x")
    finally:
        bench.emulator.pull("policy", key=KEY, actions=["*"])


def test_the_store_sees_what_is_written(
    bench: Any, account: DatabricksWorkspace, files: VolumesFileSystem
) -> None:
    store = bench.connect(ObjectStore)
    files.pipe_file(f"{account.root}/both/a", b"x")
    store.write(f"{account.root}/both/b", b"y")
    assert [each.uri[-1] for each in store.walk(f"{account.root}/both")] == ["a", "b"]
    found = files.find(f"{account.root}/both", detail=True)
    assert [each["size"] for each in found.values()] == [1, 1]
    files.rm(f"{account.root}/both", recursive=True)
    assert not list(store.walk(f"{account.root}/both"))
    assert not files.exists(f"{account.root}/both")


class OfVolumes(AbstractFixtures):  # type: ignore[misc]
    """What fsspec's suite takes: a file system, and a place in it."""

    @pytest.fixture
    def fs(self, files: VolumesFileSystem) -> VolumesFileSystem:
        return files

    @pytest.fixture
    def fs_path(self, account: DatabricksWorkspace, files: VolumesFileSystem) -> str:
        path = f"{account.root}/suite"
        files.makedirs(path, exist_ok=True)
        return str(files._strip_protocol(path))


@pytest.mark.slow
class TestCopy(OfVolumes, AbstractCopyTests):  # type: ignore[misc]
    """fsspec's suite of copies."""


@pytest.mark.slow
class TestGet(OfVolumes, AbstractGetTests):  # type: ignore[misc]
    """fsspec's suite of what is brought here."""


@pytest.mark.slow
class TestPut(OfVolumes, AbstractPutTests):  # type: ignore[misc]
    """fsspec's suite of what is sent there."""


@pytest.mark.slow
class TestOpen(OfVolumes, AbstractOpenTests):  # type: ignore[misc]
    """fsspec's suite of opened files."""


@pytest.mark.slow
class TestPipe(OfVolumes, AbstractPipeTests):  # type: ignore[misc]
    """fsspec's suite of contents at once."""
