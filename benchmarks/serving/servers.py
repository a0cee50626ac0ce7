"""The servers that are compared, the model that they serve, and how they are asked."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import psutil
from mlflow.models import Model

from blocks.contracts import Capture, ModelVersion, Phase, RunKey, Traffic, VariantRequest
from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.testing.waiting import until
from blocks.workload import digest
from examples.flights.prepare import prepare

ROOT = Path(__file__).parents[2]
MOST_ROWS = 100
PACKAGES = ("mlflow", "scikit-learn", "uvicorn", "pandas", "numpy")


def machine() -> str:
    """Return what this runs on, and how busy it is."""
    return f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f}"


def versions() -> str:
    """Return the versions of what takes part."""
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)


def make(place: Path) -> pd.DataFrame:
    """Train the model of the flights example into ``place/model``; return rows to ask about."""
    prepare(place / "flights")
    environment = {
        **os.environ,
        "BLUEWATER_DATA": str(place / "flights" / "train.parquet"),
        "BLUEWATER_CHECKPOINTS": str(place / "checkpoints"),
        "BLUEWATER_OUTPUT": str(place / "output"),
        "PYTHONPATH": str(ROOT),
    }
    code = ROOT / "examples" / "flights" / "code"
    subprocess.run([sys.executable, "train.py"], cwd=code, env=environment, check=True)
    (place / "output" / "model").rename(place / "model")
    model: Any = Model.load(str(place / "model"))  # MLflow's is half typed
    inputs: list[str] = model.get_input_schema().input_names()
    return pd.read_parquet(place / "flights" / "holdout.parquet").head(MOST_ROWS)[inputs]


def write_bodies(place: Path, frame: pd.DataFrame, rows: Iterable[int]) -> dict[int, Path]:
    """Write a request with so many rows each; return their files."""
    bodies = {}
    for count in rows:
        bodies[count] = place / f"{count}.json"
        split = json.loads(frame.head(count).to_json(orient="split", index=False))
        bodies[count].write_text(json.dumps({"dataframe_split": split}))
    return bodies


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[tuple[psutil.Process, float]]:
    """Run a server; yield its process, and how long it took to answer."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    begun = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PATH": path},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        while not answers(port):
            if process.poll() is not None or time.monotonic() - begun > 120:
                raise SystemExit(f"{command} does not answer:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield psutil.Process(process.pid), time.monotonic() - begun
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/ping").status == 200)
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def endpoint(place: Path) -> Iterator[tuple[int, int]]:
    """Serve the model on this machine; yield the ports of the router and of its one server."""
    workspace = place / "workspace"
    endpoints = LocalEndpoints(machine=LocalMachine(workspace=workspace))
    request = VariantRequest(
        endpoint="bench",
        variant="blue",
        model=known_model(place),
        machine="local.small",
        capture=Capture(sample=0.0),
    )
    try:
        ref = endpoints.deploy(request, key=RunKey(run="bench", step="deploy"))
        until(lambda: endpoints.status(ref).phase is Phase.SUCCEEDED)
        endpoints.shift("bench", Traffic(percent={"blue": 100}), since=endpoints.traffic("bench"))
        (bare,) = workspace.glob("endpoints/bench/replicas/*/port")
        yield urlsplit(endpoints.variants("bench")[0].url).port or 0, int(bare.read_text())
    finally:
        for found in list(processes.owned(endpoints.machine.owner)):
            processes.stop(found.identity, grace=2)


def ask(
    port: int, body: Path, connections: int, seconds: float, *, pace: float = 0.0
) -> dict[str, Any]:
    """Ask one server; return what was seen."""
    return ask_all([port], body, connections, seconds, pace=pace)[port]


def ask_all(
    ports: Sequence[int],
    body: Path,
    connections: int,
    seconds: float,
    *,
    pace: float = 0.0,
    arrivals: str = "even",
) -> dict[int, dict[str, Any]]:
    """Ask several servers in the same moments. Ends the benchmark if a request fails."""
    command = [sys.executable, "-m", "benchmarks.serving.load"]
    command += [word for port in ports for word in ("--port", str(port))]
    command += ["--body", str(body), "--connections", str(connections), "--seconds", str(seconds)]
    out = body.with_suffix(".seen")
    command += ["--pace", str(pace), "--arrivals", arrivals, "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True)
    told = json.loads(out.read_bytes())
    seen: dict[int, dict[str, Any]] = {int(port): each for port, each in told.items()}
    for each in seen.values():
        if set(each["statuses"]) != {"200"} or each["broken"]:
            raise SystemExit(f"not all was answered: {each['statuses']}, {each['broken']} broken")
    return seen


def known_model(place: Path) -> ModelVersion:
    model = place / "model"
    return ModelVersion(name="flights", version="1", uri=model.as_uri(), digest=digest(model))
