"""Addresses of AWS's own pages, for people."""

from __future__ import annotations


def page(service: str, region: str, place: str) -> str:
    """Return the address of a place on a service's page, in the region's console."""
    if region.startswith("us-gov-"):
        host = "console.amazonaws-us-gov.com"
    elif region.startswith("cn-"):
        host = f"{region}.console.amazonaws.cn"
    else:
        host = f"{region}.console.aws.amazon.com"
    return f"https://{host}/{service}/home?region={region}#{place}"
