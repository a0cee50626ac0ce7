"""What clouds and registries tell, translated: pure, one function for each kind of sender.

Each sender may tell the same thing twice; the id of an event is made from the sender's own, so that
it is the same event. What is no news to us (a deletion, a test message) is no event.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from blocks.contracts import Frozen

DATA = "bluewater.data.arrived"
"""Event about ``bluewater.data.<uri>``: an object was written."""
TAGGED = "bluewater.model.tagged"
"""Event about ``bluewater.model.<name>``, labelled ``bluewater.tag``; a version was tagged."""

MODEL_EVENTS = {
    "model_version_tag.set": TAGGED,
    "model_version.created": "bluewater.model.registered",
    "model_version_alias.created": "bluewater.model.aliased",
}
SPACE = uuid.UUID("6f0c1c0e-6f0b-5d0e-9a53-9c6f9d2f4b11")  # of our ids; any fixed value does

Content = Mapping[str, Any]


class NotUnderstood(ValueError):
    """The content is not what this sender sends."""


class Notice(Frozen):
    """An event, as Prefect's API takes it."""

    id: uuid.UUID
    occurred: datetime
    event: str
    resource: Mapping[str, str]
    payload: Mapping[str, str | int] = {}


def mlflow(content: Content, delivery: str) -> Iterator[Notice]:
    """A webhook of MLflow's registry; ``delivery`` is its id in the header.

    https://mlflow.org/docs/latest/ml/webhooks/
    """
    name = MODEL_EVENTS.get(f"{content['entity']}.{content['action']}")
    if name is not None:
        told = {key: str(value) for key, value in content["data"].items() if value is not None}
        labels = {"bluewater.tag": told["key"]} if "key" in told else {}
        yield Notice(
            id=uuid.uuid5(SPACE, f"mlflow {delivery}"),
            occurred=_time(content["timestamp"]),
            event=name,
            resource={**_resource("model", told["name"]), **labels},
            payload=told,
        )


def plain(content: Content, _: str) -> Iterator[Notice]:
    """Anybody who can send JSON: ``{"uri": "file:///data/week7.parquet", "id": "7"}``.

    ``id`` names the arrival; without one, every message is an arrival of its own.
    """
    mark = str(content.get("id") or uuid.uuid4())
    yield _arrived(str(content["uri"]), mark, None, 0)


def s3(content: Content, _: str) -> Iterator[Notice]:
    """Amazon EventBridge, or a notification of S3, as it is or in a message of SNS.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html and
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    if content.get("Type") == "SubscriptionConfirmation":
        log = logging.getLogger("bluewater.receiver")
        log.warning("SNS asks to confirm its subscription: open %s", content["SubscribeURL"])
        return
    if content.get("Type") == "Notification":
        content = json.loads(content["Message"])
    if content.get("source") == "aws.s3" and content.get("detail-type") == "Object Created":
        detail = content["detail"]
        uri = f"s3://{detail['bucket']['name']}/{detail['object']['key']}"
        yield _arrived(uri, content["id"], content["time"], detail["object"].get("size", 0))
    for record in content.get("Records", ()):
        if record["eventName"].startswith("ObjectCreated"):
            told = record["s3"]["object"]
            uri = f"s3://{record['s3']['bucket']['name']}/{unquote_plus(told['key'])}"
            mark = f"{told.get('versionId', '')} {told.get('sequencer', '')} {record['eventTime']}"
            yield _arrived(uri, mark, record["eventTime"], told.get("size", 0))


def gcs(content: Content, _: str) -> Iterator[Notice]:
    """A notification of Cloud Storage that Pub/Sub pushes.

    https://cloud.google.com/storage/docs/pubsub-notifications#attributes
    """
    message = content["message"]
    told = message["attributes"]
    if told["eventType"] == "OBJECT_FINALIZE":
        uri = f"gs://{told['bucketId']}/{told['objectId']}"
        mark = f"{told['objectGeneration']}"
        yield _arrived(uri, mark, message.get("publishTime"), 0)


def event_grid(content: Content, _: str) -> Iterator[Notice]:
    """One event of Azure Event Grid about a storage account, in its own schema or CloudEvents'.

    https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage
    """
    if content.get("eventType", content.get("type")) == "Microsoft.Storage.BlobCreated":
        url = urlsplit(content["data"]["url"])
        account, _, _ = url.netloc.partition(".")
        container, _, path = url.path.lstrip("/").partition("/")
        uri = f"abfss://{container}@{account}.dfs.core.windows.net/{path}"
        at, size = content.get("eventTime", content.get("time")), content["data"]
        yield _arrived(uri, content["id"], at, size.get("contentLength", 0))


SENDERS: Mapping[str, Callable[[Content, str], Iterator[Notice]]] = {
    "mlflow": mlflow,
    "s3": s3,
    "gcs": gcs,
    "event-grid": event_grid,
    "plain": plain,
}


def read(sender: str, body: bytes, *, delivery: str = "") -> list[Notice]:
    """Return the events that a sender's message means. Raises NotUnderstood."""
    try:
        content = json.loads(body)
        parts = content if isinstance(content, list) else [content]
        return [notice for part in parts for notice in SENDERS[sender](part, delivery)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood(f"this is no message of {sender}: {error!r}") from error


def _arrived(uri: str, mark: str, at: str | None, size: int) -> Notice:
    return Notice(
        id=uuid.uuid5(SPACE, f"{uri} {mark}"),
        occurred=_time(at),
        event=DATA,
        resource=_resource("data", uri),
        payload={"uri": uri, "size": size},
    )


def _resource(kind: str, name: str) -> dict[str, str]:
    return {"prefect.resource.id": f"bluewater.{kind}.{name}", "prefect.resource.name": name}


def _time(at: str | None) -> datetime:
    """Return when it happened, but never later than now: Prefect takes a future event as early."""
    now = datetime.now(UTC)
    told = datetime.fromisoformat(at) if at else now
    return min(told if told.tzinfo else told.replace(tzinfo=UTC), now)
