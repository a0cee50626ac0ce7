"""AWS Lambda: endpoints for small models on processors, paid by the request or kept ready."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="aws-lambda",
    title="AWS Lambda",
    extra="aws",
    capabilities={
        "endpoints": "blocks.providers.aws.functions.endpoints:LambdaEndpoints",
        "inventory": "blocks.providers.aws.functions.inventory:LambdaInventory",
    },
    bench="blocks.providers.aws.functions.bench:LambdaBench",
)
