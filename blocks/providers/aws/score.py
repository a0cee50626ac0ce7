"""The container of a batch job, run as ``python -m blocks.providers.aws.score``.

SageMaker brings the model, and keeps as the exit message how it ended.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import boto3

from blocks.cloud.scoring import score
from blocks.providers.aws.batch_calls import ASKED
from blocks.providers.aws.s3 import Objects

OPT_ML = "BLUEWATER_OPT_ML"  # what stands for /opt/ml where that cannot be had
_WORDS = 1024  # characters that SageMaker keeps of what a container says last


def main() -> None:
    """Score, and say at the end how it went."""
    mount = Path(os.environ.get(OPT_ML, "/opt/ml"))
    model = mount / "processing" / "model"
    said = score(Objects(boto3.client("s3")), os.environ[ASKED], lambda _request: model)
    place = mount / "output"
    place.mkdir(parents=True, exist_ok=True)
    (place / "message").write_text(said.to_message(_WORDS))
    if said.code:
        print(said.message, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
