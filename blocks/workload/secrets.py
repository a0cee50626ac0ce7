"""Secrets of a cloud by name, for who holds clients: the provider, or a container at its start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PARAMETER = "ssm:"  # names that begin so are parameters of SSM


def fetch(client: Callable[[str], Any], name: str) -> str:
    """Return the current value from Secrets Manager, or for ``ssm:`` names from SSM.

    ``client`` makes boto3's client of a service. A secret kept as bytes is read as UTF-8.
    """
    if name.startswith(PARAMETER):
        asked = {"Name": name.removeprefix(PARAMETER), "WithDecryption": True}
        return str(client("ssm").get_parameter(**asked)["Parameter"]["Value"])
    told = client("secretsmanager").get_secret_value(SecretId=name)
    return str(told["SecretString"]) if "SecretString" in told else told["SecretBinary"].decode()


def fetch_from_vault(client: Any, name: str) -> str:
    """Return the current value from Azure's Key Vault, whose client is given."""
    return client.get_secret(name).value or ""


def is_challenged(vault: str) -> bool:
    """Whether a vault's address is one of Azure's, whose answers must name that vault's domain."""
    return ".vault." in vault
