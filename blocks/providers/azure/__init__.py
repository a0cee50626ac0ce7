"""Azure Machine Learning, with Blob storage, Key Vault and the rest of Azure around it."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="azure",
    title="Azure Machine Learning",
    extra="azure",
    capabilities={
        "store": "blocks.providers.azure.store:AzureStore",
    },
    bench="blocks.providers.azure.bench:AzureBench",
)
