"""Databricks: jobs, Unity Catalog's volumes and models, secret scopes and model serving."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="databricks",
    title="Databricks",
    extra="databricks",
    capabilities={
        "store": "blocks.providers.databricks.store:DatabricksStore",
        "secrets": "blocks.providers.databricks.secret:DatabricksSecrets",
    },
    bench="blocks.providers.databricks.bench:DatabricksBench",
)
