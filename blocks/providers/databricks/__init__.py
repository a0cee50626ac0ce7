"""Databricks: jobs, Unity Catalog's volumes and models, secret scopes and model serving."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="databricks",
    title="Databricks",
    extra="databricks",
    capabilities={
        "training": "blocks.providers.databricks.training:DatabricksTraining",
        "batch": "blocks.providers.databricks.batch:DatabricksBatch",
        "processing": "blocks.providers.databricks.processing:DatabricksProcessing",
        "models": "blocks.providers.databricks.models:UnityCatalogModels",
        "endpoints": "blocks.providers.databricks.endpoints:DatabricksEndpoints",
        "watching": "blocks.providers.databricks.watching:LakehouseMonitors",
        "monitor": "blocks.providers.databricks.monitor:DatabricksMonitor",
        "store": "blocks.providers.databricks.store:DatabricksStore",
        "secrets": "blocks.providers.databricks.secret:DatabricksSecrets",
        "prices": "blocks.providers.databricks.cost:DatabricksPrices",
        "inventory": "blocks.providers.databricks.inventory:DatabricksInventory",
    },
    bench="blocks.providers.databricks.bench:DatabricksBench",
    rehearsal="blocks.providers.databricks.rehearsal:DatabricksRehearsal",
    rehearsal_extra="databricks-rehearsal",
    words="blocks.providers.databricks.words:WORDS",
)
