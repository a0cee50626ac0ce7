"""Azure Machine Learning, with Blob storage, Key Vault and the rest of Azure around it."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="azure",
    title="Azure Machine Learning",
    extra="azure",
    capabilities={
        "training": "blocks.providers.azure.training:AzureTraining",
        "store": "blocks.providers.azure.store:AzureStore",
        "secrets": "blocks.providers.azure.secret:AzureSecrets",
    },
    bench="blocks.providers.azure.bench:AzureBench",
)
