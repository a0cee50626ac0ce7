"""Delta tables as Spark finds them on an emulated cluster, where it has none of Delta's own jars.

Spark writes the files, delta-rs the log, and Spark reads what the log says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.unit.spark import session

deltalake = pytest.importorskip("deltalake", reason="Spark's group is not installed")
pytestmark = pytest.mark.slow
COLUMNS = {"id": "bigint", "x": "double", "week": "string", "number": "int"}


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with session("spark", tmp_path_factory.mktemp("spark")) as opened:
        yield opened


def rows_of(spark: Any, first: int, last: int) -> Any:
    """Return rows of two columns that partitions are named by, one of them not always known."""
    return spark.range(first, last).selectExpr(
        "id",
        "id / 10D as x",
        "case when id % 5 > 0 then concat('w', id % 3) end as week",
        "cast(id % 2 as int) as number",
    )


def told(frame: Any) -> list[dict[str, Any]]:
    assert dict(frame.dtypes) == COLUMNS
    found: list[dict[str, Any]] = frame.select(*COLUMNS).orderBy("id").toArrow().to_pylist()
    return found


def read(spark: Any, folder: Path) -> list[dict[str, Any]]:
    return told(spark.read.format("delta").load(str(folder)))


def test_partitions_that_spark_wrote_are_read_by_the_log(spark: Any, tmp_path: Path) -> None:
    folder, rows = tmp_path / "a table", rows_of(spark, 0, 300)
    rows.repartition(2).write.partitionBy("week", "number").parquet(str(folder))
    names = pa.schema([("week", pa.string()), ("number", pa.int32())])
    columns = deltalake.Schema.from_arrow(names)
    deltalake.convert_to_deltalake(str(folder), partition_by=columns, partition_strategy="hive")
    assert len(list(folder.glob("week=*/number=*/*.parquet"))) > 6
    assert read(spark, folder) == told(rows)

    more = rows_of(spark, 300, 340).toArrow()
    deltalake.write_deltalake(str(folder), more, mode="append", partition_by=list(names.names))
    assert read(spark, folder) == told(rows_of(spark, 0, 340))
    deltalake.DeltaTable(str(folder)).delete("number = 1")
    assert read(spark, folder) == told(rows_of(spark, 0, 340).where("number = 0"))


def test_rows_that_are_marked_as_deleted_are_refused(spark: Any, tmp_path: Path) -> None:
    """They are still in the files."""
    folder = str(tmp_path / "marked")
    deltalake.write_deltalake(
        folder, pa.table({"x": [1, 2]}), configuration={"delta.enableDeletionVectors": "true"}
    )
    assert "deletionVectors" in deltalake.DeltaTable(folder).protocol().reader_features
    with pytest.raises(Exception, match="deletionVectors"):
        spark.read.format("delta").load(folder).collect()
