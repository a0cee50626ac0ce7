"""``python -m tests.crashes``: kill everything in every stage, and write the table of it."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from tests.crashes.matrix import Keep, crash
from tests.crashes.table import STAGES, Platform, Seen, lost, to_markdown
from tests.crashes.victims import BY_NAME
from tests.crashes.world import PLATFORMS

ALL = tuple(BY_NAME)
TABLE = Path(__file__).parents[2] / "docs" / "CRASHES.md"
FIGURES = TABLE.with_suffix(".json")


@click.command()
@click.option("--platform", "names", multiple=True, type=click.Choice(PLATFORMS))
@click.option("--killed", "victims", multiple=True, type=click.Choice(list(BY_NAME)))
@click.option("--stage", "stages", multiple=True, type=click.Choice(STAGES))
@click.option("--out", type=click.Path(path_type=Path), default=TABLE, show_default=True)
def main(
    names: tuple[str, ...], victims: tuple[str, ...], stages: tuple[str, ...], out: Path
) -> None:
    """Play the platforms, all of them by default; end with 1 if anything was lost.

    What is seen of a platform takes the place of what was seen of it before; the others stay. What
    is seen of some stages alone is told, and not kept: a row is one release that meets all.
    """
    order = [each for each in STAGES if each in (stages or STAGES)]
    bad = []
    for name in names or PLATFORMS:
        keep: Keep = _forget if stages else partial(_keep, out=out)
        with tempfile.TemporaryDirectory(prefix="bluewater-crashes-") as folder:
            place, killed = Path(folder), victims or ALL
            seen = crash(name, place, killed, stages=order, tell=_tell, keep=keep)
            bad += lost([seen], order)
    for each in bad:
        click.echo(each, err=True)
    sys.exit(1 if bad else 0)


def _keep(found: Platform, *, out: Path) -> None:
    """Write the page anew, and beside it the figures that it is made of."""
    figures = out.with_suffix(".json")
    before = Seen.model_validate_json(figures.read_text()) if figures.exists() else Seen()
    seen = before.with_platform(found)
    figures.write_text(seen.model_dump_json(indent=2) + "\n")
    out.write_text(to_markdown(seen.platforms))


def _forget(_: Platform) -> None: ...


def _tell(text: str) -> None:
    click.echo(f"{datetime.now(UTC):%H:%M:%S} {text}")


if __name__ == "__main__":
    main()
