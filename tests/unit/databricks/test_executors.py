"""Spark's executors score the files that one process scores, and write the same."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.cloud.scored_files import FileWork
from blocks.cloud.scoring import Alone, Hands
from blocks.contracts import BatchRequest, ModelVersion
from blocks.providers.databricks.mounted import MountedVolumes
from blocks.providers.databricks.spark.hands import Executors
from blocks.serving.batch import CannotScore
from blocks.testing.batches import make_rows
from blocks.testing.models import make_model
from blocks.workload.environments import VOLUMES
from tests.unit.spark import session

ROOT = "dbfs:///Volumes/main/small/files"
ROWS = 1000


def scored(hands: Hands, volumes: Path, to: str, data: str = "rows") -> int:
    """Score a data set; return its rows. Raises CannotScore."""
    model = volumes / "main/small/files/model"
    draft = make_model(model, kind="threshold") if not model.exists() else None
    version = (volumes / "digest").read_text() if draft is None else draft.digest
    (volumes / "digest").write_text(version)
    request = BatchRequest(
        model=ModelVersion(name="m", version="1", uri=f"{ROOT}/model", digest=version),
        data_uri=f"{ROOT}/{data}",
        output_uri=f"{ROOT}/{to}",
        machine="m5.xlarge",
    )
    bucket = MountedVolumes({VOLUMES: str(volumes)}, notes=f"{ROOT}/notes-{to}")
    work = FileWork(bucket=bucket, request=request, model=bucket.place(request.model.uri))
    return sum(hands.scored(work, list(bucket.below(request.data_uri))))


@pytest.mark.slow
def test_spark_writes_what_one_process_writes(tmp_path: Path) -> None:
    volumes = tmp_path / "Volumes"
    home = volumes / "main/small/files"
    make_rows(home / "rows", ROWS)
    (home / "wrong").mkdir()
    pq.write_table(pa.table({"x": [0.1], "n": [1]}), home / "wrong/a.parquet")
    pq.write_table(pa.table({"x": [0.1]}), home / "wrong/b.parquet")
    assert scored(Alone(), volumes, "alone") == ROWS
    with session("spark", tmp_path):
        hands = Executors()
        assert scored(hands, volumes, "spark") == ROWS
        with pytest.raises(CannotScore, match="'n'") as caught:
            scored(hands, volumes, "halves", "wrong")
        assert scored(hands, volumes, "spark") == ROWS, "what is finished is left alone"
    assert caught.value.code == "MISSING_COLUMN"
    assert [each.name for each in (home / "halves").iterdir()] == ["a.parquet"]
    assert hands.peak_memory_bytes > 0
    names = sorted(each.relative_to(home / "rows") for each in (home / "rows").rglob("*.parquet"))
    assert len(names) > 1
    for name in names:
        one, other = pq.read_table(home / "alone" / name), pq.read_table(home / "spark" / name)
        assert one.equals(other)
        assert one.schema.equals(other.schema)
