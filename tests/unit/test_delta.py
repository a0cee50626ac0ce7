"""A Delta table is read as what its log says is in it now."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import InvalidRequest, NotFound, ObjectStore
from tasks.delta import LOG, live_files
from tasks.drift.reading import NoRows, parquet
from tasks.validation.parquet import open_parquet

Action = Mapping[str, Any]
PROTOCOL: Action = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
ABOUT: Action = {"metaData": {"id": "t", "partitionColumns": [], "configuration": {}}}


class Table:
    """A table that is written as any writer does, commit by commit."""

    def __init__(self, store: ObjectStore) -> None:
        self.store, self.uri, self._commits = store, f"{store.root}/table", 0

    def put(self, name: str, *values: int) -> Action:
        out = io.BytesIO()
        pq.write_table(pa.table({"x": list(values)}), out)
        self.store.write(f"{self.uri}/{name}", out.getvalue())
        return {"add": {"path": name.replace(" ", "%20"), "dataChange": True}}

    def commit(self, *actions: Action) -> None:
        content = "\n".join(json.dumps(each) for each in actions)
        self.store.write(f"{self.uri}/{LOG}/{self._commits:020}.json", content.encode())
        self._commits += 1

    def checkpoint(self, actions: Sequence[Action]) -> None:
        """Write one in place of the last commit, and forget the commits before it."""
        for number in range(self._commits):
            self.store.remove(f"{self.uri}/{LOG}/{number:020}.json")
        kind = pa.map_(pa.string(), pa.string())
        about = pa.struct([("partitionColumns", pa.list_(pa.string())), ("configuration", kind)])
        schema = pa.schema(
            [
                ("add", pa.struct([("path", pa.string()), ("deletionVector", pa.string())])),
                ("metaData", about),
                ("txn", pa.string()),
            ]
        )
        out = io.BytesIO()
        rows = [{name: each.get(name) for name in schema.names} for each in actions]
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), out)
        name = f"{self._commits - 1:020}.checkpoint.parquet"
        self.store.write(f"{self.uri}/{LOG}/{name}", out.getvalue())

    def live(self) -> list[str]:
        found = live_files(self.store, self.uri, list(self.store.walk(self.uri)))
        assert found is not None
        return [unquote(each.uri.removeprefix(f"{self.uri}/")) for each in found]


@pytest.fixture
def table(store: ObjectStore) -> Table:
    return Table(store)


def removed(name: str) -> Action:
    return {"remove": {"path": name, "dataChange": True}}


def test_files_that_were_removed_or_never_committed_are_not_read(
    table: Table, tmp_path: Path
) -> None:
    table.commit(PROTOCOL, ABOUT, table.put("a.parquet", 1, 2), table.put("b c.parquet", 3))
    table.put("lost.parquet", 99)
    assert table.live() == ["a.parquet", "b c.parquet"]
    table.commit(removed("a.parquet"), table.put("deep/d.parquet", 4))
    assert table.live() == ["b c.parquet", "deep/d.parquet"]
    assert open_parquet(table.store, table.uri, tmp_path).rows == 2
    assert len(parquet(table.store, table.uri)) == 2


def test_a_log_goes_on_from_its_newest_checkpoint(table: Table) -> None:
    first, second = table.put("a.parquet", 1), table.put("b.parquet", 2)
    table.commit(PROTOCOL, ABOUT, first)
    table.commit(second)
    table.checkpoint([ABOUT, first, second])
    table.commit(removed("a.parquet"))
    assert table.live() == ["b.parquet"]


def test_a_table_without_rows_is_no_data(table: Table, tmp_path: Path) -> None:
    table.commit(PROTOCOL, ABOUT, table.put("a.parquet", 1))
    table.commit(removed("a.parquet"))
    with pytest.raises(NotFound):
        open_parquet(table.store, table.uri, tmp_path)
    with pytest.raises(NoRows):
        parquet(table.store, table.uri)


def test_a_folder_of_files_is_no_table(table: Table) -> None:
    table.put("a.parquet", 1)
    assert live_files(table.store, table.uri, list(table.store.walk(table.uri))) is None


def mapped(table: Table) -> None:
    settings = {"delta.columnMapping.mode": "name"}
    table.commit({"metaData": {"configuration": settings}})


def marked(table: Table) -> None:
    added = dict(table.put("b.parquet", 1)["add"])
    table.commit({"add": {**added, "deletionVector": {"storageType": "u"}}})


CASES: Mapping[str, Callable[[Table], None]] = {
    "column mapping": mapped,
    "deletion vectors": marked,
    "partitions": lambda table: table.commit({"metaData": {"partitionColumns": ["day"]}}),
    "typeWidening": lambda table: table.commit({"protocol": {"readerFeatures": ["typeWidening"]}}),
    "lost gone.parquet": lambda table: table.commit({"add": {"path": "gone.parquet"}}),
    "checkpoint of several parts": lambda table: table.store.remove(
        f"{table.uri}/{LOG}/{0:020}.json"
    ),
}


@pytest.mark.parametrize("why", CASES)
def test_a_table_whose_rows_are_not_those_of_its_files_is_refused(table: Table, why: str) -> None:
    table.commit(PROTOCOL, ABOUT, table.put("a.parquet", 1))
    table.commit(table.put("c.parquet", 1))
    CASES[why](table)
    with pytest.raises(InvalidRequest, match=why) as caught:
        table.live()
    assert caught.value.code == "DELTA"
