"""The work of a batch run on Spark, as the Python task ``blocks.providers.databricks.spark.score``.

The driver tells the executors what to score, and writes down how it ended.
"""

from __future__ import annotations

from blocks.providers.databricks.score import work
from blocks.providers.databricks.spark.hands import Executors


def main() -> None:
    """Score, and say at the end how it went."""
    work(Executors())


if __name__ == "__main__":
    main()
