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
        "secrets": "blocks.providers.aws.secret:AwsSecrets",
    },
    bench="blocks.providers.aws.bench:AwsBench",
)
