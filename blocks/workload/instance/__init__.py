"""What a bare machine of EC2 does for one training job: everything that SageMaker would do.

It brings code, data and checkpoints from S3, runs the command, carries its lines, checkpoints and
model away, hands a spot notice on as SIGTERM, and leaves a last word. Standard library and boto3.
"""
