"""Code that takes a store runs in a job, over what was mounted there."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.contracts import InvalidRequest, NotFound, ProviderError
from tasks.processing.mounted import MountedStore

ROOT = "s3://bucket/prefix"


@pytest.fixture
def mounted(tmp_path: Path) -> MountedStore:
    for name in ("b.parquet", "deep/c.parquet", "a.parquet"):
        file = tmp_path / "rows" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (tmp_path / "suite.json").write_text("{}")
    (tmp_path / "place").mkdir()
    mounts = {
        f"{ROOT}/data": tmp_path / "rows",
        f"{ROOT}/data/suite.json": tmp_path / "suite.json",
        f"{ROOT}/place/": tmp_path / "place",
    }
    return MountedStore(mounts, ROOT)


def test_what_is_mounted_has_the_uris_of_the_platform(mounted: MountedStore) -> None:
    found = [each.uri.removeprefix(ROOT) for each in mounted.walk(f"{ROOT}/data")]
    assert found == ["/data/a.parquet", "/data/b.parquet", "/data/deep/c.parquet"]
    assert mounted.read(f"{ROOT}/data/deep/c.parquet") == b"deep/c.parquet"
    with mounted.open(f"{ROOT}/data/a.parquet") as file:
        assert file.read() == b"a.parquet"
    assert mounted.read(f"{ROOT}/data/suite.json") == b"{}"
    assert [each.size for each in mounted.walk(f"{ROOT}/data/suite.json")] == [2]


def test_what_is_written_says_where_it_will_be(mounted: MountedStore, tmp_path: Path) -> None:
    assert mounted.write(f"{ROOT}/place/x/y.html", b"y").uri == f"{ROOT}/place/x/y.html"
    assert (tmp_path / "place" / "x" / "y.html").read_text() == "y"
    mounted.upload(tmp_path / "suite.json", f"{ROOT}/place/suite.json")
    mounted.remove(f"{ROOT}/place/x/y.html")
    assert [each.name for each in (tmp_path / "place").rglob("*.*")] == ["suite.json"]


def test_other_places_are_refused_and_missing_ones_not_found(mounted: MountedStore) -> None:
    with pytest.raises(InvalidRequest, match="not given that place"):
        mounted.read(f"{ROOT}/elsewhere/x")
    with pytest.raises(InvalidRequest):
        mounted.read("s3://bucket/prefix-more/data/a.parquet")
    with pytest.raises(NotFound):
        mounted.read(f"{ROOT}/data/gone.parquet")
    assert list(mounted.walk(f"{ROOT}/place/nothing")) == []
    with pytest.raises(ProviderError):
        mounted.read(f"{ROOT}/data/../../secret")
