"""What tests ask a Prefect server, over its API as anybody can."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import httpx

from blocks.testing.waiting import until

ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A Prefect server that wants a password."""

    api: str
    login: str  # user:password

    @classmethod
    def in_force(cls) -> Server:
        """Return the one that the environment names."""
        return cls(api=os.environ["PREFECT_API_URL"], login=os.environ["PREFECT_API_AUTH_STRING"])

    def ask(self, method: str, path: str, content: Any = None) -> Any:
        """Return what the server says."""
        user, _, password = self.login.partition(":")
        url = f"{self.api}{path}"
        said = httpx.request(method, url, json=content, auth=(user, password), timeout=60)
        said.raise_for_status()
        return said.json() if said.content else None

    def deployment(self, name: str) -> dict[str, Any]:
        """Return a deployment by ``flow/name``."""
        return dict(self.ask("GET", f"/deployments/name/{name}"))

    def runs(self, name: str) -> list[dict[str, Any]]:
        """Return the runs of a deployment, oldest first."""
        wanted = {"deployments": {"id": {"any_": [self.deployment(name)["id"]]}}}
        sort = {"sort": "EXPECTED_START_TIME_ASC"}
        return list(self.ask("POST", "/flow_runs/filter", {**wanted, **sort}))

    def start(self, name: str, **parameters: Any) -> str:
        """Start a run by hand, as the page's button does; return its id."""
        path = f"/deployments/{self.deployment(name)['id']}/create_flow_run"
        return str(self.ask("POST", path, {"parameters": parameters})["id"])

    def ends(self, run: str, *, within: float = 900) -> dict[str, Any]:
        """Wait until a run has ended; return it."""
        until(lambda: self.run(run)["state_type"] in ENDED, within=within, every=2)
        return self.run(run)

    def run(self, run: str) -> dict[str, Any]:
        """Return a run."""
        return dict(self.ask("GET", f"/flow_runs/{run}"))

    def logs(self, run: str) -> str:
        """Return what a run has logged, for the message of a test that fails."""
        wanted = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_DESC", "limit": 30}
        lines = self.ask("POST", "/logs/filter", wanted)
        return "\n".join(each["message"] for each in reversed(lines))[-4000:]
