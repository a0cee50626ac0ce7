"""What an endpoint should be: one object in S3 that is only ever replaced by who has read it.

SageMaker makes one change to an endpoint at a time and takes minutes for it, so what is wanted is
written down first. Every look at the endpoint then takes it a step nearer to that, whoever looks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from blocks.cloud.documents import Documents
from blocks.contracts import Frozen, Mirror, Traffic, VariantRequest
from blocks.providers.aws.asynchronous import AsyncInference
from blocks.providers.aws.s3 import Objects


class DesiredVariant(Frozen):
    """A variant that was asked for."""

    request: VariantRequest
    token: str
    model: str  # the name of its model in SageMaker
    proven: bool = False  # it was in service once
    failure: str = ""  # why it never got ready; it is left out of the endpoint from then on


class Recorded(Frozen):
    """What SageMaker itself keeps of what an endpoint is asked and answers."""

    uri: str
    percent: int  # of the requests


class Attempt(Frozen):
    """The last change that was begun, written down before it was."""

    config: str  # the endpoint configuration that is to be in force
    seen: str = ""  # when SageMaker had changed the endpoint last before that


class Desired(Frozen):
    """What an endpoint should be. Every change makes a new revision."""

    revision: int = 0
    variants: Mapping[str, DesiredVariant] = {}
    percent: Mapping[str, int] = {}
    mirror: Mirror | None = None
    moves: int = 0  # how often traffic was moved
    attempt: Attempt | None = None
    configs: tuple[str, ...] = ()  # endpoint configurations that were made and not yet removed
    models: tuple[str, ...] = ()  # models of variants that are gone, not yet removed
    scaled: Mapping[str, str] = {}  # variants whose size follows the traffic: their tokens
    asynchronous: AsyncInference | None = None  # requests wait in a queue
    recorded: Recorded | None = None

    def traffic(self) -> Traffic:
        """Return the split."""
        return Traffic(percent=self.percent, mirror=self.mirror, etag=self.etag)

    @property
    def etag(self) -> str:
        """What `shift` compares: how often the split was moved; empty for never."""
        return f"move-{self.moves}" if self.moves else ""

    def served(self) -> Mapping[str, DesiredVariant]:
        """Return the variants that belong into the endpoint now.

        What was never in service comes in one by one: if a change fails, it is known whose fault
        it is, and nobody else is held up by it.
        """
        sound = {name: each for name, each in self.variants.items() if not each.failure}
        new = [name for name, each in sound.items() if not each.proven]
        return {name: each for name, each in sound.items() if each.proven or name == new[0]}

    def shadow(self) -> str:
        """Return the variant that gets copies; empty for none."""
        return self.mirror.variant if self.mirror and self.mirror.variant in self.served() else ""

    def weight(self, variant: str) -> float:
        """Return the weight of a production variant.

        SageMaker divides by the sum of all, so somebody always gets the requests: until traffic
        is moved for the first time, the oldest variant.
        """
        live = [name for name in self.served() if name != self.shadow()]
        if not any(self.percent.get(name) for name in live):
            return 100.0 if live and variant == live[0] else 0.0
        return float(self.percent.get(variant, 0))

    def structure(self) -> str:
        """Return in one word what an endpoint configuration has to hold, weights left aside."""
        mirror = self.mirror.model_dump() if self.mirror and self.shadow() else None
        parts = [
            [name, each.model, each.request.machine, each.request.min_replicas]
            for name, each in sorted(self.served().items())
        ]
        options = [each.model_dump() for each in (self.asynchronous, self.recorded) if each]
        text = json.dumps([parts, mirror, *options], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def changed(self, **changes: object) -> Desired:
        """Return the next revision."""
        return self.model_copy(update={**changes, "revision": self.revision + 1})

    def with_variant(self, name: str, variant: DesiredVariant | None) -> Desired:
        """Return the next revision with that variant, or without one of that name."""
        left = {key: each for key, each in self.variants.items() if key != name or variant}
        gone = self.variants.get(name) if variant is None else None
        models = (*self.models, *_models_of(gone)) if gone else self.models
        return self.changed(
            variants={**left, **({name: variant} if variant else {})}, models=models
        )


class DesiredStates(Documents[Desired]):
    """The wishes for all endpoints, below one folder of S3."""

    def __init__(self, objects: Objects, folder: str) -> None:
        super().__init__(objects, Desired, lambda name: f"{folder}{name}/desired.json")


def _models_of(variant: DesiredVariant) -> tuple[str, str]:
    return variant.model, shadow_model(variant)


def shadow_model(variant: DesiredVariant) -> str:
    """Return the name of the model by which a variant serves copies: its answers count apart."""
    return f"{variant.model}-copies"
