"""An endpoint under test, and what is asked of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from blocks.contracts import Capture, Endpoints, RunKey, Traffic, Window
from blocks.testing.bench import Bench

KEY = RunKey(run="run-1", step="deploy")
REQUESTS = 40


class World:
    """An endpoint, and what was asked of it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.endpoints = bench.connect(Endpoints)
        self.start = datetime.now(UTC) - timedelta(seconds=5)
        self.name = ""

    def serve(self, kind: str, variant: str, *, capture: float = 1.0) -> None:
        request = self.bench.variant_request(kind=kind, variant=variant)
        sample = capture if self.endpoints.features.capture else 0.0
        request = request.model_copy(update={"capture": Capture(sample=sample)})
        self.bench.settle(self.endpoints.deploy(request, key=KEY))
        self.name = request.endpoint

    def give(self, to: Traffic) -> None:
        self.endpoints.shift(self.name, to, since=self.endpoints.traffic(self.name))

    def ask(self, count: int = REQUESTS) -> list[int]:
        """Send rows with x going from 0 to 1; return the statuses."""
        return [self.status({"x": each / count, "n": each}) for each in range(count)]

    def status(self, row: dict[str, object]) -> int:
        """Ask as a caller does, signed where the provider wants that; return the status."""
        return self.endpoints.predict(self.name, {"dataframe_records": [row]}).status

    def window(self) -> Window:
        return Window(start=self.start, end=datetime.now(UTC) + timedelta(seconds=5))
