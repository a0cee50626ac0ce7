"""Endpoints without a public address, behind Private Service Connect. Nothing is called here.

https://cloud.google.com/vertex-ai/docs/predictions/private-service-connect
"""

from __future__ import annotations

from typing import Any

from google.cloud.aiplatform_v1.types import Endpoint
from pydantic import Field

from blocks.contracts import Frozen, InvalidRequest
from blocks.providers.gcp.account import GcpAccount


class Private(Frozen):
    """Who reaches private endpoints, and where: at one forwarding rule for a block's endpoints."""

    projects: tuple[str, ...] = Field(
        default=(), description="Projects that may have a rule to an endpoint; empty: this one."
    )
    network: str = Field(
        default="",
        description="projects/PROJECT/global/networks/NAME in which Vertex AI makes a rule itself.",
        pattern=r"^(projects/[^/]+/global/networks/[^/]+)?$",
    )
    address: str = Field(
        default="",
        description="IP address or DNS name of a rule of your own.",
        pattern=r"^[A-Za-z0-9.:-]*$",
    )

    def to_config(self, account: GcpAccount) -> dict[str, Any]:
        """Return what an endpoint is told when it is made."""
        config: dict[str, Any] = {
            "enable_private_service_connect": True,
            "project_allowlist": list(self.projects or (account.project_id,)),
        }
        if self.network:
            rule = {"project_id": self.network.split("/")[1], "network": self.network}
            config["psc_automation_configs"] = [rule]
        return config


def is_private(endpoint: Endpoint) -> bool:
    """Whether an endpoint has no public address."""
    return bool(endpoint.private_service_connect_config.enable_private_service_connect)


def attachment_of(endpoint: Endpoint) -> str:
    """Return what a forwarding rule has to lead to; empty before something is deployed."""
    return str(endpoint.private_service_connect_config.service_attachment)


def address_of(endpoint: Endpoint, private: Private | None) -> str:
    """Return where an endpoint is asked: your own rule, or the one that Vertex AI made.

    Raises InvalidRequest, with the remedy, where there is none.
    """
    if private is not None and private.address:
        return private.address
    made = endpoint.private_service_connect_config.psc_automation_configs
    if found := next((each.ip_address for each in made if each.ip_address), ""):
        return str(found)
    attachment = attachment_of(endpoint) or "its service attachment, once a variant is deployed"
    raise InvalidRequest(
        f"{endpoint.display_name} is private, and no address of it is known; make a forwarding "
        f"rule to {attachment}, and name its address in private.address of gcp-endpoints",
        code="PRIVATE_ADDRESS",
    )
