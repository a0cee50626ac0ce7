"""Work pools: where runs of flows are started, and what their machines have to be told.

A pool of processes starts them beside its worker. Others (Docker, Kubernetes, ECS, ...) start a
container for each run, which has to have bluewater in it and a platform that outlives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound

from blocks import registry
from blocks.contracts import (
    Endpoints,
    Frozen,
    InvalidRequest,
    ModelRegistry,
    ObjectStore,
    TrainingJobs,
)
from blocks.platform import Platform

HERE, PROCESS = "local", "process"
LASTING = (TrainingJobs, ModelRegistry, Endpoints, ObjectStore)  # what a container would take along
STOCK = "prefecthq/prefect"  # Prefect's own images, which have no bluewater in them


class Pool(Frozen):
    """A work pool, as far as its runs have to fit it."""

    name: str
    kind: str  # process, docker, kubernetes, ecs, ...
    known: Mapping[str, Any] = {}  # variables of its base job template; its first worker sets it

    @classmethod
    def of_template(cls, name: str, kind: str, template: Mapping[str, Any]) -> Pool:
        """Return the pool that has this base job template."""
        variables = template.get("variables") or {}
        return cls(name=name, kind=kind, known=variables.get("properties") or {})

    @property
    def of_containers(self) -> bool:
        """Whether every run has a container of its own."""
        return "image" in self.known if self.known else self.kind != PROCESS

    def variables(
        self, *, image: str = "", given: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what a deployment overrides in the pool's template. Raises InvalidRequest."""
        asked = {**(given or {}), **({"image": image} if image else {})}
        if self.known and (unknown := sorted(set(asked) - set(self.known))):
            raise InvalidRequest(
                f"work pool {self.name!r} ({self.kind}) has no variable {unknown[0]!r}; it has "
                f"{', '.join(sorted(self.known))}"
            )
        kept = str(self.known.get("image", {}).get("default") or STOCK)
        if self.of_containers and "image" not in asked and STOCK in kept:
            raise InvalidRequest(
                f"work pool {self.name!r} ({self.kind}) starts containers: name an image with "
                "bluewater in it (--image), or set one in the pool"
            )
        return asked

    def require(self, platform: Platform) -> None:
        """Raise InvalidRequest for a platform that would end with the container of a run."""
        here = [
            each.capability
            for each in LASTING
            if registry.split(getattr(platform, each.capability), each)[0] == HERE
        ]
        if self.of_containers and here:
            raise InvalidRequest(
                f"work pool {self.name!r} ({self.kind}) starts containers, which end with their "
                f"run; platform {platform.name!r} has its {', '.join(here)} on the machine of the "
                "run: choose a pool of processes, or a platform of a cloud"
            )


def ensure_pool(name: str) -> Pool:
    """Return a work pool; one of processes is made if there is none of that name."""
    with get_client(sync_client=True) as client:
        try:
            found = client.read_work_pool(name)
        except ObjectNotFound:
            found = client.create_work_pool(WorkPoolCreate(name=name, type=PROCESS))
    return Pool.of_template(name, found.type, found.base_job_template)


def to_variables(words: Sequence[str]) -> dict[str, Any]:
    """Return variables that are given as ``name=value``, each value read as YAML.

    ``env.NAME=value`` is one variable of the environment. Raises InvalidRequest.
    """
    made: dict[str, Any] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise InvalidRequest(f"{word!r} is no variable; write it as name=value")
        if name.startswith("env."):
            made.setdefault("env", {})[name.removeprefix("env.")] = value
        else:
            made[name] = yaml.safe_load(value)
    return made
