"""Update an endpoint behind a canary that an alarm can call back, and see who answers."""

import os

import boto3

region = boto3.Session().region_name
sagemaker = boto3.client("sagemaker")
runtime = boto3.client("sagemaker-runtime")
cloudwatch = boto3.client("cloudwatch")

account = boto3.client("sts").get_caller_identity()["Account"]
image = f"683313688378.dkr.ecr.{region}.amazonaws.com/sagemaker-xgboost:1.7-1"
endpoint, variant, alarm = "guarded", "AllTraffic", "guarded-5xx"

for name in ("guarded-1", "guarded-2"):
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=f"arn:aws:iam::{account}:role/SageMakerRole",
        PrimaryContainer={"Image": image, "ModelDataUrl": os.environ["MODEL_URL"]},
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": variant,
                "ModelName": name,
                "InstanceType": "ml.m5.xlarge",
                "InitialInstanceCount": 1,
            }
        ],
    )
sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName="guarded-1")
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint)

cloudwatch.put_metric_alarm(
    AlarmName=alarm,
    Namespace="AWS/SageMaker",
    MetricName="Invocation5XXErrors",
    Dimensions=[
        {"Name": "EndpointName", "Value": endpoint},
        {"Name": "VariantName", "Value": variant},
    ],
    Statistic="Sum",
    Period=60,
    EvaluationPeriods=1,
    Threshold=1,
    ComparisonOperator="GreaterThanOrEqualToThreshold",
    TreatMissingData="notBreaching",
)
sagemaker.update_endpoint(
    EndpointName=endpoint,
    EndpointConfigName="guarded-2",
    DeploymentConfig={
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 30},
                "WaitIntervalInSeconds": 120,
            },
            "TerminationWaitInSeconds": 60,
            "MaximumExecutionTimeoutInSeconds": 1800,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
    },
)
pending = sagemaker.describe_endpoint(EndpointName=endpoint)["PendingDeploymentSummary"]
print("pending:", pending["EndpointConfigName"], pending["ProductionVariants"][0]["VariantName"])
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint)
print("in service:", sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"])
answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=b"0.1,0.2")
print("answered by:", answer["InvokedProductionVariant"], answer["Body"].read().decode().strip())

sagemaker.delete_endpoint(EndpointName=endpoint)
sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=endpoint)
cloudwatch.delete_alarms(AlarmNames=[alarm])
for name in ("guarded-1", "guarded-2"):
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)
