"""Google Vertex AI, with Cloud Storage, Cloud Logging and Secret Manager around it."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="gcp",
    title="Google Vertex AI",
    extra="gcp",
    capabilities={},
    rehearsal_extra="gcp-rehearsal",
    bench="blocks.providers.gcp.bench:GcpBench",
)
