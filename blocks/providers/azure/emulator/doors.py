"""Which module answers which path. A module of operations is one line here."""

from __future__ import annotations

from collections.abc import Callable

from blocks.providers.azure.emulator.batch_endpoints import BatchEndpoints
from blocks.providers.azure.emulator.batch_jobs import BatchJobs
from blocks.providers.azure.emulator.codes import Codes
from blocks.providers.azure.emulator.computes import Computes
from blocks.providers.azure.emulator.endpoints import OnlineEndpoints
from blocks.providers.azure.emulator.identity import openid
from blocks.providers.azure.emulator.jobs import Jobs
from blocks.providers.azure.emulator.models import Models
from blocks.providers.azure.emulator.operations import Operations, Route
from blocks.providers.azure.emulator.registries import Registries
from blocks.providers.azure.emulator.run_files import RunFiles
from blocks.providers.azure.emulator.schedules import Schedules
from blocks.providers.azure.emulator.vault import Vault
from blocks.providers.azure.emulator.workspace import Workspace
from blocks.providers.azure.emulator.world import World

OPERATIONS: tuple[Callable[[World], Operations], ...] = (
    Workspace,
    Computes,
    Jobs,
    Models,
    Registries,
    RunFiles,
    Codes,
    OnlineEndpoints,
    Schedules,
    Vault,
)


def routes(world: World) -> list[Route]:
    """Return every path that is answered, those of signing in among them."""
    found = [route for each in OPERATIONS for route in each(world).routes()]
    batch = BatchEndpoints(world)
    return [*found, *batch.routes(), *BatchJobs(world, batch).routes(), *_signing_in(world)]


def _signing_in(world: World) -> list[Route]:
    identity = world.identity
    return [
        Route(
            service="login",
            method="POST",
            path="/{tenant}/oauth2/v2.0/token",
            operation="Token",
            handler=lambda asked: identity.sign_in(asked.request),
        ),
        Route(
            service="login",
            method="GET",
            path=r"/{tenant}/v2.0/\.well-known/openid-configuration",
            operation="OpenId",
            handler=lambda asked: openid(asked.request),
        ),
        Route(
            service="msi",
            method="GET",
            path="/msi/token",
            operation="ManagedIdentityToken",
            handler=lambda asked: identity.of_the_machine(asked.request),
        ),
    ]
