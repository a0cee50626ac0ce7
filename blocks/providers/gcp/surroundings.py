"""What the account has set for everything of Vertex AI: identity, network, key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blocks.providers.gcp.account import GcpAccount


def surroundings(account: GcpAccount) -> Mapping[str, Any]:
    """Return as whom, and in which network, a custom job runs."""
    told: dict[str, Any] = {}
    if account.service_account:
        told["service_account"] = account.service_account
    if account.network:
        told["network"] = account.network
    if account.network_attachment:
        told["psc_interface_config"] = {"network_attachment": account.network_attachment}
    return told


def encryption(account: GcpAccount) -> Mapping[str, Any]:
    """Return what says that a thing is encrypted with the account's key."""
    return {"encryption_spec": {"kms_key_name": account.kms_key}} if account.kms_key else {}
