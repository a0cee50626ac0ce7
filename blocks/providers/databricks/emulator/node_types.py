"""Kinds of machines of the emulated workspace, which is on AWS: families, and the sizes of each.

https://docs.databricks.com/aws/en/compute/configure; ``clusters list-node-types`` tells them all.
"""

from __future__ import annotations

import re

from blocks.providers.databricks.emulator.refusals import invalid

_LARGE = r"(large|xlarge|[1-9]\d?xlarge)"
_NODE = re.compile(
    rf"(m4|m5|m5a|m5ad|m5d|m5dn|m5n|m5zn|m6g|m6gd|m6i|m6id|m6idn|m6in|m7g|m7gd|m7i)\.{_LARGE}"
    rf"|(r4|r5|r5a|r5ad|r5b|r5d|r5dn|r5n|r6g|r6gd|r6i|r6id|r6idn|r6in|r7g|r7gd|r7i)\.{_LARGE}"
    rf"|(c4|c5|c5a|c5ad|c5d|c5n|c6g|c6gd|c6i|c6id|c6in|c7g|c7gd|c7i)\.{_LARGE}"
    rf"|(d3|d3en|h1|i2|i3|i3en|i4g|i4i|z1d)\.{_LARGE}"
    rf"|(g4dn|g5|g6|g6e|p3|p3dn|p4d|p4de|p5|p5e|p5en)\.{_LARGE}"
    rf"|rd-fleet\.{_LARGE}|(m|md|r|rd|i|c|cd|rgd|mgd)-fleet\.{_LARGE}"
)
_RUNTIME = re.compile(r"\d+\.\d+\.x-(\w+-)*scala2\.1[23]")


def require_node_type(node: str) -> None:
    """Raise what the service says to a kind of machine that there is not."""
    if not _NODE.fullmatch(node):
        told = "Supported node types are told by clusters/list-node-types."
        raise invalid(f"Node type {node} is not supported. {told}")


def require_runtime(version: str) -> None:
    """Raise what the service says to a version of Databricks' runtime that there is not."""
    if not _RUNTIME.fullmatch(version):
        raise invalid(f"Invalid spark version {version}.")
