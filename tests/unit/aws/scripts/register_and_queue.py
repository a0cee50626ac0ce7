"""Register a model, approve it, serve what is approved behind a queue, and wait for the answer."""

import os
import time

import boto3
from botocore.exceptions import ClientError

region = boto3.Session().region_name
sagemaker = boto3.client("sagemaker")
runtime = boto3.client("sagemaker-runtime")
s3 = boto3.client("s3")

account = boto3.client("sts").get_caller_identity()["Account"]
bucket = f"sagemaker-{region}-{account}"
group, endpoint = "churn-models", "churn-async"

sagemaker.create_model_package_group(
    ModelPackageGroupName=group, ModelPackageGroupDescription="Who leaves"
)
package = sagemaker.create_model_package(
    ModelPackageGroupName=group,
    ModelPackageDescription="The first",
    ModelApprovalStatus="PendingManualApproval",
    InferenceSpecification={
        "Containers": [
            {
                "Image": f"683313688378.dkr.ecr.{region}.amazonaws.com/sagemaker-xgboost:1.7-1",
                "ModelDataUrl": os.environ["MODEL_URL"],
            }
        ],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
)["ModelPackageArn"]
sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")

[newest] = sagemaker.list_model_packages(
    ModelPackageGroupName=group,
    ModelApprovalStatus="Approved",
    SortBy="CreationTime",
    SortOrder="Descending",
    MaxResults=1,
)["ModelPackageSummaryList"]
told = sagemaker.describe_model_package(ModelPackageName=newest["ModelPackageArn"])
print("approved:", told["ModelPackageVersion"], told["ModelApprovalStatus"])
container = told["InferenceSpecification"]["Containers"][0]

sagemaker.create_model(
    ModelName=endpoint,
    ExecutionRoleArn=f"arn:aws:iam::{account}:role/SageMakerRole",
    PrimaryContainer={"Image": container["Image"], "ModelDataUrl": container["ModelDataUrl"]},
)
sagemaker.create_endpoint_config(
    EndpointConfigName=endpoint,
    ProductionVariants=[
        {
            "VariantName": "variant1",
            "ModelName": endpoint,
            "InstanceType": "ml.m5.xlarge",
            "InitialInstanceCount": 1,
        }
    ],
    AsyncInferenceConfig={
        "OutputConfig": {"S3OutputPath": f"s3://{bucket}/async/output"},
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 4},
    },
)
sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint)

s3.put_object(Bucket=bucket, Key="async/input.csv", Body=b"0.1,0.2")
place = runtime.invoke_endpoint_async(
    EndpointName=endpoint, ContentType="text/csv", InputLocation=f"s3://{bucket}/async/input.csv"
)["OutputLocation"]
key = place.removeprefix(f"s3://{bucket}/")
while True:
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        break
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        time.sleep(15)
print("answer:", answer.strip())

sagemaker.delete_endpoint(EndpointName=endpoint)
sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=endpoint)
sagemaker.delete_endpoint_config(EndpointConfigName=endpoint)
sagemaker.delete_model(ModelName=endpoint)
sagemaker.delete_model_package(ModelPackageName=package)
sagemaker.delete_model_package_group(ModelPackageGroupName=group)
print("left:", sagemaker.list_endpoints()["Endpoints"])
