"""What the container of a function is told. Imports nothing: a cold start waits for every import."""

from __future__ import annotations

REQUEST, TOKEN = "BLUEWATER_REQUEST", "BLUEWATER_TOKEN"
ENTRY = ("python", "-m", "blocks.providers.aws.functions.serve")
