"""Real models in MLflow's format, and real server processes that serve them."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import add_to_model
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from blocks.contracts import Capture, ModelVersion, Serving, VariantTick
from blocks.emulation.warm import WarmInterpreter
from blocks.serving.config import ENDPOINT_TOKEN, INTERNAL_TOKEN, ServerConfig
from blocks.testing.waiting import NEVER, until
from blocks.workload import digest

ROOT = Path(__file__).parents[3]
INTERNAL = "the-internal-word"
MODULE = "blocks.serving.__main__"
WARM = WarmInterpreter([MODULE])

# x at or above 1000 fails; the note says which file to wait for, and which to leave behind
PROBE = """\
import pathlib
import time

(pathlib.Path(__file__).parents[2] / f"{pathlib.Path(__file__).parents[1].name}.loaded").touch()

class Probe:
    def predict(self, frame, params=None):
        for note in frame["note"].dropna() if "note" in frame else ():
            if note.startswith("wait:"):
                pathlib.Path(note[5:] + ".begun").touch()
                while not pathlib.Path(note[5:]).exists():
                    time.sleep(0.005)
        if (frame["x"] >= 1000).any():
            raise ValueError("x = %s is secret" % frame["x"].max())
        return (frame["x"] * (params or {}).get("factor", 1.0)).to_numpy()

def _load_pyfunc(path):
    return Probe()
"""

PROBE_SIGNATURE = ModelSignature(
    inputs=Schema(
        [
            ColSpec(DataType.double, "x"),
            ColSpec(DataType.long, "n"),
            ColSpec(DataType.string, "city"),
            ColSpec(DataType.boolean, "open"),
            ColSpec(DataType.double, "maybe", required=False),
            ColSpec(DataType.datetime, "day", required=False),
            ColSpec(DataType.string, "note", required=False),
        ]
    ),
    outputs=Schema([ColSpec(DataType.double, "share")]),
    params=ParamSchema([ParamSpec("factor", DataType.double, 1.0)]),
)

ROW: dict[str, Any] = {"x": 0.25, "n": 3, "city": "Oslo", "open": True}


def probe(folder: Path) -> Path:
    """Write a model whose predictions are its input ``x``."""
    return coded(folder, PROBE, PROBE_SIGNATURE)


def coded(folder: Path, code: str, signature: ModelSignature) -> Path:
    """Write a model that is this code."""
    module = f"probe_{folder.name.replace('-', '_')}_{abs(hash(str(folder)))}"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / f"{module}.py").write_text(code)
    model = Model(signature=signature)
    add_to_model(model, loader_module=module, code="code")  # type: ignore[no-untyped-call]
    (folder / "MLmodel").write_text(yaml.safe_dump(model.to_dict(), sort_keys=False))
    return folder


def config_of(place: Path, folder: Path, **changes: Any) -> ServerConfig:
    """Return what a replica of this model, with its files below ``place``, is told."""
    version = ModelVersion(name="probe", version="7", uri=folder.as_uri(), digest=digest(folder))
    given: dict[str, Any] = {
        "endpoint": "probes",
        "variant": "blue",
        "replica": "s1",
        "model": version,
        "model_folder": folder,
        "state": place / "state",
        "telemetry": place / "telemetry",
        "mirror": place / "mirror.json",
        "serving": Serving(),
        "capture": Capture(),
        "capture_every": 0.2,
    }
    return ServerConfig(**(given | changes))


class Server:
    """One server process, forked from an interpreter that has MLflow already: importing it costs
    seconds, and is the same for all.
    """

    def __init__(self, place: Path, config: ServerConfig, env: Mapping[str, str]) -> None:
        self.config, self.place = config, place
        self._client = httpx.Client(timeout=NEVER)
        place.mkdir(parents=True, exist_ok=True)
        (place / "server.json").write_text(config.model_dump_json())
        inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        command = ["python", "-m", MODULE, "--config", str(place / "server.json")]
        self.process = WARM.run(
            [*command, "--grace", "0.2"], ROOT, {**inherited, INTERNAL_TOKEN: INTERNAL, **env}
        )
        (place / "log").touch()
        self._heard = threading.Thread(target=self._hear, daemon=True)
        self._heard.start()

    def _hear(self) -> None:
        with (self.place / "log").open("wb", buffering=0) as log, self.process.stdout as said:
            for line in said:
                log.write(line)

    @property
    def log(self) -> str:
        return (self.place / "log").read_text()

    @property
    def port(self) -> int:
        return int((self.config.state / "port").read_text())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def listens(self) -> bool:
        assert self.process.poll() is None, self.log
        return (self.config.state / "port").exists()

    def post(self, body: Any, path: str = "/invocations", **headers: str) -> httpx.Response:
        """Send JSON; underscores in the names of headers stand for dashes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"content-type": "application/json", **named}
        return self._client.post(self.url + path, content=content, headers=given)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._client.get(self.url + path, headers=headers)

    def ask(self, *rows: dict[str, Any], **headers: str) -> httpx.Response:
        return self.post({"dataframe_records": list(rows)}, **headers)

    def raw(self, *parts: bytes, reads: int = 1) -> bytes:
        """Send bytes as they are and return what comes, until so many answers or the end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=NEVER) as connection:
            for part in parts:
                connection.sendall(part)
            found = b""
            while found.count(b"\r\n\r\n") < reads or not _whole(found):
                if not (data := connection.recv(65536)):
                    break
                found += data
        return found

    def ticks(self) -> list[VariantTick]:
        files = sorted((self.config.telemetry / "ticks").glob("*.jsonl"))
        lines = [line for file in files for line in file.read_bytes().splitlines(keepends=True)]
        return [VariantTick.from_json(line) for line in lines if line.endswith(b"\n")]

    def captures(self) -> list[dict[str, Any]]:
        files = sorted((self.config.telemetry / "captures").glob("*.parquet"))
        tables = [pq.read_table(file) for file in files]
        return pa.concat_tables(tables).to_pylist() if tables else []

    def kept(self, request_id: str) -> list[dict[str, Any]]:
        """Return the rows captured of a request, once they are there."""
        return until(lambda: [row for row in self.captures() if row["request_id"] == request_id])

    def kill(self) -> None:
        self._client.close()
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.signal(signal.SIGKILL)
        self.process.wait()
        self._heard.join()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.process.wait()


def _whole(answers: bytes) -> bool:
    """Whether the last answer has the length it says."""
    head, _, body = answers[answers.rfind(b"HTTP/1.1") :].partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return True


@contextmanager
def serving(
    place: Path, model: Path, env: Mapping[str, str] = {}, **changes: Any
) -> Iterator[Server]:
    """Run a server until the end of the block; it listens when the block begins."""
    with starting(place, model, env, **changes) as server:
        until(server.listens)
        yield server


@contextmanager
def starting(
    place: Path, model: Path, env: Mapping[str, str] = {}, **changes: Any
) -> Iterator[Server]:
    """Start a server, and end it with the block."""
    server = Server(place, config_of(place, model, **changes), env)
    try:
        yield server
    finally:
        server.kill()


def guarded(token: str) -> dict[str, str]:
    """Return the environment of a server that wants a bearer token."""
    return {ENDPOINT_TOKEN: token}
