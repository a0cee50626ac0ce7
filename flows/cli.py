"""The command line: ``bluewater``.

Its commands and options are declared in ``flows.command_line``; what a command does is in
``flows.commands`` and imported when it is called, so that help costs nothing.
"""

from __future__ import annotations

import sys

import click

from flows.command_line import oversight, preparation, releases, surroundings
from flows.exits import Exit

EPILOG = "\n".join(
    ["\b", "Exit codes:", *(f"  {int(exit_)}  {exit_.meaning}" for exit_ in Exit)],
)


class InOrder(click.Group):
    """A group that lists its commands as they are added: in the order of a model's life."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in that order."""
        return list(self.commands)


@click.group(cls=InOrder, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bluewater")
def bluewater() -> None:
    """One Prefect flow that takes a model from data to production, on any cloud."""


for group in (releases, oversight, preparation, surroundings):
    for command in group.COMMANDS:
        bluewater.add_command(command)


def main() -> None:
    """Run the command line. Known errors end with a message and a code, never with a traceback."""
    try:
        bluewater.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(int(Exit.STOPPED))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
