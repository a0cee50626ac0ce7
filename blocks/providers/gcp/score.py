"""The container of a batch job, run as ``python -m blocks.providers.gcp.score``.

It brings the model from Cloud Storage, and leaves how it ended beside the request.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from blocks.cloud.folders import bring
from blocks.cloud.scoring import score
from blocks.contracts import BatchRequest
from blocks.providers.gcp.batch_calls import ASKED, WORDS, said_of
from blocks.providers.gcp.inside import bucket


def main() -> None:
    """Score, and say at the end how it went."""
    objects, asked = bucket(), os.environ[ASKED]

    def model(request: BatchRequest) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="bluewater-")) / "model"
        bring(objects, request.model.uri, folder)
        return folder

    said = score(objects, asked, model)
    objects.write(said_of(asked), said.to_message(WORDS).encode())
    if said.code:
        print(said.message, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
