"""How many machines a variant has, between its bounds: Azure Monitor's autoscale decides.

It looks at what the machines of a deployment did in the last minutes and adds one, or takes one
away: https://learn.microsoft.com/azure/machine-learning/how-to-autoscale-endpoints
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.mgmt.monitor.models import (
    AutoscaleProfile,
    AutoscaleSettingResource,
    MetricTrigger,
    ScaleAction,
    ScaleCapacity,
    ScaleRule,
)

from blocks.contracts import Resource, VariantRequest
from blocks.providers.azure.account import OWNER_TAG, AzureAccount
from blocks.providers.azure.endpoint_calls import (
    ENDPOINT_TAG,
    deployment_name,
    endpoint_mark,
    endpoint_name,
)
from blocks.providers.azure.lookup import READS, look_for

AUTOSCALE_KIND = "autoscale-setting"
CPU, GPU, REQUESTS = "CpuUtilizationPercentage", "GpuUtilizationPercentage", "RequestsPerMinute"
MINUTE = timedelta(minutes=1)  # the metrics' own grain
LOOKS_BACK = timedelta(minutes=5)  # the least that the service takes
STILL = timedelta(minutes=5)  # after one change, before the next
SHRINK = 0.4  # of the share that grows it; more than half, and two machines would come and go
_WITH_GPUS = ("standard_nc", "standard_nd", "standard_nv", "standard_ng")


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """From when on a variant is to have more machines."""

    share: float  # percent of the processors, or of the GPUs
    requests: float | None = None  # a minute and machine; None: the share is looked at

    def metric(self, machine: str) -> tuple[str, float]:
        """Return what is looked at on such machines, and the most that it may be."""
        if self.requests is not None:
            return REQUESTS, self.requests
        return (GPU if machine.lower().startswith(_WITH_GPUS) else CPU), self.share


def scales(request: VariantRequest) -> bool:
    """Whether a variant has bounds, and not one size."""
    return request.max_replicas > request.min_replicas


def setting_name(account: AzureAccount, endpoint: str, variant: str) -> str:
    """Return what the scaling of a variant is called."""
    return f"{endpoint_name(account, endpoint)}-{deployment_name(variant)}"


def to_autoscale_setting(request: VariantRequest, *, account: AzureAccount, busy: Busy) -> Any:
    """Say between which bounds a variant is scaled, and by what."""
    name, deployment = endpoint_name(account, request.endpoint), deployment_name(request.variant)
    target = account.resource(f"onlineEndpoints/{name}/deployments/{deployment}")
    bounds = ScaleCapacity(
        minimum=str(request.min_replicas),
        maximum=str(request.max_replicas),
        default=str(request.min_replicas),
    )
    metric, most = busy.metric(request.machine)
    rules = [
        _rule(target, metric, "GreaterThan", most, "Increase"),
        _rule(target, metric, "LessThan", SHRINK * most, "Decrease"),
    ]
    setting = setting_name(account, request.endpoint, request.variant)
    return AutoscaleSettingResource(
        location=account.region,
        tags=account.tags(endpoint=request.endpoint),
        enabled=True,
        name_properties_name=setting,
        target_resource_uri=target,
        profiles=[AutoscaleProfile(name="bluewater", capacity=bounds, rules=rules)],
    )


class Scaling:
    """Lets variants be scaled, and not any more."""

    def __init__(self, account: AzureAccount, busy: Busy | None = None) -> None:
        self._account, self._busy = account, busy or Busy(share=70)

    def begin(self, request: VariantRequest) -> None:
        """Scale a variant that is up. May be repeated."""
        setting = to_autoscale_setting(request, account=self._account, busy=self._busy)
        name = setting_name(self._account, request.endpoint, request.variant)
        self._account.monitor().autoscale_settings.create_or_update(
            self._account.resource_group, name, setting
        )

    def end(self, endpoint: str, variant: str) -> None:
        """Scale a variant no longer. Gone is fine."""
        self._remove(setting_name(self._account, endpoint, variant))

    def owned(self) -> Iterator[Resource]:
        """Yield this owner's settings. They cost nothing, and stay when a deployment goes."""
        settings = self._account.monitor(attempts=READS).autoscale_settings
        for each in settings.list_by_resource_group(self._account.resource_group):
            if self._is_ours(each):
                made = each.system_data.created_at if each.system_data else None
                yield Resource(
                    kind=AUTOSCALE_KIND,
                    id=each.name,
                    name=each.name,
                    created=made or datetime.fromtimestamp(0, UTC),  # older ones do not tell
                    running=False,
                    detail=str((each.tags or {}).get(ENDPOINT_TAG, "")),
                )

    def remove(self, name: str) -> bool:
        """Remove a setting by its name. Gone is fine; return False for somebody else's."""
        settings = self._account.monitor(attempts=READS).autoscale_settings
        found = look_for(
            lambda name: settings.get(self._account.resource_group, name), name, patient=False
        )
        if found is not None and not self._is_ours(found):
            return False
        if found is not None:
            self._remove(name)
        return True

    def _remove(self, name: str) -> None:
        # A setting that is not there is answered with 204.
        self._account.monitor().autoscale_settings.delete(self._account.resource_group, name)

    def _is_ours(self, setting: Any) -> bool:
        ours = (setting.tags or {}).get(OWNER_TAG) == self._account.owner
        return ours and str(setting.name).startswith(endpoint_mark(self._account))


def _rule(target: str, metric: str, operator: str, threshold: float, direction: str) -> Any:
    return ScaleRule(
        metric_trigger=MetricTrigger(
            metric_name=metric,
            metric_resource_uri=target,
            time_grain=MINUTE,
            statistic="Average",
            time_window=LOOKS_BACK,
            time_aggregation="Average",
            operator=operator,
            threshold=round(threshold, 2),
            divide_per_instance=metric == REQUESTS,
        ),
        scale_action=ScaleAction(
            direction=direction, type="ChangeCount", value="1", cooldown=STILL
        ),
    )
