"""One small server that turns what clouds and registries tell into events of Prefect."""
