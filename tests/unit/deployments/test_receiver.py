"""What clouds and registries tell becomes events, if they show that they know the secret."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from mlflow.webhooks.delivery import _generate_hmac_signature

from deployments.receiver.app import PrefectEvents, Proofs, make_app

SECRET = "a secret that nobody guesses"
TOKEN = {"authorization": f"Bearer {SECRET}"}
AT = "2026-01-02T03:04:05Z"

EVENT_BRIDGE = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "time": AT,
    "detail": {"bucket": {"name": "lake"}, "object": {"key": "week 7/a.parquet", "size": 5}},
}
S3 = {
    "Records": [
        {
            "eventName": "ObjectCreated:Put",
            "eventTime": AT,
            "s3": {
                "bucket": {"name": "lake"},
                "object": {"key": "week+7/a.parquet", "size": 5, "sequencer": "0A1B"},
            },
        },
        {"eventName": "ObjectRemoved:Delete", "eventTime": AT, "s3": {}},
    ]
}
SNS = {"Type": "Notification", "MessageId": "1", "Message": json.dumps(S3)}
GCS = {
    "message": {
        "attributes": {
            "eventType": "OBJECT_FINALIZE",
            "bucketId": "lake",
            "objectId": "week 7/a.parquet",
            "objectGeneration": "1700000000000001",
        },
        "messageId": "2",
        "publishTime": AT,
    },
    "subscription": "projects/p/subscriptions/s",
}
BLOB = {
    "id": "831e1650-001e-001b-66ab-eeb76e069631",
    "data": {"url": "https://acc.blob.core.windows.net/lake/week 7/a.parquet", "contentLength": 5},
}
EVENT_GRID = [{**BLOB, "eventType": "Microsoft.Storage.BlobCreated", "eventTime": AT}]
CLOUD_EVENT = {**BLOB, "specversion": "1.0", "type": "Microsoft.Storage.BlobCreated", "time": AT}

ARRIVALS = [
    ("s3", EVENT_BRIDGE, "s3://lake/week 7/a.parquet"),
    ("s3", S3, "s3://lake/week 7/a.parquet"),
    ("s3", SNS, "s3://lake/week 7/a.parquet"),
    ("gcs", GCS, "gs://lake/week 7/a.parquet"),
    ("event-grid", EVENT_GRID, "abfss://lake@acc.dfs.core.windows.net/week 7/a.parquet"),
    ("event-grid", CLOUD_EVENT, "abfss://lake@acc.dfs.core.windows.net/week 7/a.parquet"),
]


class Server(ThreadingHTTPServer):
    """Takes events as Prefect's API does, or answers with another status."""

    status = 204

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.events: list[dict[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        assert self.path == "/api/events"
        if self.server.status == 204:
            self.server.events += json.loads(content)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def prefect() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def receiver(prefect: Server) -> Iterator[TestClient]:
    url = f"http://127.0.0.1:{prefect.server_port}/api"
    with (
        httpx.Client(base_url=url) as client,
        TestClient(make_app(Proofs(secret=SECRET), PrefectEvents(client=client))) as receiver,
    ):
        yield receiver


def tag(key: str = "retrain") -> bytes:
    told = {"name": "small", "version": "3", "key": key, "value": "the labels were wrong"}
    content = {"entity": "model_version_tag", "action": "set", "timestamp": AT, "data": told}
    return json.dumps(content).encode()


def signed(body: bytes, *, secret: str = SECRET, age: int = 0) -> dict[str, str]:
    stamp = str(int(time.time()) - age)
    return {
        "x-mlflow-delivery-id": "d1",
        "x-mlflow-timestamp": stamp,
        "x-mlflow-signature": _generate_hmac_signature(secret, "d1", stamp, body.decode()),
    }


@pytest.mark.parametrize(("sender", "message", "uri"), ARRIVALS)
def test_an_object_that_was_written_is_an_event_and_told_twice_the_same_one(
    receiver: TestClient, prefect: Server, sender: str, message: Any, uri: str
) -> None:
    for _ in range(2):
        assert receiver.post(f"/{sender}", json=message, headers=TOKEN).status_code == 200
    first, second = prefect.events
    assert first == second
    assert first["event"] == "bluewater.data.arrived"
    assert first["resource"]["prefect.resource.id"] == f"bluewater.data.{uri}"
    assert first["occurred"].startswith("2026-01-02T03:04:05")


@pytest.mark.parametrize(("sender", "message", "uri"), ARRIVALS)
def test_two_objects_are_two_events(
    receiver: TestClient, prefect: Server, sender: str, message: Any, uri: str
) -> None:
    other = json.loads(json.dumps(message).replace("a.parquet", "b.parquet"))
    for each in (message, other):
        receiver.post(f"/{sender}", json=each, headers=TOKEN)
    assert len({each["id"] for each in prefect.events}) == 2


def test_who_has_no_cloud_may_tell_it_plainly(receiver: TestClient, prefect: Server) -> None:
    parts = [{"uri": "file:///lake/a.parquet", "id": "7"}, {"uri": "file:///lake/b.parquet"}]
    for _ in range(2):
        assert receiver.post("/plain", json=parts, headers=TOKEN).status_code == 200
    first, _, again, _ = prefect.events
    assert first["id"] == again["id"]
    assert first["resource"]["prefect.resource.id"] == "bluewater.data.file:///lake/a.parquet"
    assert len({each["id"] for each in prefect.events}) == 3


def test_a_tag_in_mlflow_is_an_event_of_its_model(receiver: TestClient, prefect: Server) -> None:
    said = receiver.post("/mlflow", content=tag(), headers=signed(tag()))
    assert said.status_code == 200
    (event,) = prefect.events
    assert event["event"] == "bluewater.model.tagged"
    assert event["resource"]["prefect.resource.id"] == "bluewater.model.small"
    assert event["resource"]["bluewater.tag"] == "retrain"
    assert event["payload"]["value"] == "the labels were wrong"


@pytest.mark.parametrize(
    "headers",
    [{}, signed(tag(), secret="wrong"), signed(tag(), age=3600), signed(tag("x")), TOKEN],
    ids=["unsigned", "wrong secret", "an hour old", "of another message", "a token instead"],
)
def test_who_does_not_sign_for_mlflow_is_not_heard(
    receiver: TestClient, prefect: Server, headers: dict[str, str]
) -> None:
    assert receiver.post("/mlflow", content=tag(), headers=headers).status_code == 401
    assert prefect.events == []


BASIC = base64.b64encode(f"sns:{SECRET}".encode()).decode()


@pytest.mark.parametrize(
    ("headers", "query"),
    [(TOKEN, ""), ({"authorization": f"Basic {BASIC}"}, ""), ({}, f"?token={SECRET}")],
)
def test_the_secret_may_be_shown_as_each_sender_can(
    receiver: TestClient, headers: dict[str, str], query: str
) -> None:
    assert receiver.post(f"/s3{query}", json=S3, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, ""),
        ({}, "?token="),
        ({"authorization": "Bearer wrong"}, ""),
        ({"authorization": "Basic ???"}, ""),
        ({"authorization": "Basic "}, ""),
        ({"authorization": "Bearer"}, f"?token={SECRET}x"),
    ],
)
def test_who_does_not_know_the_secret_is_not_heard(
    receiver: TestClient, prefect: Server, headers: dict[str, str], query: str
) -> None:
    assert receiver.post(f"/s3{query}", json=S3, headers=headers).status_code == 401
    assert receiver.options(f"/event-grid{query}", headers=headers).status_code == 401
    assert prefect.events == []


@pytest.mark.parametrize("sender", ["s3", "gcs", "event-grid"])
@pytest.mark.parametrize("body", [b"", b"nothing", b"[1]", b'{"Records": [{}]}', b"null"])
def test_what_is_not_understood_is_refused(
    receiver: TestClient, prefect: Server, sender: str, body: bytes
) -> None:
    headers = {**TOKEN, "content-length": str(len(body))}
    said = receiver.post(f"/{sender}", content=body, headers=headers)
    assert said.status_code in {200, 400}
    assert said.status_code == 400 or said.json() == {"events": []}
    assert prefect.events == []


def test_what_is_too_long_is_not_read(receiver: TestClient) -> None:
    assert receiver.post("/s3", content=b"x" * (1 << 21), headers=TOKEN).status_code == 413
    assert receiver.post("/unknown", json={}, headers=TOKEN).status_code == 404


def test_while_prefect_is_away_the_sender_is_asked_to_come_again(
    receiver: TestClient, prefect: Server
) -> None:
    prefect.status = 500
    assert receiver.post("/s3", json=S3, headers=TOKEN).status_code == 503
    prefect.status = 204
    assert receiver.post("/s3", json=S3, headers=TOKEN).status_code == 200
    assert len(prefect.events) == 1


def test_azure_finds_out_that_we_want_to_hear(receiver: TestClient) -> None:
    kind = "Microsoft.EventGrid.SubscriptionValidationEvent"
    asks = [{"id": "1", "eventType": kind, "data": {"validationCode": "512d38b6"}}]
    assert receiver.post("/event-grid", json=asks).status_code == 401
    said = receiver.post("/event-grid", json=asks, headers=TOKEN)
    assert said.json() == {"validationResponse": "512d38b6"}
    origin = {"webhook-request-origin": "eventgrid.azure.net"}
    said = receiver.options(f"/event-grid?token={SECRET}", headers=origin)
    assert said.headers["webhook-allowed-origin"] == "eventgrid.azure.net"


def test_a_subscription_of_sns_is_left_to_a_person(
    receiver: TestClient, prefect: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever opened any address that a message names could be sent anywhere."""
    asks = {"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.example/confirm"}
    assert receiver.post("/s3", json=asks, headers=TOKEN).json() == {"events": []}
    assert "https://sns.example/confirm" in caplog.text
