"""One Google Cloud project on this machine, spoken to by the real SDKs over their true protocols.

Vertex AI, Secret Manager and Cloud Logging are emulated here, over gRPC with TLS, and do the work:
training jobs are processes, endpoints are servers. Cloud Storage is fake-gcs-server behind the HTTP
port, which also has the levers and the metadata server. Start one with
``python -m blocks.providers.gcp.emulator --folder FOLDER``, or from Python with
``blocks.providers.gcp.emulator.launch``.
"""
