"""What the real service would not take is not taken here: how that is seen."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from blocks.providers.aws.emulator.launch import Account
from tests.unit.aws.emulator.callers import client, status

Refused = tuple[str, dict[str, Any], str]  # a call, what it asks, words of what is told


def is_refused(account: Account, call: str, asked: dict[str, Any], words: str) -> None:
    """The SDK checks some of it by itself, which the service does not rely on."""
    before = len(account.unknown())
    with pytest.raises(ClientError) as caught:
        getattr(client(account, "sagemaker", checks=False), call)(**asked)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert words in caught.value.response["Error"]["Message"]
    assert len(account.unknown()) == before, "it was refused for want of an emulation"
    assert status(client(account, "sagemaker"), "e") == "InService"
