"""AWS Lambda: endpoints for small models on processors, paid by the request or kept ready."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="aws-lambda",
    title="AWS Lambda",
    extra="aws",
    capabilities={
        "endpoints": "blocks.providers.aws.functions.endpoints:LambdaEndpoints",
        "monitor": "blocks.providers.aws.functions.monitor:LambdaMonitor",
        "prices": "blocks.providers.aws.functions.cost:LambdaPrices",
        "inventory": "blocks.providers.aws.functions.inventory:LambdaInventory",
    },
    rehearsal="blocks.providers.aws.functions.rehearsal:LambdaRehearsal",
    rehearsal_extra="aws-rehearsal",
    beside="aws",
    bench="blocks.providers.aws.functions.bench:LambdaBench",
)
