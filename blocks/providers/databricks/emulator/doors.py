"""Which module answers which path. A module of operations is one line here."""

from __future__ import annotations

from collections.abc import Callable

from blocks.providers.databricks.emulator.files import Files
from blocks.providers.databricks.emulator.identity import configuration, openid
from blocks.providers.databricks.emulator.jobs import Jobs
from blocks.providers.databricks.emulator.operations import Operations, Route
from blocks.providers.databricks.emulator.predictions import Predictions
from blocks.providers.databricks.emulator.secrets import Secrets
from blocks.providers.databricks.emulator.tracking import Tracking
from blocks.providers.databricks.emulator.world import World

OPERATIONS: tuple[Callable[[World], Operations], ...] = (
    Files,
    Jobs,
    Secrets,
    Predictions,
    Tracking,
)


def routes(world: World) -> list[Route]:
    """Return every path that is answered to who has signed in."""
    return [route for each in OPERATIONS for route in each(world).routes()]


def open_routes(world: World) -> list[Route]:
    """Return the paths that need no token: those by which one is found and got."""
    return [
        Route(
            verb="GET",
            path=r"/\.well-known/databricks-config",
            call="host:Configuration",
            handler=lambda _: configuration(world.url),
        ),
        Route(
            verb="GET",
            path=r"/oidc/\.well-known/oauth-authorization-server",
            call="oidc:Configuration",
            handler=lambda _: openid(world.url),
        ),
        Route(
            verb="POST",
            path="/oidc/v1/token",
            call="oidc:Token",
            handler=lambda asked: world.identity.sign_in(asked.request),
        ),
    ]
