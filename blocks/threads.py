"""How threads of numerical libraries wait for each other on a machine that is shared."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# Threads of OpenMP, which trees are grown by, turn round while they wait for each other. On 2
# processors that took twice the time on an idle machine, and five times on a busy one.
WAIT_PASSIVELY: Mapping[str, str] = MappingProxyType({"OMP_WAIT_POLICY": "PASSIVE"})
