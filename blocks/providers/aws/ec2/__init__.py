"""Amazon EC2: training on single machines, on demand or on spot, without SageMaker's surcharge."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="aws-ec2",
    title="Amazon EC2",
    extra="aws",
    capabilities={
        "training": "blocks.providers.aws.ec2.training:Ec2Training",
        "prices": "blocks.providers.aws.ec2.cost:Ec2Prices",
        "inventory": "blocks.providers.aws.ec2.inventory:Ec2Inventory",
    },
    rehearsal="blocks.providers.aws.ec2.rehearsal:Ec2Rehearsal",
    rehearsal_extra="aws-rehearsal",
    beside="aws",
    bench="blocks.providers.aws.ec2.bench:Ec2Bench",
)
