"""Amazon SageMaker, with S3, CloudWatch, Secrets Manager and the rest of AWS around it."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="aws",
    title="Amazon SageMaker",
    extra="aws",
    capabilities={
        "training": "blocks.providers.aws.training:SageMakerTraining",
        "models": "blocks.providers.aws.models:SageMakerModels",
        "endpoints": "blocks.providers.aws.endpoints:SageMakerEndpoints",
        "monitor": "blocks.providers.aws.monitor:SageMakerMonitor",
        "store": "blocks.providers.aws.store:AwsStore",
        "batch": "blocks.providers.aws.batch:SageMakerBatch",
        "processing": "blocks.providers.aws.processing:SageMakerProcessing",
        "secrets": "blocks.providers.aws.secret:AwsSecrets",
        "prices": "blocks.providers.aws.cost:AwsPrices",
        "watching": "blocks.providers.aws.watching:SageMakerModelMonitor",
        "inventory": "blocks.providers.aws.inventory:AwsInventory",
    },
    rehearsal="blocks.providers.aws.rehearsal:AwsRehearsal",
    rehearsal_extra="aws-rehearsal",
    bench="blocks.providers.aws.bench:AwsBench",
    words="blocks.providers.aws.words:WORDS",
)
