"""The alarms of queues as somebody owns them: one whose endpoint is gone rings for nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from blocks.contracts import Resource
from blocks.providers.aws.account import OWNER_TAG, AwsAccount
from blocks.providers.aws.backlog_scaling import SUFFIX
from blocks.providers.aws.lookup import READS

ALARM = "alarm"


class WakingAlarms:
    """Lists and removes the alarms of one owner."""

    def __init__(self, account: AwsAccount) -> None:
        self._account = account
        self._cloudwatch = account.client("cloudwatch", attempts=READS)

    def there(self) -> list[Mapping[str, Any]]:
        """Return all that are called as theirs, as CloudWatch tells of them."""
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=self._account.named("")
        )
        found = [each for page in pages for each in page["MetricAlarms"]]
        return [each for each in found if each["AlarmName"].endswith(SUFFIX)]

    def remove(self, name: str) -> bool:
        """Delete an alarm, unless it is somebody else's: return whether it is gone now."""
        arn = next((each["AlarmArn"] for each in self.there() if each["AlarmName"] == name), None)
        if arn is None:
            return True
        tags = self._cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]
        ours = {"Key": OWNER_TAG, "Value": self._account.owner} in tags
        if ours:
            self._cloudwatch.delete_alarms(AlarmNames=[name])
        return ours


def resources(alarms: list[Mapping[str, Any]], endpoints: Collection[str]) -> Iterator[Resource]:
    """Yield alarms as things that are owned.

    One is a part of its endpoint as long as that is there; by itself it only costs.
    """
    for each in alarms:
        name = each["AlarmName"]
        endpoint = name.removesuffix(SUFFIX)
        lost = endpoint not in endpoints
        yield Resource(
            kind=ALARM,
            id=name,
            name=name,
            created=each["AlarmConfigurationUpdatedTimestamp"],
            running=lost,
            detail=f"of {endpoint}, which is gone" if lost else f"of {endpoint}",
        )
