"""``python -m blocks.providers.databricks.emulator --folder FOLDER``: one emulated workspace."""

from __future__ import annotations

import argparse
from pathlib import Path

from blocks.emulation.zygote import attend
from blocks.providers.databricks.emulator.serve import Asked, preloaded, serve
from blocks.providers.databricks.emulator.world import Settings


def main() -> None:
    """Serve one workspace, or, as a zygote, one for each line of standard input."""
    usual = Settings()
    parser = argparse.ArgumentParser(prog="python -m blocks.providers.databricks.emulator")
    parser.add_argument("--folder", type=Path, help="where its address and files are kept")
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--speed", type=float, default=usual.speed, help="of the cloud's clock")
    parser.add_argument("--provisioning", type=float, default=usual.provisioning)
    parser.add_argument("--updating", type=float, default=usual.updating)
    parser.add_argument("--zygote", action="store_true", help="fork a world per line of input")
    given, common = parser.parse_args(), preloaded()
    if given.zygote:
        common.warm.start()
        attend(Asked, lambda asked: asked.folder, lambda asked: serve(asked, common))
        return
    if given.folder is None:
        parser.error("--folder is needed")
    settings = Settings(speed=given.speed, provisioning=given.provisioning, updating=given.updating)
    serve(Asked(folder=given.folder, port=given.port, settings=settings), common)


if __name__ == "__main__":
    main()
