"""Ask for a retrain because of something that happened elsewhere: new data, a word of a person."""

from __future__ import annotations

from prefect import flow

from blocks.contracts import Frozen, ModelRegistry, ObjectStore
from blocks.platform import Platform
from tasks.retraining.stage import ask_for_retrain
from tasks.specification.spec import ReleaseSpec
from tasks.watch.policy import RetrainRequest


class RetrainReport(Frozen):
    """A request to retrain, or why there is none."""

    request: RetrainRequest | None
    why_not: str


@flow(name="retrain", flow_run_name="retrain {spec.name}: {because}", log_prints=False)
def retrain(
    platform: Platform,
    spec: ReleaseSpec,
    because: str = "asked by hand",
    tell_again: bool = False,
) -> RetrainReport:
    """Ask for a retrain, unless one is going on, or was a short time ago, or the budget is spent.

    A release is not run here: it is started, once, by the event ``bluewater.retrain.asked``. The
    limits are those of the specification's ``watch``, and shared with what the watch asks for.

    Args:
        platform: Where the records of requests are kept.
        spec: What is to be released again.
        because: The reason, in words; it is kept with the request.
        tell_again: Tell a request again that no release has taken up: its event was lost.
    """
    store, models = platform.connect(ObjectStore), platform.connect(ModelRegistry)
    champion = models.resolve(spec.name, spec.alias)
    decision = ask_for_retrain(
        store,
        spec.watch,
        endpoint=spec.rollout.endpoint,
        model=champion.digest[:12] if champion else "",
        because=because,
        tell_again=tell_again,
    )
    return RetrainReport(request=decision.request, why_not=decision.why_not)
