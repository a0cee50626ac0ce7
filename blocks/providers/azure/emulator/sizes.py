"""Sizes of virtual machines, by the families of which workspaces have any.

https://learn.microsoft.com/azure/virtual-machines/sizes
"""

from __future__ import annotations

import re

from blocks.providers.azure.emulator.refusals import AzureError

_CORES = "(2|4|8|16|20|32|48|64|96)"
_SIZE = re.compile(
    "Standard_("
    rf"(D|E){_CORES}(-{_CORES})?(a|ad|as|ads|d|ds|l|ld|ls|lds|s)?_v[3-6]"  # general, memory
    "|(D|DS)([1-5]|1[1-5])_v2"
    "|F(2|4|8|16|32|48|64|72)s_v2"  # processors
    "|FX(4|12|24|36|48)mds"
    "|L(8|16|32|48|64|80)a?s_v[23]"  # disks
    "|M(8|16|32|64|128)(-(2|4|8|16|32|64))?(m?s|ms)(_v2)?"
    "|NC(6|12|24)r?s?(_v[23])?"  # GPUs from here on
    "|NC(4|8|16|64)as_T4_v3"
    "|NC(24|48|96)ads_A100_v4"
    "|NC(40|80)(ads|adis)_H100_v5"
    "|ND(6|12|24)r?s"
    "|ND40rs_v2"
    "|ND96(a?m?sr|asr|isr|isrf)(_A100|_H100|_H200)?_v[45]"
    "|NV(6|12|24|48)(_Promo|s_v3)?"
    "|NV(6|12|18|36|72)adm?s_A10_v5"
    "|H(B|C)\\w+"
    ")",
    re.IGNORECASE,
)


def require_size(size: str, code: str = "BadArgument") -> None:
    """Raise what the service says to a size that no machine has."""
    if not _SIZE.fullmatch(size):
        raise AzureError(code, f"The VM size {size!r} is not supported in this region.")
