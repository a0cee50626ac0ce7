"""Spark sessions for tests: of Apache Spark itself, and of Sail, which takes no Java."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from blocks.providers.databricks.emulator.spark import spark_env

ENGINES = ("spark", "sail")
_REASON = "it is in a group of its own: uv pip install --group spark, or sail"


@contextmanager
def session(engine: str, folder: Path) -> Iterator[Any]:
    """Open a session of an engine; skip the test where it is not installed."""
    sql = pytest.importorskip("pyspark.sql", reason=_REASON)
    with _spark(sql, folder) if engine == "spark" else _sail(sql) as opened:
        yield opened


@contextmanager
def _spark(sql: Any, folder: Path) -> Iterator[Any]:
    """Open the session that a program finds on an emulated cluster."""
    if not (found := spark_env({}, folder)):
        pytest.skip(_REASON)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in found.items():
            patch.setenv(name, value)
        path = [os.environ["PYTHONPATH"], str(Path(__file__).parents[2])]
        patch.setenv("PYTHONPATH", os.pathsep.join(path))  # executors read it, and have our code
        spark = sql.SparkSession.builder.getOrCreate()
        try:
            yield spark
        finally:
            spark.stop()


@contextmanager
def _sail(sql: Any) -> Iterator[Any]:
    """Open one over Spark Connect, on a server of its own."""
    sail = pytest.importorskip("pysail.spark", reason=_REASON)
    server = sail.SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    _, port = server.listening_address
    spark = sql.SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()
        server.stop()
        for name in ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED"):  # else it would stay the mode
            os.environ.pop(name, None)
