"""This machine: every capability with real processes and files, no cloud."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="local",
    title="This machine",
    capabilities={
        "training": "blocks.providers.local.training:LocalTraining",
        "models": "blocks.providers.local.models:LocalModels",
        "endpoints": "blocks.providers.local.endpoints:LocalEndpoints",
        "store": "blocks.providers.local.store:LocalStore",
        "monitor": "blocks.providers.local.monitor:LocalMonitor",
        "batch": "blocks.providers.local.batch:LocalBatch",
        "processing": "blocks.providers.local.processing:LocalProcessing",
        "secrets": "blocks.providers.local.secret:LocalSecrets",
        "prices": "blocks.providers.local.cost:LocalPrices",
        "inventory": "blocks.providers.local.inventory:LocalInventory",
    },
    bench="blocks.providers.local.bench:LocalBench",
    rehearsal="blocks.providers.local.rehearsal:LocalRehearsal",
    services="blocks.providers.local.services:LocalServices",
)
