"""Where it is kept what should be deployed to endpoints, and by which ids.

How traffic is split is not among it: Vertex AI takes such a change at once, and under an etag.
"""

from __future__ import annotations

import hashlib

from blocks.cloud.bucket import Bucket
from blocks.cloud.documents import Documents
from blocks.cloud.wanted import Wanted, WantedVariant

_DIGITS = 10**10  # ids of deployed models have up to ten digits


def deployed_id(variant: WantedVariant) -> str:
    """Return the id of a variant's deployed model, so that asking twice deploys once."""
    digest = hashlib.sha256(variant.token.encode()).digest()
    return f"{int.from_bytes(digest[:8]) % _DIGITS:010d}"


def wishes(bucket: Bucket, folder: str) -> Documents[Wanted]:
    """Return what is wanted of endpoints, kept below a folder."""
    return Documents(bucket, Wanted, lambda endpoint: f"{folder}/{endpoint}/wanted.json")
