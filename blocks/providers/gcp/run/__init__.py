"""Google Cloud Run: endpoints that start with their first request and sleep after the last."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="gcp-run",
    title="Google Cloud Run",
    extra="gcp",
    capabilities={
        "endpoints": "blocks.providers.gcp.run.endpoints:CloudRunEndpoints",
        "monitor": "blocks.providers.gcp.run.monitor:CloudRunMonitor",
        "prices": "blocks.providers.gcp.run.cost:CloudRunPrices",
        "inventory": "blocks.providers.gcp.run.inventory:CloudRunInventory",
    },
    rehearsal="blocks.providers.gcp.run.rehearsal:CloudRunRehearsal",
    rehearsal_extra="gcp-rehearsal",
    beside="gcp",
    bench="blocks.providers.gcp.run.bench:CloudRunBench",
)
