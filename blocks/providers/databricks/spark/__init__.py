"""Databricks' Spark: batch predictions by all workers of a cluster, a file to each task."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="databricks-spark",
    title="Spark on Databricks",
    extra="databricks",
    capabilities={"batch": "blocks.providers.databricks.spark.batch:SparkBatch"},
    beside="databricks",
    bench="blocks.providers.databricks.spark.bench:SparkBench",
    emulated_with="pyspark.core",
)
