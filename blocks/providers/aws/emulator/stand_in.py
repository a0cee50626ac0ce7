"""What runs in place of an image's own entrypoint, since there are no images here.

It reads every channel and leaves a model that says what it read, so that scripts that train with
an algorithm of somebody else can be rehearsed. A job of our own names its command.
"""

from __future__ import annotations

import json
import os
from pathlib import Path


def main(mount: Path) -> None:
    """Read the channels and write the model."""
    data = mount / "input" / "data"
    read = {
        channel.name: sum(file.stat().st_size for file in channel.rglob("*") if file.is_file())
        for channel in sorted(data.iterdir())
    }
    print(f"a stand-in for {os.environ['TRAINING_JOB_NAME']}'s image read {read} bytes", flush=True)
    (mount / "model" / "stand-in.json").write_text(json.dumps(read))


if __name__ == "__main__":
    main(Path(os.environ["BLUEWATER_OPT_ML"]))
