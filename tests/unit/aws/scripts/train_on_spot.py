"""Train somebody's image on managed spot with checkpoints."""

import os
import time

import boto3

region = boto3.Session().region_name
sagemaker = boto3.client("sagemaker")
s3 = boto3.client("s3")

account = boto3.client("sts").get_caller_identity()["Account"]
bucket = f"sagemaker-{region}-{account}"
role = f"arn:aws:iam::{account}:role/SageMakerRole"
prefix = "customer-churn"
job_name = os.environ["JOB_NAME"]

s3.create_bucket(Bucket=bucket)
s3.put_object(Bucket=bucket, Key=f"{prefix}/train/train.csv", Body=b"1,0.1,0.2\n0,0.3,0.4\n")

sagemaker.create_training_job(
    TrainingJobName=job_name,
    AlgorithmSpecification={
        "TrainingImage": f"683313688378.dkr.ecr.{region}.amazonaws.com/sagemaker-xgboost:1.7-1",
        "TrainingInputMode": "File",
    },
    RoleArn=role,
    InputDataConfig=[
        {
            "ChannelName": "train",
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": f"s3://{bucket}/{prefix}/train",
                    "S3DataDistributionType": "FullyReplicated",
                }
            },
            "ContentType": "csv",
            "CompressionType": "None",
        }
    ],
    OutputDataConfig={"S3OutputPath": f"s3://{bucket}/{prefix}/output"},
    ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m4.xlarge", "VolumeSizeInGB": 5},
    HyperParameters={"max_depth": "5", "eta": "0.2", "num_round": "100"},
    StoppingCondition={"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
    EnableManagedSpotTraining=True,
    CheckpointConfig={
        "S3Uri": f"s3://{bucket}/{prefix}/checkpoints",
        "LocalPath": "/opt/ml/checkpoints",
    },
)

status = sagemaker.describe_training_job(TrainingJobName=job_name)["TrainingJobStatus"]
while status not in ("Completed", "Failed", "Stopped"):
    time.sleep(60)
    status = sagemaker.describe_training_job(TrainingJobName=job_name)["TrainingJobStatus"]

job = sagemaker.describe_training_job(TrainingJobName=job_name)
saved = 1 - job["BillableTimeInSeconds"] / job["TrainingTimeInSeconds"]
print("status:", status)
print(f"managed spot training savings: {saved:.0%}")
print("model:", job["ModelArtifacts"]["S3ModelArtifacts"])
