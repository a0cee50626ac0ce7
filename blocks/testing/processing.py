"""Processing jobs that benches ask for, and the levers that all of them move alike."""

from __future__ import annotations

import abc
import hashlib
from collections.abc import Callable

from blocks.contracts import OperationRef, ProcessingRequest
from blocks.testing.by_itself import ByItself

ROWS = b"x\n1\n2\n"

# Tells what it was given, in both of its outputs.
TELLS = """
import json
import os
from pathlib import Path

told = {name: value for name, value in os.environ.items() if name in ("GREETING", "API_KEY")}
folder, file = Path(os.environ["BLUEWATER_IN_ROWS"]), Path(os.environ["BLUEWATER_IN_ONE"])
told["rows"] = {str(each.relative_to(folder)): each.read_text() for each in folder.rglob("*.csv")}
told["one"] = {file.name: file.read_text()}
told["beside"] = Path("beside.txt").read_text()
print("telling what it was given", flush=True)
(Path(os.environ["BLUEWATER_OUT_FOUND"]) / "told.json").write_text(json.dumps(told))
deep = Path(os.environ["BLUEWATER_OUT_MORE"]) / "deep"
deep.mkdir()
(deep / "words.txt").write_text("more")
"""

# Adds up its rows by the Spark of its machine.
ADDS = """
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession


def doubled(batches):
    for each in batches:
        yield pa.RecordBatch.from_arrays([pc.multiply(each.column(0), 2)], names=["x"])


def total(rows):
    return rows.selectExpr("sum(x)").first()[0]


spark = SparkSession.builder.getOrCreate()
rows = spark.read.csv(
    os.environ["BLUEWATER_IN_ROWS"], header=True, inferSchema=True, recursiveFileLookup=True
)
twice = rows.mapInArrow(doubled, "x long")
told = {"sum": total(rows), "doubled": total(twice), "spark": spark.version}
print("added up", flush=True)
(Path(os.environ["BLUEWATER_OUT_FOUND"]) / "told.json").write_text(json.dumps(told))
"""

# Writes half an output, says why, and fails.
FAILS = """
import os
import sys
from pathlib import Path

(Path(os.environ["BLUEWATER_OUT_FOUND"]) / "half.txt").write_text("half")
print("the rows are upside down", flush=True)
sys.exit(3)
"""

# Goes on for ever.
GOES_ON = """
import time

print("going on", flush=True)
while True:
    time.sleep(0.02)
"""

Write = Callable[[str, bytes], object]  # of an object, by its URI


def processing_request(
    write: Write, root: str, script: str, *, image: str = "", machine: str
) -> ProcessingRequest:
    """Return a request that runs a script over a folder and an object; the same for the same."""
    home = f"{root}/work-{hashlib.sha256(script.encode()).hexdigest()[:8]}"
    write(f"{home}/work.py", script.encode())
    write(f"{home}/beside.txt", b"beside")
    write(f"{root}/rows/a.csv", ROWS)
    write(f"{root}/rows/deep/b.csv", ROWS)
    write(f"{root}/rows-more/c.csv", b"not asked for")
    write(f"{root}/one/single.csv", ROWS)
    return ProcessingRequest(
        image=image,
        source_uri=home,
        command=("python", "work.py"),
        inputs={"rows": f"{root}/rows", "one": f"{root}/one/single.csv"},
        outputs={"found": f"{root}/found", "more": f"{root}/more"},
        machine=machine,
    )


class ProcessingLevers(ByItself, abc.ABC):
    """The processing part of a bench; a provider adds how it makes, counts and breaks jobs."""

    @abc.abstractmethod
    def request(self, script: str) -> ProcessingRequest:
        """Return a request that runs the script; the same script gives the same request."""

    @abc.abstractmethod
    def reclaim(self, ref: OperationRef) -> None:
        """Break the machine; return when the job is over."""

    @abc.abstractmethod
    def created(self) -> int:
        """Count the jobs that were ever made."""
