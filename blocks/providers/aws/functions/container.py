"""What the container of a function is told. A cold start waits for every import: here is none."""

from __future__ import annotations

REQUEST, TOKEN = "BLUEWATER_REQUEST", "BLUEWATER_TOKEN"
ENTRY = ("python", "-m", "blocks.providers.aws.functions.serve")
