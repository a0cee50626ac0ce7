"""The work of a batch run, as the Python task ``blocks.providers.databricks.score`` of a wheel.

Volumes are mounted; how it ended is written beside the request, whose URI is the one parameter.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from blocks.cloud.scoring import Alone, Hands, score
from blocks.contracts import BatchRequest
from blocks.providers.databricks.batch_calls import notes_beside, said_of
from blocks.providers.databricks.mounted import MountedVolumes
from blocks.workload.environments import VOLUMES


def main() -> None:
    """Score, and say at the end how it went."""
    work(Alone())


def work(hands: Hands) -> None:
    """Have these hands score, and say at the end how it went."""
    asked = sys.argv[1]
    mounts = {VOLUMES: os.environ[VOLUMES]} if VOLUMES in os.environ else {}
    bucket = MountedVolumes(mounts, notes=notes_beside(asked))  # which executors get as it is

    def model(request: BatchRequest) -> Path:
        return bucket.place(request.model.uri)

    said = score(bucket, asked, model, hands=hands)
    bucket.write(said_of(asked), said.model_dump_json().encode())
    if said.code:
        print(said.message, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
