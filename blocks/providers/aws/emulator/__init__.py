"""One AWS account on this machine, spoken to by the real SDKs over their true protocols.

SageMaker is emulated here and does the work: training jobs are processes, endpoints are servers.
S3, STS, Secrets Manager, CloudWatch and the rest are moto's, on the same port. Start one with
``python -m blocks.providers.aws.emulator --folder FOLDER``, or from Python with
``blocks.providers.aws.emulator.launch``.
"""
