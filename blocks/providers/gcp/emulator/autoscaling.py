"""How many replicas a deployed model has: as many as keep its metrics at their targets.

https://cloud.google.com/vertex-ai/docs/predictions/autoscaling: the load is looked at every 15
seconds; a model grows at once, and shrinks to the most that it wanted in the last five minutes.
"""

from __future__ import annotations

import math
import re
import threading
from collections import deque
from collections.abc import Mapping, Sequence

import psutil
from google.cloud.aiplatform_v1.types import DedicatedResources

from blocks.providers.gcp.emulator.model_server import Replica
from blocks.providers.gcp.emulator.refusals import invalid

PERIOD = 15.0  # of the cloud's seconds
_REMEMBERED = 300.0
_USUAL = 60  # percent
_TOLERANCE = 0.1  # of a target, in which nothing changes
_MINUTE = 60.0
_PROCESSORS = re.compile(r"-(\d+)g?$")  # as in n1-standard-4
_PREFIX = "aiplatform.googleapis.com/prediction/online/"
_CPU, _REQUESTS, _DUTY = "cpu/utilization", "request_count", "accelerator/duty_cycle"


class Autoscaler:
    """Hears what one deployed model is asked, and says how many replicas that takes."""

    def __init__(self, resources: DedicatedResources, *, period: float) -> None:
        self._least = resources.min_replica_count or 1
        self._most = max(resources.max_replica_count, self._least)
        self._targets = _targets(resources)
        found = _PROCESSORS.search(resources.machine_spec.machine_type)
        self._processors = int(found[1]) if found else 1
        self._period, self._since = period, -math.inf
        self._lock, self._asked = threading.Lock(), 0
        self._used: dict[int, float] = {}  # seconds of a processor, by process
        self._wanted: deque[tuple[float, int]] = deque()

    def asked(self) -> None:
        """Hear of one request."""
        with self._lock:
            self._asked += 1

    def wanted(self, replicas: Sequence[Replica], now: float) -> int:
        """Return how many there should be at a moment of the cloud's clock."""
        passed = now - self._since
        if passed < self._period:
            return len(replicas)
        first, self._since = self._since == -math.inf, now
        load = self._load(replicas, passed)
        if first or self._least == self._most:
            return len(replicas)
        shares = [load[name] / target for name, target in self._targets.items() if name in load]
        share = max(shares, default=0.0)
        near = abs(share - 1) <= _TOLERANCE
        found = len(replicas) if near else math.ceil(len(replicas) * share)
        self._wanted.append((now, min(self._most, max(self._least, found))))
        while self._wanted[0][0] < now - _REMEMBERED:
            self._wanted.popleft()
        return max(count for _, count in self._wanted)

    def _load(self, replicas: Sequence[Replica], passed: float) -> Mapping[str, float]:
        """Return what each metric came to, for a replica, since the last look."""
        with self._lock:
            asked, self._asked = self._asked, 0
        before, self._used = self._used, {each.container.pid: _used(each) for each in replicas}
        busy = sum(used - before.get(pid, used) for pid, used in self._used.items())
        count = max(1, len(replicas))
        return {
            _CPU: 100 * busy / passed / count / self._processors,
            _REQUESTS: asked / count / passed * _MINUTE,
        }


def _targets(resources: DedicatedResources) -> Mapping[str, float]:
    """Return the target of each metric. Raises GcpError for one that there is not."""
    told = {_CPU: float(_USUAL)}
    for each in resources.autoscaling_metric_specs:
        name = each.metric_name.removeprefix(_PREFIX)
        if name not in (_CPU, _REQUESTS, _DUTY) or name == each.metric_name:
            raise invalid(f"Unsupported autoscaling metric: {each.metric_name!r}")
        told[name] = float(each.target or _USUAL)
    return told


def _used(replica: Replica) -> float:
    """Return the seconds of a processor that a replica has used; a process stands for a machine."""
    try:
        times = psutil.Process(replica.container.pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
