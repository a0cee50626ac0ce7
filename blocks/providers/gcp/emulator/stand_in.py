"""What runs in place of an image's own entrypoint, since there are no images here.

It leaves a model that says so, where Vertex AI wants models. A job of our own names its command.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(arguments: list[str], mount: Path) -> None:
    """Write the model."""
    output = os.environ.get("AIP_MODEL_DIR", "")
    print(f"a stand-in for the image of job {os.environ['CLOUD_ML_JOB_ID']}", flush=True)
    if output:
        folder = mount / output.removeprefix("gs://")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "stand-in.json").write_text(json.dumps(arguments))


if __name__ == "__main__":
    main(sys.argv[1:], Path(os.environ["BLUEWATER_GCS"]))
