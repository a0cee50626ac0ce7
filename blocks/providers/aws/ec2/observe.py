"""One look at a job: its machine first, then its record, so that a last word is not missed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.cloud.job_files import read_outcome
from blocks.contracts import NotFound
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.ec2.errors import explain
from blocks.providers.aws.ec2.launch import current
from blocks.providers.aws.ec2.record import Record
from blocks.providers.aws.ec2.verdict import Seen
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.s3 import Objects
from blocks.workload.instance.plan import BEAT, ENDED, ORDER, ended_of

_CONSOLE = 2000  # letters of its end that are told


def observe(account: AwsAccount, record: Record, job: Mapping[str, Any]) -> Seen:
    """Return all that can be seen of a job now."""
    ec2 = account.client("ec2", attempts=READS)
    launched = current(record, record.names())
    instance = _described(ec2, launched.instance) if launched else None
    names = record.names()  # again: what was written before the machine went is there now
    content = record.content(ENDED) if ENDED in names else None
    ended = ended_of(content) if content else None
    plan, objects = job["plan"], Objects(account.client("s3", attempts=READS))
    over = ended or _is_gone(instance)
    outcome = read_outcome(objects, plan["output_uri"], plan["token"]) if over else None
    return Seen(
        job=job,
        launched=launched,
        instance=instance,
        order=str((record.read(ORDER) or {}).get("reason", "")) if ORDER in names else "",
        ended=ended,
        outcome=outcome,
        beat=(record.read(BEAT) or {}) if BEAT in names else {},
        console=_console(ec2, instance) if ended is None and outcome is None else "",
    )


def _is_gone(instance: Mapping[str, Any] | None) -> bool:
    return instance is None or instance["State"]["Name"] == "terminated"


def _described(ec2: Any, instance: str) -> Mapping[str, Any] | None:
    """Return EC2's description of a machine; None of one not seen yet, or forgotten already."""
    try:
        answer = ec2.describe_instances(InstanceIds=[instance])
    except ClientError as error:
        if isinstance(explain(error), NotFound):
            return None
        raise
    found = [each for group in answer["Reservations"] for each in group["Instances"]]
    return found[0] if found else None


def _console(ec2: Any, instance: Mapping[str, Any] | None) -> str:
    """Return what a machine that ended itself showed last."""
    code = (instance or {}).get("StateReason", {}).get("Code")
    if instance is None or code != "Client.InstanceInitiatedShutdown":
        return ""
    with contextlib.suppress(ClientError):  # it is kept for an hour, and not everybody may see it
        answer = ec2.get_console_output(InstanceId=instance["InstanceId"])
        return str(answer.get("Output", ""))[-_CONSOLE:]
    return ""
