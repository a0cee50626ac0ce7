"""Online endpoints: made, changed, asked for their keys, and removed."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence

from blocks.providers.azure.emulator.autoscale import Autoscale
from blocks.providers.azure.emulator.autoscaler import Autoscaler
from blocks.providers.azure.emulator.changes import Changes
from blocks.providers.azure.emulator.computes import KUBERNETES, compute_type
from blocks.providers.azure.emulator.deployments import Deployments
from blocks.providers.azure.emulator.jobs import page
from blocks.providers.azure.emulator.metering import Metering
from blocks.providers.azure.emulator.online_endpoint import (
    KEY,
    TOKEN,
    OnlineEndpoint,
    require_idle,
    require_name,
    require_same_keys,
    require_traffic,
    tell_endpoint,
)
from blocks.providers.azure.emulator.operations import Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.resources import Resource
from blocks.providers.azure.emulator.router import Router
from blocks.providers.azure.emulator.scoring import Scoring
from blocks.providers.azure.emulator.world import World

_ENDPOINTS = Resource(
    group="OnlineEndpoints", path="onlineEndpoints/{name}", model="OnlineEndpoint"
)
_TAKES = 0.2  # of the cloud's seconds that a change takes
_TOKEN_LIVES = 43200.0  # of the cloud's seconds
_STUCK = 1800.0  # the same for one that is stuck
_AGAIN = (0.1, 1.0)  # seconds after which it is updated again, and for which
_PUT = "ml:OnlineEndpoints.CreateOrUpdate"


class OnlineEndpoints:
    """The endpoints of the workspace, with what answers below them."""

    def __init__(self, world: World) -> None:
        self._world, self._changes = world, Changes(world)
        self._endpoints: dict[str, OnlineEndpoint] = {}
        self._deployments = Deployments(world, self._changes, self._known)
        self._scoring = Scoring(world, self._endpoints)
        self._metering = Metering(world, self._endpoints)
        self._autoscale = Autoscale(world, self._endpoints)
        Autoscaler(world, self._autoscale, self._deployments.resize)
        self._router = Router(world, self._endpoints, self._deployments.resize)

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            _ENDPOINTS.put(self.put),
            _ENDPOINTS.get(self.get),
            _ENDPOINTS.delete(self.delete),
            _ENDPOINTS.list(self.list),
            _ENDPOINTS.post("listKeys", self.keys, answers="EndpointAuthKeys"),
            _ENDPOINTS.post("regenerateKeys", self.regenerate),
            _ENDPOINTS.post("token", self.token, answers="EndpointAuthToken"),
            *self._deployments.routes(),
            *self._changes.routes(),
            *self._scoring.routes(),
            *self._metering.routes(),
            *self._autoscale.routes(),
        )

    def put(self, asked: Asked) -> Told:
        """Begin to make an endpoint, or to change one."""
        name, old = asked["name"], self._endpoints.get(asked["name"].lower())
        require_name("endpoint", name)
        if old is not None:
            require_idle(old)
        require_same_keys(asked.body, old)
        require_traffic(asked.body, old.deployments if old else {})
        self._require_compute(asked.body["properties"].get("compute") or "", old)
        endpoint = old or OnlineEndpoint(
            name=name, body=asked.body, created=self._world.clock.now()
        )
        endpoint.body, endpoint.state = asked.body, "Updating" if old else "Creating"
        self._endpoints[name.lower()] = endpoint
        self._metering.begin()
        if endpoint.compute:
            self._router.begin()
        change = endpoint.change = self._changes.begin(
            lambda: self._wait(name), lambda error: self._done(endpoint, error)
        )
        told = tell_endpoint(self._world, self._changes, endpoint)
        return Told(body=told, status=200 if old else 201, headers=self._changes.headers(change))

    def get(self, asked: Asked) -> Said:
        """Tell of an endpoint."""
        if self._world.faults.take("stale-read", "ml:OnlineEndpoints.Get", asked["name"]):
            raise _missing(asked["name"])
        return tell_endpoint(self._world, self._changes, self._known(asked["name"]))

    def list(self, asked: Asked) -> Said:
        """List endpoints, some at a time."""
        found = self._endpoints.values()
        told = [tell_endpoint(self._world, self._changes, each) for each in found]
        return page(told, asked, self._world.url)

    def delete(self, asked: Asked) -> Told:
        """Begin to remove an endpoint with all its deployments."""
        endpoint = self._endpoints.get(asked["name"].lower())
        if endpoint is None:
            return Told(status=204)
        require_idle(endpoint)
        for each in endpoint.deployments.values():
            require_idle(each)
        endpoint.state, endpoint.traffic, endpoint.mirror = "Deleting", {}, {}
        running = [each.running for each in endpoint.deployments.values() if each.running]

        def work() -> None:
            for each in running:
                each.take_down()

        def done(_: AzureError | None) -> None:
            self._endpoints.pop(endpoint.name.lower(), None)

        change = endpoint.change = self._changes.begin(work, done)
        return Told(status=202, headers=self._changes.leaving(change))

    def keys(self, asked: Asked) -> Said:
        """Tell the keys of an endpoint."""
        primary, secondary = self._known(asked["name"], auth=KEY).keys
        return {"primaryKey": primary, "secondaryKey": secondary}

    def token(self, asked: Asked) -> Said:
        """Issue a token that is good for a while."""
        endpoint, now = self._known(asked["name"], auth=TOKEN), self._world.clock.now()
        token = secrets.token_hex(32)
        endpoint.tokens[token] = now + _TOKEN_LIVES
        return {
            "accessToken": token,
            "expiryTimeUtc": int(now + _TOKEN_LIVES),
            "refreshAfterTimeUtc": int(now + _TOKEN_LIVES / 2),
            "tokenType": "Bearer",
        }

    def regenerate(self, asked: Asked) -> Told:
        """Make a key anew."""
        second = (asked.body or {}).get("keyType", "").lower() == "secondary"
        self._known(asked["name"], auth=KEY).keys[int(second)] = secrets.token_hex(16)
        return Told()

    def _require_compute(self, compute: str, old: OnlineEndpoint | None) -> None:
        """Raise what Azure says to a cluster that is not attached, or is another one now."""
        if old is not None and old.compute.lower() != compute.lower():
            raise AzureError("BadRequest", "An endpoint stays on the compute that it is on.")
        found = self._world.clusters.get(compute.rpartition("/")[2])
        sound = found is not None and compute_type(found.asked) == KUBERNETES
        if compute and (not sound or found is None or found.state != "Succeeded"):
            told = f"The compute {compute} is no attached cluster of Kubernetes that is ready."
            raise AzureError("BadArgument", told)

    def _wait(self, name: str) -> None:
        stuck = self._world.faults.take("stuck-updating", _PUT, name)
        self._world.pause(_STUCK if stuck else _TAKES)

    def _done(self, endpoint: OnlineEndpoint, error: AzureError | None) -> None:
        endpoint.state = "Failed" if error else "Succeeded"
        asked = endpoint.body["properties"]
        endpoint.traffic = dict(asked.get("traffic") or {})
        endpoint.mirror = dict(asked.get("mirrorTraffic") or {})
        if self._world.faults.take("updating-again", _PUT, endpoint.name):
            threading.Thread(target=self._again, args=(endpoint,), daemon=True).start()

    def _again(self, endpoint: OnlineEndpoint) -> None:
        """Be updated once more, by the service itself, a moment after it succeeded."""
        for state, pause in zip(("Updating", "Succeeded"), _AGAIN, strict=True):
            self._world.pause(pause)
            with self._world.lock:
                endpoint.state = state

    def _known(self, name: str, *, auth: str = "") -> OnlineEndpoint:
        """Return an endpoint, of that way to sign in. Raises AzureError."""
        found = self._endpoints.get(name.lower())
        if found is None:
            raise _missing(name)
        if auth not in ("", found.auth):
            raise AzureError("BadRequest", f"The authMode of {name} is {found.auth}, not {auth}.")
        return found


def _missing(name: str) -> AzureError:
    return AzureError(
        "ResourceNotFound", f"The Resource 'onlineEndpoints/{name}' was not found.", 404
    )
