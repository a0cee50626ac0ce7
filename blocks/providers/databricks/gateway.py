"""What stands before an endpoint of Databricks, its AI gateway: a limit, and a table of requests.

The gateway is put as a whole, and people put things on it, too: what is not ours stays as it is.
https://docs.databricks.com/aws/en/ai-gateway/configure-ai-gateway-endpoints
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from databricks.sdk.service.serving import (
    AiGatewayConfig,
    AiGatewayInferenceTableConfig,
    AiGatewayRateLimit,
    AiGatewayRateLimitKey,
    AiGatewayRateLimitRenewalPeriod,
)

from blocks.contracts import InvalidRequest
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.wanted import Wanted

_MINUTE = 60.0  # seconds: the one period that a limit can have
_SUFFIX = "_payload"  # of the name of a table, after its prefix
_WORD = 8  # characters by which the tables of an endpoint's lives differ


def calls_per_minute(requests_per_second: float | None) -> int | None:
    """Return a limit as the gateway takes it. Raises InvalidRequest for less than one a minute."""
    if requests_per_second is None:
        return None
    calls = math.floor(requests_per_second * _MINUTE + 1e-9)
    if calls < 1:
        raise InvalidRequest(
            f"requests_per_second is {requests_per_second}, and Databricks counts whole requests "
            "by the minute; ask for at least 1/60",
            code="RATE",
        )
    return calls


def to_gateway(account: DatabricksWorkspace, name: str, wanted: Wanted, there: Any) -> Any:
    """Return what should stand before an endpoint where ``there`` stands now; None: nothing.

    The gateway is the endpoint's, so that the strictest of its variants' limits is everybody's. A
    table that is on stays on: Databricks writes to none again that was switched off.
    """
    now = there or AiGatewayConfig()
    limits = [each for each in now.rate_limits or () if not _is_ours(each)]
    if (calls := _strictest(wanted)) is not None:
        limits.append(_limit(calls))
    table = now.inference_table_config
    if wanted.table and table is None:
        table = AiGatewayInferenceTableConfig(
            enabled=True,
            catalog_name=account.catalog,
            schema_name=account.schema_name,
            table_name_prefix=prefix_of(account, name, wanted.table),
        )
    if not limits and table is None and there is None:
        return None
    return AiGatewayConfig(
        fallback_config=now.fallback_config,
        guardrails=now.guardrails,
        inference_table_config=table,
        rate_limits=limits,
        usage_tracking_config=now.usage_tracking_config,
    )


def put_gateway(endpoints: Any, name: str, gateway: Any) -> None:
    """Put a gateway before an endpoint, in place of what is there."""
    endpoints.put_ai_gateway(
        name,
        fallback_config=gateway.fallback_config,
        guardrails=gateway.guardrails,
        inference_table_config=gateway.inference_table_config,
        rate_limits=gateway.rate_limits,
        usage_tracking_config=gateway.usage_tracking_config,
    )


def is_like(there: Any, wanted: Any) -> bool:
    """Whether what stands there is what should."""
    return _told(there) == _told(wanted)


def is_switched_off(there: Any) -> bool:
    """Whether requests went to a table, and do no more."""
    config = there.inference_table_config if there is not None else None
    return config is not None and not config.enabled


def table_of(there: Any) -> str:
    """Return the full name of the table that requests go to; empty if they go to none."""
    config = there.inference_table_config if there is not None else None
    if config is None or not config.enabled:
        return ""
    return f"{config.catalog_name}.{config.schema_name}.{config.table_name_prefix}{_SUFFIX}"


def prefix_of(account: DatabricksWorkspace, name: str, word: str) -> str:
    """Return how the name of a table begins: each life of an endpoint has a table of its own."""
    return f"{account.named(name)}_{word[:_WORD]}".replace("-", "_")


def _strictest(wanted: Wanted) -> int | None:
    asked = [
        each.request.serving.requests_per_second
        for each in wanted.staying().values()
        if not each.failure
    ]
    limits = [limit for each in asked if (limit := calls_per_minute(each)) is not None]
    return min(limits, default=None)


def _limit(calls: int) -> AiGatewayRateLimit:
    return AiGatewayRateLimit(
        calls=calls,
        key=AiGatewayRateLimitKey.USER,
        renewal_period=AiGatewayRateLimitRenewalPeriod.MINUTE,
    )


def _is_ours(limit: AiGatewayRateLimit) -> bool:
    """Whether it is the limit of each caller; those of one, or of all, are other people's."""
    return limit.key is AiGatewayRateLimitKey.USER and not limit.principal


def _told(gateway: Any) -> Mapping[str, Any]:
    """Return what is told of a gateway: an empty list, or a part without words, says nothing."""
    told: Mapping[str, Any] = gateway.as_dict() if gateway is not None else {}
    return {name: _sorted(value) for name, value in told.items() if value}


def _sorted(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return sorted(map(str, value))
    return value
