#!/bin/sh
# The same as the scripts in Python, with the AWS command line.
set -e
ACCOUNT=$(aws sts get-caller-identity --query Account --output text)
ROLE="arn:aws:iam::$ACCOUNT:role/SageMakerRole"
IMAGE="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"

aws s3 mb s3://churn-models
printf '1,0.1,0.2\n' > train.csv
aws s3 cp train.csv s3://churn-models/train/train.csv

aws sagemaker create-training-job \
    --training-job-name churn-cli \
    --algorithm-specification "TrainingImage=$IMAGE,TrainingInputMode=File" \
    --role-arn "$ROLE" \
    --input-data-config '[{"ChannelName": "train", "ContentType": "csv", "DataSource": {"S3DataSource":
        {"S3DataType": "S3Prefix", "S3Uri": "s3://churn-models/train"}}}]' \
    --output-data-config S3OutputPath=s3://churn-models/output \
    --resource-config InstanceType=ml.m5.xlarge,InstanceCount=1,VolumeSizeInGB=5 \
    --hyper-parameters max_depth=5,eta=0.2 \
    --enable-managed-spot-training \
    --checkpoint-config S3Uri=s3://churn-models/checkpoints \
    --stopping-condition MaxRuntimeInSeconds=3600,MaxWaitTimeInSeconds=7200
until [ "$(aws sagemaker describe-training-job --training-job-name churn-cli \
    --query TrainingJobStatus --output text)" = Completed ]; do sleep 1; done
aws sagemaker wait training-job-completed-or-stopped --training-job-name churn-cli
aws sagemaker describe-training-job --training-job-name churn-cli \
    --query 'join(`" "`, SecondaryStatusTransitions[].Status)' --output text
aws sagemaker list-training-jobs --status-equals Completed --sort-by Name --max-items 1 \
    --query 'TrainingJobSummaries[].TrainingJobName' --output text
MODEL=$(aws sagemaker describe-training-job --training-job-name churn-cli \
    --query ModelArtifacts.S3ModelArtifacts --output text)

aws sagemaker create-model --model-name churn --execution-role-arn "$ROLE" \
    --primary-container "Image=$IMAGE,ModelDataUrl=$MODEL"
aws sagemaker create-endpoint-config --endpoint-config-name churn-config --production-variants \
    VariantName=blue,ModelName=churn,InstanceType=ml.m5.large,InitialInstanceCount=1,InitialVariantWeight=9 \
    VariantName=green,ModelName=churn,InstanceType=ml.m5.large,InitialInstanceCount=1,InitialVariantWeight=1
aws sagemaker create-endpoint --endpoint-name churn --endpoint-config-name churn-config \
    --tags Key=owner,Value=team-a
until [ "$(aws sagemaker describe-endpoint --endpoint-name churn \
    --query EndpointStatus --output text)" = InService ]; do sleep 1; done
aws sagemaker wait endpoint-in-service --endpoint-name churn
aws sagemaker list-tags --resource-arn "arn:aws:sagemaker:us-east-1:$ACCOUNT:endpoint/churn" \
    --query 'Tags[].[Key,Value]' --output text
aws sagemaker update-endpoint-weights-and-capacities --endpoint-name churn \
    --desired-weights-and-capacities VariantName=blue,DesiredWeight=0 VariantName=green,DesiredWeight=1
until [ "$(aws sagemaker describe-endpoint --endpoint-name churn \
    --query EndpointStatus --output text)" = InService ]; do sleep 1; done
aws sagemaker describe-endpoint --endpoint-name churn \
    --query 'join(`" "`, ProductionVariants[].to_string(CurrentWeight))' --output text
aws sagemaker-runtime invoke-endpoint --endpoint-name churn --content-type text/csv \
    --body fileb://train.csv --query InvokedProductionVariant --output text answer.csv
cat answer.csv
aws sagemaker delete-endpoint --endpoint-name churn
aws sagemaker delete-endpoint-config --endpoint-config-name churn-config
aws sagemaker delete-model --model-name churn

aws sagemaker create-model-package-group --model-package-group-name churn-models >/dev/null
PACKAGE=$(aws sagemaker create-model-package --model-package-group-name churn-models \
    --model-approval-status PendingManualApproval --inference-specification \
    "{\"Containers\": [{\"Image\": \"$IMAGE\", \"ModelDataUrl\": \"$MODEL\"}],
      \"SupportedContentTypes\": [\"text/csv\"], \"SupportedResponseMIMETypes\": [\"text/csv\"]}" \
    --query ModelPackageArn --output text)
aws sagemaker update-model-package --model-package-arn "$PACKAGE" --model-approval-status Approved \
    >/dev/null
aws sagemaker list-model-packages --model-package-group-name churn-models \
    --query 'ModelPackageSummaryList[].ModelApprovalStatus' --output text
aws sagemaker delete-model-package --model-package-name "$PACKAGE"
aws sagemaker delete-model-package-group --model-package-group-name churn-models
