"""``python -m blocks.providers.aws.emulator --folder FOLDER``: one emulated AWS account."""

from __future__ import annotations

import argparse
from pathlib import Path

from blocks.emulation.zygote import attend
from blocks.providers.aws.emulator.serve import Asked, preloaded, serve
from blocks.providers.aws.emulator.world import Settings


def main() -> None:
    """Serve one account, or, as a zygote, one for each line of standard input."""
    usual = Settings()
    parser = argparse.ArgumentParser(prog="python -m blocks.providers.aws.emulator")
    parser.add_argument("--folder", type=Path, help="where its address and containers are kept")
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--region", default=usual.region)
    parser.add_argument("--speed", type=float, default=usual.speed, help="of the cloud's clock")
    parser.add_argument("--grace", type=float, default=usual.grace, help="seconds after SIGTERM")
    parser.add_argument("--provisioning", type=float, default=usual.provisioning)
    parser.add_argument("--patience", type=float, default=usual.patience)
    parser.add_argument(
        "--notice", type=float, default=usual.notice, help="before a spot machine goes"
    )
    parser.add_argument("--scaling_period", type=float, default=usual.scaling_period)
    parser.add_argument("--zygote", action="store_true", help="fork a world per line of input")
    given = parser.parse_args()
    if given.zygote:
        all_worlds = preloaded()
        all_worlds.warm.start()
        attend(Asked, lambda asked: asked.folder, lambda asked: serve(asked, all_worlds))
        return
    if given.folder is None:
        parser.error("--folder is needed")
    settings = Settings(
        region=given.region,
        speed=given.speed,
        grace=given.grace,
        provisioning=given.provisioning,
        patience=given.patience,
        notice=given.notice,
        scaling_period=given.scaling_period,
    )
    serve(Asked(folder=given.folder, port=given.port, settings=settings), preloaded())


if __name__ == "__main__":
    main()
