"""The scans of CI find what they are for: a planted key, and a package with a known hole."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
KEY = "AKIA" + "Q7W2ZK5NBX3MRT6Y"  # in two parts, as below: the scan of this file finds none


def scan(file: Path) -> int:
    """Return how CI's secret scan ends over one file."""
    subprocess.run(["git", "init", "-q"], cwd=file.parent, check=True)  # it asks git
    hook = Path(sys.executable).with_name("detect-secrets-hook")
    words = [str(hook), "--baseline", str(ROOT / ".secrets.baseline"), str(file)]
    return subprocess.run(words, cwd=file.parent, check=False, capture_output=True).returncode


@pytest.mark.parametrize(
    ("content", "ends"),
    [
        (f'key = "{KEY}"\n', 1),
        ("-----BEGIN RSA PRIVATE " + "KEY-----\nMIIE\n", 1),
        ('url = "https://ann:hunter2secret' + '@example.org/"\n', 1),
        ('name = "flights-token"\n', 0),
    ],
    ids=["a key of AWS", "a private key", "a password in a URL", "a name"],
)
def test_the_secret_scan_stops_what_should_not_be_committed(
    tmp_path: Path, content: str, ends: int
) -> None:
    file = tmp_path / "settings.py"
    file.write_text(content)
    assert scan(file) == ends


class Advisories(BaseHTTPRequestHandler):
    """Answers as OSV does: one package has a hole."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        hole = {"id": "PYSEC-2026-1", "summary": "a hole", "affected": [], "aliases": []}
        bad = asked["package"]["name"] == "holey"
        body = json.dumps({"vulns": [hole]} if bad else {}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def advisories() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    thread.join()
    server.server_close()


def audit(requirements: Path, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    words = ["--osv-url", url, "--requirement", str(requirements), *more]
    return subprocess.run(
        [sys.executable, "-m", "deployments.dependencies", *words],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_audit_stops_at_a_package_with_a_known_hole(tmp_path: Path, advisories: str) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("sound==1.0\n")
    done = audit(file, advisories)
    assert (done.returncode, "1 packages looked up" in done.stdout) == (0, True), done.stderr
    file.write_text("sound==1.0\nholey==2.0\n")
    done = audit(file, advisories)
    assert done.returncode == 1
    assert "holey 2.0: PYSEC-2026-1" in done.stderr


def test_an_audit_that_reached_nobody_says_so(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("sound==1.0\n")
    nobody = "http://127.0.0.1:9/v1/query"
    done = audit(file, nobody)
    assert (done.returncode, "NOT AUDITED" in done.stderr) == (0, True)
    assert audit(file, nobody, "--strict").returncode == 1
