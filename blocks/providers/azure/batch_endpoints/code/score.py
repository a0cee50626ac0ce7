"""The scoring script of our batch deployments: all of it is in the image."""

from blocks.providers.azure.batch_endpoints.scoring import init, run

__all__ = ["init", "run"]
