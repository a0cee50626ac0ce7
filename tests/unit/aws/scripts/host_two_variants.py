"""Host two models behind one endpoint, move traffic, ask, and take all down."""

import os

import boto3

region = boto3.Session().region_name
sagemaker = boto3.client("sagemaker")
runtime = boto3.client("sagemaker-runtime")

account = boto3.client("sts").get_caller_identity()["Account"]
role = f"arn:aws:iam::{account}:role/SageMakerRole"
image = f"683313688378.dkr.ecr.{region}.amazonaws.com/sagemaker-xgboost:1.7-1"
model_url = os.environ["MODEL_URL"]
endpoint, config = "churn", "churn-config"

for name in ("churn-1", "churn-2"):
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role,
        PrimaryContainer={"Image": image, "ModelDataUrl": model_url},
    )

sagemaker.create_endpoint_config(
    EndpointConfigName=config,
    ProductionVariants=[
        {
            "VariantName": f"Variant{number}",
            "ModelName": f"churn-{number}",
            "InstanceType": "ml.m5.xlarge",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": 1,
        }
        for number in (1, 2)
    ],
)
sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint)


def shares(times: int) -> dict[str, int]:
    found = {"Variant1": 0, "Variant2": 0}
    for _ in range(times):
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType="text/csv", Body=b"0.1,0.2"
        )
        found[answer["InvokedProductionVariant"]] += 1
        answer["Body"].read()
    return found


print("even:", shares(40))
alone = runtime.invoke_endpoint(
    EndpointName=endpoint, ContentType="text/csv", Body=b"0.1,0.2", TargetVariant="Variant1"
)
print("asked alone:", alone["InvokedProductionVariant"], alone["Body"].read().decode().strip())

sagemaker.update_endpoint_weights_and_capacities(
    EndpointName=endpoint,
    DesiredWeightsAndCapacities=[
        {"VariantName": "Variant1", "DesiredWeight": 0, "DesiredInstanceCount": 1},
        {"VariantName": "Variant2", "DesiredWeight": 1, "DesiredInstanceCount": 2},
    ],
)
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint)
print("moved:", shares(20))
for variant in sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]:
    print(variant["VariantName"], variant["CurrentWeight"], variant["CurrentInstanceCount"])

sagemaker.delete_endpoint(EndpointName=endpoint)
sagemaker.delete_endpoint_config(EndpointConfigName=config)
for name in ("churn-1", "churn-2"):
    sagemaker.delete_model(ModelName=name)
sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=endpoint)
print("deleted")
