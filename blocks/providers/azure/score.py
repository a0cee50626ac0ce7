"""The container of a batch job, run as ``python -m blocks.providers.azure.score FOLDER``.

Azure brings the model into the folder; how it ended is written beside the request.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from blocks.cloud.scoring import score
from blocks.providers.azure.inside import ASKED, STORAGE, Storage, said_of
from blocks.providers.azure.objects import Objects


def main() -> None:
    """Score, and say at the end how it went."""
    bucket, asked = Objects(Storage(os.environ[STORAGE])), os.environ[ASKED]
    said = score(bucket, asked, lambda _request: Path(sys.argv[1]))
    bucket.write(said_of(asked), said.model_dump_json().encode())
    if said.code:
        print(said.message, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
