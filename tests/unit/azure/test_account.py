"""As whom Azure is asked: a service principal, an identity of the machine, or whoever signed in."""

from __future__ import annotations

from typing import Any

import pytest
from azure.identity import (
    ClientSecretCredential,
    DefaultAzureCredential,
    ManagedIdentityCredential,
)

from blocks.contracts import InvalidRequest
from blocks.providers.azure.account import AzureAccount

PRINCIPAL = {"tenant": "t" * 8, "client_id": "c" * 8, "client_secret": "sesame"}


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (PRINCIPAL, ClientSecretCredential),
        ({"managed_identity": True, "client_id": "c" * 8}, ManagedIdentityCredential),
        ({"managed_identity": True}, ManagedIdentityCredential),
        ({}, DefaultAzureCredential),
    ],
)
def test_who_signs_in_is_said_by_the_account(
    told: dict[str, Any], kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_CLIENT_SECRET", raising=False)
    account = AzureAccount(**told)
    assert isinstance(account.credential, kind)
    assert account.credential is account.credential  # tokens are kept in it
    assert "sesame" not in repr(account)


def test_a_workspace_that_nobody_names_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)
    with pytest.raises(InvalidRequest, match="subscription"):
        AzureAccount().ml()
