"""What a cloud has signed is believed without the secret, and nothing else is."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from fastapi.testclient import TestClient
from jwt.algorithms import RSAAlgorithm

from deployments.receiver.app import PrefectEvents, Proofs, make_app
from deployments.receiver.pubsub import Pushes
from deployments.receiver.sns import Topics
from tests.unit.deployments.test_receiver import AT, GCS, S3, SECRET

TOPIC = "arn:aws:sns:eu-west-1:123456789012:lake"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"
CONFIRM = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
ACCOUNT, AUDIENCE = "push@p.iam.gserviceaccount.com", "https://hooks.example/gcs"
MESSAGE = {
    "Type": "Notification",
    "MessageId": "1",
    "TopicArn": TOPIC,
    "Message": json.dumps(S3),
    "Timestamp": AT,
    "SignatureVersion": "2",
    "SigningCertURL": CERTIFICATE,
}
ASKS = {
    **MESSAGE,
    "Type": "SubscriptionConfirmation",
    "Message": "You have chosen to subscribe.",
    "Token": "t",
    "SubscribeURL": CONFIRM,
}
NOTIFIED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


class Amazon:
    """SNS as far as a receiver asks it, and Prefect's API beside it."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self.pem, self.asked, self.away = certificate(key), list[str](), False
        self.events: list[Any] = []
        self.client = httpx.Client(transport=httpx.MockTransport(self.answer), base_url="http://p")

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/events":
            self.events += json.loads(request.content)
            return httpx.Response(204)
        self.asked.append(str(request.url))
        return httpx.Response(503 if self.away else 200, content=self.pem)


class Google(ThreadingHTTPServer):
    """Tells the keys of Google's tokens, unless it is away."""

    def __init__(self, key: RSAPrivateKey) -> None:
        super().__init__(("127.0.0.1", 0), Keys)
        public = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
        self.content = json.dumps({"keys": [{**public, "kid": "k1", "use": "sig", "alg": "RS256"}]})
        self.status = 200


class Keys(BaseHTTPRequestHandler):
    server: Google

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.content.encode())

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def amazon(key: RSAPrivateKey) -> Amazon:
    return Amazon(key)


@pytest.fixture
def google(key: RSAPrivateKey) -> Iterator[Google]:
    with Google(key) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def receiver(amazon: Amazon, google: Google) -> Iterator[TestClient]:
    keys = jwt.PyJWKClient(f"http://127.0.0.1:{google.server_port}/certs")
    proofs = Proofs(
        secret=SECRET,
        topics=Topics(arns=[TOPIC], client=amazon.client),
        pushes=Pushes(account=ACCOUNT, audience=AUDIENCE, keys=keys),
    )
    with TestClient(make_app(proofs, PrefectEvents(client=amazon.client))) as receiver:
        yield receiver


def certificate(key: RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=now - timedelta(days=1),
        not_valid_after=now + timedelta(days=1),
    )
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM)


def signed(message: Mapping[str, str], key: RSAPrivateKey) -> dict[str, str]:
    """Sign a message as SNS's documentation says."""
    names = NOTIFIED if message["Type"] == "Notification" else CONFIRMED
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    kind = SHA1() if message["SignatureVersion"] == "1" else SHA256()
    signature = base64.b64encode(key.sign(text.encode(), PKCS1v15(), kind)).decode()
    return {**message, "Signature": signature}


def token(key: RSAPrivateKey, **changes: Any) -> dict[str, str]:
    now = int(time.time())
    claims = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": ACCOUNT,
        "email_verified": True,
        "iat": now,
        "exp": now + 3600,
        **changes,
    }
    made = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k1"})
    return {"authorization": f"Bearer {made}"}


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("more", [{}, {"Subject": "Amazon S3 Notification"}])
def test_a_message_that_sns_signed_is_an_event(
    receiver: TestClient, amazon: Amazon, key: RSAPrivateKey, version: str, more: dict[str, str]
) -> None:
    told = signed({**MESSAGE, **more, "SignatureVersion": version}, key)
    for _ in range(2):
        assert receiver.post("/s3", json=told).status_code == 200
    assert [each["payload"]["uri"] for each in amazon.events] == ["s3://lake/week 7/a.parquet"] * 2
    assert amazon.asked == [CERTIFICATE]  # once


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "{}"},
        {"TopicArn": "arn:aws:sns:eu-west-1:123456789012:other"},
        {"SignatureVersion": "1"},
        {"SignatureVersion": "3"},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.example/c.pem"},
        {"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/c.pem"},
        {"SigningCertURL": "https://s3.eu-west-1.amazonaws.com/mine/c.pem"},
        {"Signature": "?"},
    ],
)
def test_what_sns_did_not_sign_is_not_heard(
    receiver: TestClient, amazon: Amazon, key: RSAPrivateKey, change: dict[str, str]
) -> None:
    told = {**signed(MESSAGE, key), **change}
    assert receiver.post("/s3", json=told).status_code == 401
    assert amazon.events == []
    assert set(amazon.asked) <= {CERTIFICATE}  # nobody is asked whom a stranger names


def test_another_topic_may_sign_for_itself_and_is_not_heard(
    receiver: TestClient, amazon: Amazon, key: RSAPrivateKey
) -> None:
    other = {**MESSAGE, "TopicArn": "arn:aws:sns:eu-west-1:999999999999:lake"}
    assert receiver.post("/s3", json=signed(other, key)).status_code == 401
    assert receiver.post("/gcs", json=signed(MESSAGE, key)).status_code == 401
    assert amazon.asked == []


def test_a_subscription_to_our_topic_is_confirmed_and_to_no_other_place(
    receiver: TestClient, amazon: Amazon, key: RSAPrivateKey
) -> None:
    assert receiver.post("/s3", json=signed(ASKS, key)).json() == {"events": []}
    assert amazon.asked == [CERTIFICATE, CONFIRM]
    elsewhere = {**ASKS, "SubscribeURL": "https://inside.example/"}
    assert receiver.post("/s3", json=signed(elsewhere, key)).status_code == 400
    assert amazon.asked == [CERTIFICATE, CONFIRM]


def test_while_sns_is_away_it_is_asked_to_come_again(
    receiver: TestClient, amazon: Amazon, key: RSAPrivateKey
) -> None:
    """After a 4xx it would never come again."""
    amazon.away = True
    assert receiver.post("/s3", json=signed(MESSAGE, key)).status_code == 503
    amazon.away = False
    assert receiver.post("/s3", json=signed(MESSAGE, key)).status_code == 200


def test_a_push_with_googles_token_is_an_event(
    receiver: TestClient, amazon: Amazon, key: RSAPrivateKey
) -> None:
    assert receiver.post("/gcs", json=GCS, headers=token(key)).status_code == 200
    assert [each["payload"]["uri"] for each in amazon.events] == ["gs://lake/week 7/a.parquet"]


@pytest.mark.parametrize(
    "change",
    [
        {"email": "other@p.iam.gserviceaccount.com"},
        {"email_verified": False},
        {"aud": "https://elsewhere.example"},
        {"iss": "https://evil.example"},
        {"exp": 1},
    ],
)
def test_a_token_of_somebody_else_is_not_heard(
    receiver: TestClient, amazon: Amazon, key: RSAPrivateKey, change: dict[str, Any]
) -> None:
    assert receiver.post("/gcs", json=GCS, headers=token(key, **change)).status_code == 401
    assert receiver.post("/plain", json={"uri": "u"}, headers=token(key)).status_code == 401
    assert amazon.events == []


def test_a_token_that_another_key_signed_is_not_heard(receiver: TestClient, amazon: Amazon) -> None:
    other = generate_private_key(public_exponent=65537, key_size=2048)
    assert receiver.post("/gcs", json=GCS, headers=token(other)).status_code == 401
    unsigned = jwt.encode({"email": ACCOUNT}, "", algorithm="none", headers={"kid": "k1"})
    headers = {"authorization": f"Bearer {unsigned}"}
    assert receiver.post("/gcs", json=GCS, headers=headers).status_code == 401
    assert amazon.events == []


def test_while_google_is_away_the_sender_is_asked_to_come_again(
    receiver: TestClient, google: Google, key: RSAPrivateKey
) -> None:
    google.status = 500
    assert receiver.post("/gcs", json=GCS, headers=token(key)).status_code == 503
