"""Azure Machine Learning's own batch endpoints, as another way to score data sets there."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="azure-batch-endpoints",
    title="Azure ML batch endpoints",
    extra="azure",
    capabilities={
        "batch": "blocks.providers.azure.batch_endpoints.batch:AzureBatchEndpoints",
    },
    beside="azure",
    words="blocks.providers.azure.words:BATCH_ENDPOINTS",
    bench="blocks.providers.azure.batch_endpoints.bench:AzureBatchEndpointsBench",
)
