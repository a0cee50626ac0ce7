"""``python -m blocks.providers.azure.emulator --folder FOLDER``: one emulated subscription."""

from __future__ import annotations

import argparse
from pathlib import Path

from blocks.emulation.zygote import attend
from blocks.providers.azure.emulator.serve import Asked, own_images, serve
from blocks.providers.azure.emulator.world import Settings


def main() -> None:
    """Serve one subscription, or, as a zygote, one for each line of standard input."""
    usual = Settings()
    parser = argparse.ArgumentParser(prog="python -m blocks.providers.azure.emulator")
    parser.add_argument("--folder", type=Path, help="where its address and containers are kept")
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--speed", type=float, default=usual.speed, help="of the cloud's clock")
    parser.add_argument("--grace", type=float, default=usual.grace, help="seconds after SIGTERM")
    parser.add_argument("--provisioning", type=float, default=usual.provisioning)
    parser.add_argument("--minute", type=float, default=usual.minute, help="seconds of one")
    parser.add_argument("--zygote", action="store_true", help="fork a world per line of input")
    given = parser.parse_args()
    if given.zygote:
        warm = own_images()
        warm.start()
        attend(Asked, lambda asked: asked.folder, lambda asked: serve(asked, warm))
        return
    if given.folder is None:
        parser.error("--folder is needed")
    names = Settings.model_fields
    settings = Settings(**{name: value for name, value in vars(given).items() if name in names})
    serve(Asked(folder=given.folder, port=given.port, settings=settings), own_images())


if __name__ == "__main__":
    main()
