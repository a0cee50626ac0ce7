"""Registries of Azure Machine Learning, whose models all workspaces share."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="azure-registry",
    title="Azure ML registries",
    extra="azure",
    capabilities={
        "models": "blocks.providers.azure.registry.models:AzureRegistryModels",
    },
    beside="azure",
    words="blocks.providers.azure.words:REGISTRY",
    bench="blocks.providers.azure.registry.bench:AzureRegistryBench",
)
