"""Endpoints of this machine: real servers behind HAProxy, kept up by a supervisor."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import httpx
from filelock import FileLock
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    Conflict,
    EndpointFeatures,
    Endpoints,
    Failure,
    InvalidRequest,
    NotFound,
    OperationRef,
    OperationStatus,
    Phase,
    Prediction,
    ProviderError,
    QuotaExceeded,
    Traffic,
    Unavailable,
    Variant,
    VariantRequest,
)
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.desired import Desired, DesiredVariant, EndpointFolder
from blocks.providers.local.processes import Identity, alive, spawn, stop
from blocks.providers.local.replicas import replicas_of
from blocks.providers.local.router import BACKENDS, SERVERS
from blocks.providers.local.secret import LocalSecrets
from blocks.serving.config import ENDPOINT_TOKEN, MIRRORED, VARIANT
from blocks.workload.durable import write_bytes

DEATHS = 3  # replicas that may die before a variant that was never ready has failed
APPLY_WITHIN = 60.0  # seconds for a change to be in force; its supervisor may have to start first


class LocalEndpoints(Block, Endpoints):
    """Serves models on this machine, on loopback."""

    _block_type_name = "Local endpoints"
    _block_type_slug = "local-endpoints"

    provider: ClassVar[str] = "local"
    features: ClassVar[EndpointFeatures] = EndpointFeatures(
        scheme="file",
        weights=True,
        mirror=True,
        capture=True,
        direct=True,
        sticky=True,
        autoscaling=True,
        scale_to_zero=False,
        alarm_rollback=False,
        max_payload_bytes=None,
    )

    machine: LocalMachine = Field(
        default_factory=LocalMachine, description="Where endpoints are kept on this machine."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        if isinstance(error, httpx.HTTPError | OSError):
            return Unavailable(f"the endpoint does not answer: {error}", code=type(error).__name__)
        return None

    def _deploy(self, request: VariantRequest, token: str) -> OperationRef:
        if request.max_replicas > SERVERS:
            raise QuotaExceeded(f"at most {SERVERS} replicas a variant", code="REPLICAS")
        self._secret(request.serving.token_secret)
        folder = self._folder(request.endpoint)
        with folder.changing() as box:
            known = box[-1].variants.get(request.variant)
            if known is None:
                _require_alike(request, box[-1])
                wanted = DesiredVariant(
                    request=request,
                    token=token,
                    backend=self._free_backend(folder, box[-1]),
                    started=time.time(),
                )
                variants = {**box[-1].variants, request.variant: wanted}
                box.append(box[-1].model_copy(update={"variants": variants}))
            elif known.request != request:
                raise _differs(known.request, request)
            else:
                token = known.token
        self._supervise(folder, anew=known is None)
        return self._reference(f"{request.endpoint}/{request.variant}", token)

    def _status(self, ref: OperationRef) -> OperationStatus[Variant]:
        endpoint, _, name = ref.id.partition("/")
        folder = self._folder(endpoint)
        if not folder.exists:
            raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        wanted = folder.desired().variants.get(name)
        if wanted is None or wanted.token != ref.token:
            return OperationStatus[Variant](phase=Phase.CANCELLED)
        self._supervise(folder)
        state = folder.observed().of(wanted)
        if state is None:
            return OperationStatus[Variant](phase=Phase.QUEUED)
        if state.ready >= wanted.request.min_replicas:
            variant = self._variant(folder, wanted)
            return OperationStatus[Variant](phase=Phase.SUCCEEDED, result=variant)
        if state.deaths >= DEATHS and not state.ever_ready:
            failure = Failure(code="NEVER_READY", message=state.message or "it died at once")
            return OperationStatus[Variant](phase=Phase.FAILED, failure=failure)
        return OperationStatus[Variant](phase=Phase.RUNNING)

    def _variants(self, endpoint: str) -> Sequence[Variant]:
        folder = self._folder(endpoint)
        if not folder.exists:
            return []
        self._supervise(folder)
        return [self._variant(folder, each) for each in folder.desired().variants.values()]

    def _traffic(self, endpoint: str) -> Traffic:
        folder = self._folder(endpoint)
        if not folder.exists:
            return Traffic(percent={})
        self._supervise(folder)
        now = folder.desired()
        self._await(folder, now.moved)  # what was asked for is not yet what is
        return now.traffic()

    def _shift(self, endpoint: str, to: Traffic, etag: str) -> Traffic:
        folder = self._folder(endpoint)
        shares = {name: share for name, share in to.percent.items() if share}
        with folder.changing() as box:
            now = box[-1]
            if etag != now.traffic().etag and not (not etag and not now.moves):
                raise Conflict(
                    f"traffic of {endpoint!r} was moved meanwhile, to {dict(now.percent)}; "
                    "read it again",
                    code="ETAG",
                )
            self._require_ready(folder, now, [*shares, *([to.mirror.variant] if to.mirror else [])])
            moved = {"moves": now.moves + 1, "moved": now.revision + 1}
            changes = {"percent": shares, "mirror": to.mirror, **moved}
            box.append(now.model_copy(update=changes))
        self._supervise(folder)
        self._await(folder, box[-1].revision)
        return box[-1].traffic()

    def _retire(self, endpoint: str, variant: str) -> None:
        folder = self._folder(endpoint)
        if not folder.exists:
            return
        with folder.changing() as box:
            now = box[-1]
            mirrored = now.mirror is not None and now.mirror.variant == variant
            if now.percent.get(variant) or mirrored:
                raise Conflict(
                    f"variant {variant!r} of {endpoint!r} has traffic; move it away first",
                    code="TRAFFIC",
                )
            if variant in now.variants:
                left = {name: each for name, each in now.variants.items() if name != variant}
                box.append(now.model_copy(update={"variants": left}))
        self._supervise(folder)

    def _predict(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        folder = self._folder(endpoint)
        if not folder.exists:
            raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        self._supervise(folder)
        serving = next((each.request.serving for each in folder.desired().variants.values()), None)
        headers: dict[str, str] = {}
        if serving is not None and (secret := self._secret(serving.token_secret)):
            headers["authorization"] = f"Bearer {secret}"
        if variant is not None:
            headers |= {VARIANT: variant, MIRRORED: folder.internal_token()}
        begun = time.perf_counter()
        url = f"http://127.0.0.1:{folder.observed().port}/invocations"
        reply = self._client.post(url, json=payload, headers=headers)
        return Prediction(
            status=reply.status_code,
            variant=reply.headers.get(VARIANT, ""),
            body=reply.json(),
            seconds=time.perf_counter() - begun,
        )

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=60)

    def _folder(self, endpoint: str) -> EndpointFolder:
        if "/" in endpoint or endpoint.startswith("."):
            raise InvalidRequest(f"{endpoint!r} is no name of an endpoint", code="ENDPOINT")
        return EndpointFolder(self.machine.folder("endpoints") / endpoint)

    def _variant(self, folder: EndpointFolder, wanted: DesiredVariant) -> Variant:
        observed = folder.observed()
        state = observed.of(wanted)
        return Variant(
            endpoint=wanted.request.endpoint,
            name=wanted.request.variant,
            model=wanted.request.model,
            url=f"http://127.0.0.1:{observed.port}",
            ready_replicas=state.ready if state else 0,
        )

    def _secret(self, name: str | None) -> str:
        return LocalSecrets().get(name).get_secret_value() if name else ""

    def _free_backend(self, folder: EndpointFolder, now: Desired) -> str:
        """Return a backend that nobody has; one that is still draining is not free yet."""
        taken = {each.backend for each in now.variants.values()}
        draining = {each.backend for each in replicas_of(folder)}
        free = [name for name in BACKENDS if name not in taken | draining]
        if not free:
            raise QuotaExceeded(
                f"at most {len(BACKENDS)} variants at once; retire one, and wait until it is gone",
                code="VARIANTS",
            )
        return min(free, key=lambda name: (BACKENDS.index(name) - now.revision) % len(BACKENDS))

    def _require_ready(self, folder: EndpointFolder, now: Desired, names: Sequence[str]) -> None:
        observed = folder.observed()
        for name in names:
            wanted = now.variants.get(name)
            state = observed.of(wanted) if wanted is not None else None
            if state is None or not state.ready:
                raise Conflict(f"variant {name!r} is not ready for traffic", code="NOT_READY")

    def _supervise(self, folder: EndpointFolder, *, anew: bool = False) -> None:
        """See that a supervisor runs; the first variant may bring a token that it has to know.

        Every look at an endpoint comes here: that is how a supervisor that was killed comes back.
        """
        file = folder.path / "supervisor.json"
        with FileLock(folder.path / "supervise.lock"):
            known = Identity.model_validate_json(file.read_text()) if file.exists() else None
            desired = folder.desired()
            tokens = {each.request.serving.token_secret for each in desired.variants.values()}
            if known is not None and alive(known):
                if not anew or tokens == {None}:
                    return
                stop(known, grace=2)
            if not desired.variants and not any((folder.path / "replicas").glob("*")):
                return
            newest = max(desired.variants.values(), key=lambda each: each.started, default=None)
            secret = newest.request.serving.token_secret if newest else None
            command = ["-m", "blocks.providers.local.supervisor", "--folder", str(folder.path)]
            identity = spawn(
                [sys.executable, *command, "--owner", self.machine.owner],
                owner=self.machine.owner,
                resource=f"endpoint/{folder.path.name}",
                log=folder.path / "supervisor.log",
                env={ENDPOINT_TOKEN: self._secret(secret)},
            )
            write_bytes(file, identity.model_dump_json().encode(), sync=False)

    def _await(self, folder: EndpointFolder, revision: int) -> None:
        end = time.monotonic() + APPLY_WITHIN
        while folder.observed().revision < revision:
            if time.monotonic() > end:
                problem = folder.observed().problem
                raise Unavailable(
                    f"the change is written down and not yet in force: {problem or 'slow'}",
                    code="NOT_APPLIED",
                )
            time.sleep(0.02)


def _require_alike(asked: VariantRequest, now: Desired) -> None:
    """Raise Conflict if a variant would bring to its endpoint what callers see of all variants."""
    for other in now.variants.values():
        for field in ("token_secret", "user_header"):
            wanted = getattr(asked.serving, field)
            there = getattr(other.request.serving, field)
            if wanted != there:
                raise Conflict(
                    f"serving.{field} is {wanted!r}, and endpoint {asked.endpoint!r} has {there!r} "
                    "for all its callers; keep it, or take another name for the endpoint",
                    code="SERVING",
                )


def _differs(known: VariantRequest, asked: VariantRequest) -> Conflict:
    """Return the error for a name that is taken by a variant of another kind."""
    there, wanted = known.model_dump(mode="json"), asked.model_dump(mode="json")
    field = next(name for name in there if there[name] != wanted[name])
    if field == "model" and known.model.version != asked.model.version:
        field, there, wanted = "version", known.model.model_dump(), asked.model.model_dump()
    return Conflict(
        f"variant {asked.variant!r} of {asked.endpoint!r} is there with {field} {there[field]}, "
        f"and not {wanted[field]}; take another name, or retire it first",
        code="VARIANT",
    )
