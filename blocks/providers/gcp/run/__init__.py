"""Google Cloud Run: endpoints that start with their first request and sleep after the last."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="gcp-run",
    title="Google Cloud Run",
    extra="gcp",
    capabilities={
        "endpoints": "blocks.providers.gcp.run.endpoints:CloudRunEndpoints",
        "inventory": "blocks.providers.gcp.run.inventory:CloudRunInventory",
    },
    bench="blocks.providers.gcp.run.bench:CloudRunBench",
)
