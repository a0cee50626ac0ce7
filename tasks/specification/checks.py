"""Whether a platform can carry a specification out: every question that costs nothing to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from blocks.contracts import (
    Endpoints,
    InvalidRequest,
    Mirror,
    ModelRegistry,
    ModelVersion,
    MonitoringSchedule,
    MonitoringSchedules,
    NotFound,
    ObjectStore,
    Prices,
    ProcessingJobs,
    ProviderError,
    SecretStore,
    Traffic,
    TrainingJobs,
    Unsupported,
    VariantRequest,
)
from tasks.costs.forecast import forecast
from tasks.costs.money import shown as shown_money
from tasks.specification.columns import columns
from tasks.specification.labels import labels
from tasks.specification.near import near
from tasks.specification.problems import Problem, shown
from tasks.specification.spec import ReleaseSpec
from tasks.training.stage import to_request
from tasks.transfer.sources import Sources, require_registrable

FIELDS = {  # what a provider may lack -> the field that asks for it
    "SPOT": "training.spot",
    "ZONE": "training.spot.zones",
    "MULTI_NODE": "training.nodes",
    "STUDY": "training.study",
    "MAX_DURATION": "training.max_duration",
    "SCALE_TO_ZERO": "rollout.min_replicas",
    "AUTOSCALING": "rollout.max_replicas",
    "CAPTURE": "rollout.capture",
    "STICKY": "rollout.serving.user_header",
    "MAX_PAYLOAD": "rollout.serving.max_payload_bytes",
    "WEIGHTS": "rollout.steps",
    "MIRROR": "rollout.shadow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a specification is checked against."""

    store: ObjectStore
    training: TrainingJobs
    endpoints: Endpoints
    prices: Prices
    secrets: SecretStore
    processing: ProcessingJobs | None = None
    watching: MonitoringSchedules | None = None
    models: ModelRegistry | None = None


def check(spec: ReleaseSpec, around: Surroundings) -> list[Problem]:
    """Return every problem, or an empty list. Nothing is started."""
    return [
        *_objects(spec, around.store),
        *columns(spec, around.store),
        *labels(spec, around.store),
        *_machines(spec, around.prices),
        *_budget(spec, around.prices),
        *_features(spec, around),
        *_registry(spec, around),
        *_monitor(spec, around),
        *_secrets(spec, around.secrets),
        *near(spec, around.processing, around.prices, around.store),
    ]


def _objects(spec: ReleaseSpec, store: ObjectStore) -> Iterator[Problem]:
    sources = Sources(store=store)
    for field, uri in spec.places():
        try:
            found = next(sources.walk(uri), None)
        except ProviderError as error:
            scheme = store.features.scheme
            yield Problem(
                field=field,
                value=uri,
                problem=f"the store of this platform cannot reach it: {error}",
                remedy=f"give a {scheme}:// URI, a path of this machine, or another platform",
            )
        else:
            if found is None:
                yield Problem(
                    field=field, value=uri, problem="nothing is there", remedy="put it there"
                )


def _machines(spec: ReleaseSpec, prices: Prices) -> Iterator[Problem]:
    """Yield machines whose price nobody knows; one of spot is needed where the policy decides."""
    spot = spec.training.spot
    wanted = [
        ("training.machine", spec.training.machine, False),
        ("rollout.machine", spec.rollout.machine, False),
    ]
    if spot is not None and spot.deadline is not None:
        wanted.append(("training.spot.deadline", spec.training.machine, True))
    for field, machine, of_spot in wanted:
        if prices.price(machine, spot=of_spot) is None:
            yield Problem(
                field=field,
                value=shown(attrgetter(field)(spec)),
                problem=f"no {'spot ' if of_spot else ''}price is known for {machine}",
                remedy="correct its name, or add its price to the platform's price book",
            )


def _budget(spec: ReleaseSpec, prices: Prices) -> Iterator[Problem]:
    if spec.budget is None:
        return
    expected = forecast(spec, prices)
    run, month = expected.per_run_expected, expected.per_month
    limits = [
        ("budget.per_run", spec.budget.per_run, run, "a release"),
        ("budget.per_month", spec.budget.per_month, month.high if month else None, "a month"),
    ]
    for field, limit, cost, what in limits:
        if limit is not None and cost is not None and cost > limit:
            yield Problem(
                field=field,
                value=str(limit),
                problem=f"{what} is expected to cost {shown_money(cost)}",
                remedy="raise it, or take smaller or fewer machines, spot, or shorter steps",
            )


def _features(spec: ReleaseSpec, around: Surroundings) -> Iterator[Problem]:
    for ask in _questions(spec, around):
        try:
            ask()
        except Unsupported as error:
            field = FIELDS[error.code]
            yield Problem(
                field=field,
                value=shown(attrgetter(field)(spec)),
                problem=f"this platform cannot do that: {error}",
                remedy="change the field, or take another provider",
            )


def _questions(spec: ReleaseSpec, around: Surroundings) -> Iterator[Callable[[], None]]:
    training = to_request(spec.training, spec.data.train, around.store.root)
    yield lambda: around.training.features.require(training)
    spot = spec.training.spot
    if spot is not None and spot.zones:
        somewhere = training.model_copy(update={"zone": spot.zones[0]})
        yield lambda: around.training.features.require(somewhere)
    rollout, features = spec.rollout, around.endpoints.features
    variant = VariantRequest(
        endpoint=rollout.endpoint,
        variant="v0",
        model=ModelVersion(name=spec.name, version="0", uri="", digest=""),
        machine=rollout.machine,
        min_replicas=rollout.min_replicas,
        max_replicas=rollout.max_replicas,
        serving=rollout.serving,
        capture=rollout.capture,
    )
    yield lambda: features.require_variant(variant)
    first = rollout.steps[0]
    if first < 100:
        split = Traffic(percent={"v0": 100 - first, "v1": first})
        yield lambda: features.require_traffic(split)
    if rollout.shadow is not None:
        mirror = Mirror(variant="v1", percent=rollout.shadow.percent)
        copied = Traffic(percent={"v0": 100}, mirror=mirror)
        yield lambda: features.require_traffic(copied)


def _registry(spec: ReleaseSpec, around: Surroundings) -> Iterator[Problem]:
    if around.models is None:
        return
    try:
        require_registrable(around.models.features.scheme, around.store)
    except InvalidRequest as error:
        yield Problem(
            field="name",
            value=shown(spec.name),
            problem=f"this platform cannot register it: {error}",
            remedy="change `models` or `store` of the platform",
        )


def _monitor(spec: ReleaseSpec, around: Surroundings) -> Iterator[Problem]:
    wanted = spec.watch.monitor
    if wanted is None:
        return
    if around.watching is None:
        yield Problem(
            field="watch.monitor",
            value=shown(wanted),
            problem="this platform names nobody for watching",
            remedy="name one in the platform, e.g. watching: aws-watching, or leave the field out",
        )
        return
    schedule = MonitoringSchedule(
        endpoint=spec.rollout.endpoint,
        baseline_uri="",
        output_uri="",
        every=wanted.every,
        checks=wanted.checks,
    )
    try:
        around.watching.features.require(schedule)
    except (Unsupported, InvalidRequest) as error:
        yield Problem(
            field=f"watch.monitor.{error.code.lower()}",
            value=shown(wanted),
            problem=str(error),
            remedy="change the field, or leave watch.monitor out",
        )


def secret_names(spec: ReleaseSpec) -> dict[str, str]:
    """Return the secrets that a specification needs, by the field that names each."""
    named = {f"training.secrets.{env}": name for env, name in spec.training.secrets.items()}
    if spec.rollout.serving.token_secret:
        named["rollout.serving.token_secret"] = spec.rollout.serving.token_secret
    return named


def _secrets(spec: ReleaseSpec, secrets: SecretStore) -> Iterator[Problem]:
    for field, name in secret_names(spec).items():
        try:
            secrets.get(name)
        except NotFound as error:
            yield Problem(
                field=field, value=name, problem=str(error), remedy="put the secret there"
            )
