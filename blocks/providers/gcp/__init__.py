"""Google Vertex AI, with Cloud Storage, Cloud Logging and Secret Manager around it."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="gcp",
    title="Google Vertex AI",
    extra="gcp",
    capabilities={
        "training": "blocks.providers.gcp.training:VertexTraining",
        "models": "blocks.providers.gcp.models:VertexModels",
        "endpoints": "blocks.providers.gcp.endpoints:VertexEndpoints",
        "batch": "blocks.providers.gcp.batch:VertexBatch",
        "monitor": "blocks.providers.gcp.monitor:VertexMonitor",
        "watching": "blocks.providers.gcp.watching:VertexWatching",
        "store": "blocks.providers.gcp.store:GcpStore",
        "secrets": "blocks.providers.gcp.secret:GcpSecrets",
        "prices": "blocks.providers.gcp.cost:GcpPrices",
        "inventory": "blocks.providers.gcp.inventory:GcpInventory",
    },
    rehearsal="blocks.providers.gcp.rehearsal:GcpRehearsal",
    rehearsal_extra="gcp-rehearsal",
    bench="blocks.providers.gcp.bench:GcpBench",
    words="blocks.providers.gcp.words:WORDS",
)
