"""The command line: ``bluewater``. A command's module is imported when the command is called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from flows.exits import Exit

COMMANDS = {
    "release": "Take a model from data to production.",
    "rollout": "Bring a registered version to an endpoint, step by step.",
    "rollback": "Return an endpoint, and its alias, to the version before.",
    "watch": "Look for drift in live traffic; ask for a retrain where it matters.",
    "batch": "Score a data set with a registered version.",
    "status": "Show what is live, what is running, and what was decided.",
    "plan": "Check a specification and show what a release would do and cost.",
    "providers": "Show which provider offers what.",
    "doctor": "Show what is missing here and how to get it.",
    "up": "Start the Prefect and MLflow pages of this machine.",
    "down": "Stop and remove everything we own.",
}

NEED_PREFECT = {"release", "rollout", "rollback", "watch", "batch"}

EPILOG = "\n".join(
    ["\b", "Exit codes:", *(f"  {int(exit_)}  {exit_.meaning}" for exit_ in Exit)],
)


class Lazy(click.Group):
    """A group that imports a command's module only to run it or to print its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of a model's life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, imported only if it is the one that was called."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in NEED_PREFECT and not {"-h", "--help"} & set(sys.argv):
            # Prefect reads its settings once, when it is imported
            import_module("flows.session").prefect_server()
        command: click.Command = import_module(f"flows.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Lazy, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bluewater")
def bluewater() -> None:
    """One Prefect flow that takes a model from data to production, on any cloud."""


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
