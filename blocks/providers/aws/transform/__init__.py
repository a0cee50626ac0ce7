"""SageMaker batch transform: each file of a data set is sent whole to a server of ours."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="aws-transform",
    title="SageMaker batch transform",
    extra="aws",
    capabilities={
        "batch": "blocks.providers.aws.transform.batch:SageMakerTransform",
        "inventory": "blocks.providers.aws.transform.inventory:TransformInventory",
    },
    beside="aws",
    bench="blocks.providers.aws.transform.bench:TransformBench",
    words="blocks.providers.aws.transform.words:WORDS",
)
