"""Whose calls are whose: a key of a service account, a machine, and a project that pays."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud.aiplatform_v1 import ModelServiceClient
from pydantic import SecretStr

from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator import launch
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.files import AccountFiles
from blocks.providers.gcp.store import GcpStore
from tests.unit.gcp.test_impersonation import again

KEY = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"


def test_a_service_account_signs_for_itself_and_is_known_by_its_name(
    emulator: Project, account: GcpAccount
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    info = {
        "type": "service_account",
        "client_email": "flows@p.iam.gserviceaccount.com",
        "private_key": pem.decode(),
        "private_key_id": "1",
        "project_id": emulator.project,
        "token_uri": f"{emulator.url}/token",
    }
    secret = SecretStr(json.dumps(info))
    signed = again(account, access_token=None, service_account_info=secret)
    assert list(signed.client(ModelServiceClient).list_models(parent=signed.parent)) == []
    store = GcpStore(account=signed)
    store.write(f"{signed.root}/object", b"content")
    with store.open(f"{signed.root}/object") as file:
        assert file.read() == b"content"
    mine = {"flows@p.iam.gserviceaccount.com", "ya29.of-a-service-account"}
    for call in ("aiplatform:ListModels", "storage:objects.insert", "storage:objects.get"):
        assert {each["key"] for each in emulator.calls(call)} <= mine
    assert "PRIVATE KEY" not in repr(signed)


LISTS = """
from google.cloud.aiplatform_v1 import JobServiceClient
from blocks.providers.gcp.account import GcpAccount
account = GcpAccount()
print(list(account.client(JobServiceClient).list_custom_jobs(parent=account.parent)))
"""


def test_a_machine_of_the_project_is_known_without_a_key(emulator: Project) -> None:
    """As containers are: by the metadata server of the machine that they start on."""
    host = emulator.url.removeprefix("http://")
    env = {
        "GCE_METADATA_HOST": host,
        "GCE_METADATA_IP": host,
        "CLOUDSDK_CONFIG": "/nonexistent",
        "GOOGLE_CLOUD_PROJECT": emulator.project,
        "BLUEWATER_GCP_LOCATION": emulator.location,
        "BLUEWATER_GCP_ENDPOINT": emulator.endpoint,
        "BLUEWATER_GCP_CA": str(emulator.ca_file),
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "PATH": "/usr/bin:/bin",
    }
    asked = [sys.executable, "-c", LISTS]
    done = subprocess.run(asked, env=env, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
    keys = {each["key"] for each in emulator.calls("aiplatform:ListCustomJobs")}
    assert keys == {launch.CONTAINERS}


class Listener(ThreadingHTTPServer):
    """Takes every object, and keeps by whom and how it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Heard)
        self.payers: list[str] = []
        self.keys: list[str] = []


class _Heard(BaseHTTPRequestHandler):
    server: Listener
    TOLD: ClassVar[bytes] = json.dumps(
        {"name": "x", "size": "1", "generation": "1", "updated": "2026-01-01T00:00:00Z"}
    ).encode()

    def do_POST(self) -> None:
        """Take an object."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = parse_qs(urlsplit(self.path).query)
        if "uploadType" in asked:  # else it is a part of what was begun
            self.server.keys += asked.get("kmsKeyName", ["none"])
        self.do_GET()

    def do_GET(self) -> None:
        """Show an object."""
        self.server.payers.append(self.headers.get("x-goog-user-project", "nobody"))
        media = "alt=media" in self.path
        self.send_response(206 if media else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Location", f"http://{self.headers['Host']}/begun")
        self.end_headers()
        self.wfile.write(b"x" if media else self.TOLD)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("payer", ["", "my-project"])
def test_the_project_that_pays_is_named_in_every_call(listener: Listener, payer: str) -> None:
    store = GcpStore(account=heard_by(listener, quota_project=payer))
    store.write("gs://theirs/x", b"x")
    with store.open("gs://theirs/x") as file:
        assert file.read() == b"x"
    assert len(listener.payers) == 3
    assert set(listener.payers) == {payer or "nobody"}


@pytest.mark.parametrize("key", ["", KEY])
def test_what_is_written_as_a_file_has_the_key_of_the_account(listener: Listener, key: str) -> None:
    files = AccountFiles(heard_by(listener, kms_key=key))
    files.pipe_file("gs://mine/x", b"x")
    with files.open("gs://mine/y", "wb") as file:
        file.write(b"y")
    assert listener.keys == [key or "none"] * 2


def heard_by(listener: Listener, **more: str) -> GcpAccount:
    host, port = listener.server_address[:2]
    return GcpAccount(
        project="p",
        access_token=SecretStr("ya29.somebody"),
        storage_endpoint=f"http://{host!s}:{port}",
        **more,
    )
