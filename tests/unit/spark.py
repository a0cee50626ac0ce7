"""A Spark session for tests: Sail, which speaks Spark Connect and takes no Java."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def session() -> Iterator[Any]:
    """Open a session on a server of its own; skip the test where Spark is not installed."""
    reason = "Spark is in a group of its own: uv pip install --group spark"
    sail = pytest.importorskip("pysail.spark", reason=reason)
    sql = pytest.importorskip("pyspark.sql", reason=reason)
    server = sail.SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    _, port = server.listening_address
    spark = sql.SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()
        server.stop()
