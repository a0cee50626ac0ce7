"""Amazon SageMaker, with S3, CloudWatch, Secrets Manager and the rest of AWS around it."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="aws",
    title="Amazon SageMaker",
    extra="aws",
    capabilities={
        "training": "blocks.providers.aws.training:SageMakerTraining",
        "store": "blocks.providers.aws.store:AwsStore",
        "secrets": "blocks.providers.aws.secret:AwsSecrets",
        "prices": "blocks.providers.aws.cost:AwsPrices",
        "inventory": "blocks.providers.aws.inventory:AwsInventory",
    },
    bench="blocks.providers.aws.bench:AwsBench",
)
