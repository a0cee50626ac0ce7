"""Serve one replica until SIGTERM; then answer what is in flight, and leave with status 0.

With status 1, and the reason as the last line, if the model is not what was registered, does not
load, or if the port is taken.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click
from pydantic import ValidationError

from blocks.serving.config import ServerConfig
from blocks.serving.model import NotServed
from blocks.serving.server import run


@click.command()
@click.option("--config", "file", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--grace", default=1.0, help="Seconds between not ready and the last connection.")
def main(file: Path, grace: float) -> None:
    """Serve one replica."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        run(ServerConfig.model_validate_json(file.read_bytes()), grace=grace)
    except (NotServed, ValidationError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
