"""An endpoint beside its bare model server and ``mlflow models serve``: the same model and rows.

    python -m benchmarks.serving.compare [--seconds 4] [--rounds 3] [--json] [--instant]

All three run all the time; every round asks one after the other, so that what else the machine
does falls on all. The tables have the median of the rounds. The second one is at half of what the
bare server can do over as few connections, one row a request: what the router adds to a request
that finds it idle. ``--instant`` prints the second one alone, for a model that takes no time, where
the router is not hidden behind the model.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import mlflow.sklearn
import numpy as np
import pandas as pd
import psutil
from mlflow.models import infer_signature
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier

from blocks.contracts import Capture, ModelVersion, Phase, RunKey, Traffic, VariantRequest
from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.serving.config import ServerConfig
from blocks.testing.models import make_model
from blocks.testing.waiting import until
from blocks.workload import digest

ROOT = Path(__file__).parents[2]
NUMBERS, CATEGORIES = 16, 4
ROWS, CONNECTIONS = (1, 100), (1, 16)
FEW, LONGER = 4, 4  # connections at half load; a p99 needs many requests
ROUTED, OURS, THEIRS = "endpoint (router and server)", "bare model server", "mlflow models serve"
PACKAGES = ("mlflow", "scikit-learn", "uvicorn", "pandas", "numpy")


def make(folder: Path) -> pd.DataFrame:
    """Train and save the model; return rows to ask about."""
    random = np.random.default_rng(7)
    frame = pd.DataFrame({f"n{i}": random.normal(size=20_000) for i in range(NUMBERS)})
    for i in range(CATEGORIES):
        frame[f"c{i}"] = random.integers(0, 8, len(frame))
    truth = frame["n0"] + frame["n1"] * frame["c0"] + random.normal(size=len(frame)) > 1
    categories = list(range(NUMBERS, NUMBERS + CATEGORIES))
    trees = HistGradientBoostingClassifier(max_iter=100, categorical_features=categories)
    trees.fit(frame, truth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.sklearn.save_model(
            trees,
            folder,
            signature=infer_signature(frame, trees.predict_proba(frame)),
            pyfunc_predict_fn="predict_proba",
            pip_requirements=["scikit-learn"],
            serialization_format="cloudpickle",
        )
    return frame


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
def endpoint(place: Path) -> Iterator[int]:
    """Serve the model on this machine's endpoint; yield the port of its router."""
    endpoints = LocalEndpoints(machine=LocalMachine(workspace=place / "workspace"))
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
        yield urlsplit(endpoints.variants("bench")[0].url).port or 0
    finally:
        for found in list(processes.owned(endpoints.machine.owner)):
            processes.stop(found.identity, grace=2)


def ask(
    port: int, body: Path, connections: int, seconds: float, *, pace: float = 0.0
) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.serving.load", "--port", str(port)]
    command += ["--body", str(body), "--connections", str(connections), "--seconds", str(seconds)]
    command += ["--pace", str(pace)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seen: dict[str, Any] = json.loads(done.stdout)
    if set(seen["statuses"]) != {"200"} or seen["broken"]:
        raise SystemExit(f"not every request was answered: {seen['statuses']}, {seen['broken']}")
    return seen


def memory(process: psutil.Process) -> float:
    """Return megabytes of the process and all below it."""
    every = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in every) / 2**20


def measure(place: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """Run both servers and ask them in turn."""
    frame, bodies = make(place / "model"), {}
    for rows in ROWS:
        split = json.loads(frame.head(rows).to_json(orient="split", index=False))
        bodies[rows] = place / f"{rows}.json"
        bodies[rows].write_text(json.dumps({"dataframe_split": split}))
    ports = {OURS: free_port(), THEIRS: free_port()}
    commands = {
        OURS: [sys.executable, "-m", "blocks.serving", "--config", configured(place, ports[OURS])],
        THEIRS: [
            *("mlflow", "models", "serve", "--env-manager", "local"),
            *("--model-uri", str(place / "model"), "--port", str(ports[THEIRS])),
        ],
    }
    found: dict[str, Any] = {"load": [], "start_seconds": {}, "megabytes": {}}
    with contextlib.ExitStack() as stack:
        processes = {}
        for name, port in ports.items():
            log = place / f"{port}.log"
            processes[name], took = stack.enter_context(running(commands[name], port, log))
            found["start_seconds"][name] = took
        ports = {ROUTED: stack.enter_context(endpoint(place)), **ports}
        for name, rows in product(ports, ROWS):
            ask(ports[name], bodies[rows], 4, 1.0)  # not counted: whatever is slow only once
        for rows, connections in product(ROWS, CONNECTIONS):
            seen: dict[str, list[dict[str, Any]]] = {name: [] for name in ports}
            for _, name in product(range(rounds), ports):
                seen[name].append(ask(ports[name], bodies[rows], connections, seconds))
            found["load"].append({"rows": rows, "connections": connections, **medians(seen)})
        found["half"] = half_load(ports, bodies[1], rounds, seconds)
        found["megabytes"] = {name: memory(process) for name, process in processes.items()}
    return found


def measure_instant(place: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """Ask endpoint and bare server for a model that takes no time, at half load."""
    make_model(place / "model", kind="threshold")
    body, port = place / "1.json", free_port()
    body.write_text(json.dumps({"dataframe_records": [{"x": 0.3, "n": 1}]}))
    command = [sys.executable, "-m", "blocks.serving", "--config", configured(place, port)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(command, port, place / "server.log"))
        ports = {ROUTED: stack.enter_context(endpoint(place)), OURS: port}
        for each in ports.values():
            ask(each, body, FEW, 1.0)  # not counted: whatever is slow only once
        return half_load(ports, body, rounds, seconds)


def half_load(ports: dict[str, int], body: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """Ask the endpoint and the bare server at half the pace that so many connections can have."""
    pace = ask(ports[OURS], body, FEW, seconds)["per_second"] / 2
    seen: dict[str, list[dict[str, Any]]] = {ROUTED: [], OURS: []}
    for _, name in product(range(rounds), seen):
        seen[name].append(ask(ports[name], body, FEW, LONGER * seconds, pace=pace))
    return {"pace": pace, **medians(seen)}


def known_model(place: Path) -> ModelVersion:
    model = place / "model"
    return ModelVersion(name="trees", version="1", uri=model.as_uri(), digest=digest(model))


def configured(place: Path, port: int) -> str:
    config = ServerConfig(
        endpoint="bench",
        variant="blue",
        replica="s1",
        model=known_model(place),
        model_folder=place / "model",
        port=port,
        state=place / "state",
        telemetry=place / "telemetry",
        mirror=place / "mirror.json",
    )
    (place / "server.json").write_text(config.model_dump_json())
    return str(place / "server.json")


def medians(seen: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
    figures = ("per_second", "p50_ms", "p99_ms")
    return {
        name: {figure: statistics.median(each[figure] for each in rounds) for figure in figures}
        for name, rounds in seen.items()
    }


def show(found: dict[str, Any]) -> None:
    table = Table(title=f"{found['machine']}; {found['versions']}")
    for heading in ("rows", "connections", "server", "req/s", "p50 ms", "p99 ms", "times"):
        table.add_column(heading, justify="left" if heading == "server" else "right")
    for load in found["load"]:
        for name in (ROUTED, OURS, THEIRS):
            seen = load[name]
            ratio = seen["per_second"] / load[THEIRS]["per_second"]
            table.add_row(
                *(str(load["rows"]), str(load["connections"]), name),
                *(f"{seen['per_second']:.1f}", f"{seen['p50_ms']:.1f}", f"{seen['p99_ms']:.1f}"),
                f"{ratio:.1f}",
            )
    console = Console()
    console.print(table)
    show_half(found["half"])
    for name in (OURS, THEIRS):
        start, size = found["start_seconds"][name], found["megabytes"][name]
        console.print(f"{name}: answers after {start:.1f} s, {size:.0f} MB")


def show_half(half: dict[str, Any]) -> None:
    steady = Table(title=f"one row a request, {half['pace']:.0f} requests a second")
    for heading in ("server", "p50 ms", "p99 ms"):
        steady.add_column(heading, justify="left" if heading == "server" else "right")
    for name in (ROUTED, OURS):
        steady.add_row(name, f"{half[name]['p50_ms']:.2f}", f"{half[name]['p99_ms']:.2f}")
    Console().print(steady)


@click.command()
@click.option("--seconds", default=4.0, help="Length of each measurement.")
@click.option("--rounds", default=3, help="Measurements of each kind.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--instant", is_flag=True, help="Half load alone, of a model that takes no time.")
def main(seconds: float, rounds: int, as_json: bool, instant: bool) -> None:
    """Compare the model server with MLflow's."""
    if instant:
        with tempfile.TemporaryDirectory() as place:
            show_half(measure_instant(Path(place), rounds, seconds))
        return
    with tempfile.TemporaryDirectory() as place:
        found = measure(Path(place), rounds, seconds)
    found["machine"] = (
        f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f}"
    )
    found["versions"] = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        show(found)


if __name__ == "__main__":
    main()
