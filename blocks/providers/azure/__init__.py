"""Azure Machine Learning, with Blob storage, Key Vault and the rest of Azure around it."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="azure",
    title="Azure Machine Learning",
    extra="azure",
    capabilities={
        "training": "blocks.providers.azure.training:AzureTraining",
        "models": "blocks.providers.azure.models:AzureModels",
        "endpoints": "blocks.providers.azure.endpoints:AzureEndpoints",
        "monitor": "blocks.providers.azure.monitor:AzureMonitor",
        "watching": "blocks.providers.azure.watching:AzureWatching",
        "batch": "blocks.providers.azure.batch:AzureBatch",
        "store": "blocks.providers.azure.store:AzureStore",
        "secrets": "blocks.providers.azure.secret:AzureSecrets",
        "prices": "blocks.providers.azure.cost:AzurePrices",
        "inventory": "blocks.providers.azure.inventory:AzureInventory",
    },
    rehearsal="blocks.providers.azure.rehearsal:AzureRehearsal",
    rehearsal_extra="azure-rehearsal",
    bench="blocks.providers.azure.bench:AzureBench",
    words="blocks.providers.azure.words:WORDS",
)
