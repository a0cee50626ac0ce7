"""Messages that Amazon SNS has signed: believed without the secret, if their topic is named.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate

from deployments.receiver.notices import NotUnderstood

HOST = re.compile(r"sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
HASHES = {"1": SHA1, "2": SHA256}  # by version of the signature
ASKED = "SubscriptionConfirmation"
NOTIFIED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")

log = logging.getLogger("bluewater.receiver")

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Topics whose messages are believed, and whose subscriptions are confirmed."""

    arns: Collection[str]
    client: httpx.Client
    _keys: dict[str, RSAPublicKey] = field(default_factory=dict)

    def believes(self, body: bytes) -> bool:
        """Whether SNS signed this, for one of the topics. Raises httpx.HTTPError: not known now."""
        try:
            message = json.loads(body)
            if message["TopicArn"] not in self.arns:
                return False
            key = self._key(message["SigningCertURL"])
            signature = base64.b64decode(message["Signature"])
            kind = HASHES[message["SignatureVersion"]]
            key.verify(signature, _signed(message), PKCS1v15(), kind())
        except (ValueError, KeyError, TypeError, InvalidSignature):
            return False
        return True

    def confirm(self, body: bytes) -> bool:
        """Confirm the subscription that a believed message asks for; say whether it asks for one.

        Raises NotUnderstood for an address that is not SNS's, and httpx.HTTPError.
        """
        message = json.loads(body)
        if message.get("Type") != ASKED:
            return False
        try:
            url = _of_sns(message["SubscribeURL"])
        except ValueError as error:
            raise NotUnderstood(str(error)) from error
        self.client.get(url).raise_for_status()
        log.info("the subscription to %s is confirmed", message["TopicArn"])
        return True

    def _key(self, url: str) -> RSAPublicKey:
        if url not in self._keys:
            content = self.client.get(_of_sns(url)).raise_for_status().content
            key = load_pem_x509_certificate(content).public_key()
            if not isinstance(key, RSAPublicKey):
                raise ValueError(f"{url} is no certificate of SNS")  # as the others
            self._keys[url] = key
        return self._keys[url]


def _of_sns(url: str) -> str:
    """Return an address of SNS itself. Raises ValueError for any other, which anybody may name."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not HOST.fullmatch(parts.netloc):
        raise ValueError(f"{url} is not SNS's")
    return url


def _signed(message: Message) -> bytes:
    """Return what is signed: names and values on lines of their own, in byte order of the names."""
    names = CONFIRMED if message["Type"] != "Notification" else NOTIFIED
    return "".join(f"{name}\n{message[name]}\n" for name in names if name in message).encode()
