"""The receiver of this machine is started with what it was told to believe, and only that."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from blocks.providers.local import processes
from blocks.providers.local.services import LocalServices, Service
from blocks.workspace import folder_of, owner_of

TOPIC = ("--topic", "arn:aws:sns:eu-west-1:123456789012:lake")
PUSH = ("--push", "push@p.iam.gserviceaccount.com", "https://hooks.example/gcs")


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def services(tmp_path: Path) -> Iterator[LocalServices]:
    """Yield the services of a workspace in which something answers as Prefect's server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        prefect = Service(name="prefect", url=url, identity=processes.identify())
        (folder_of(tmp_path, "services") / "prefect.json").write_text(prefect.model_dump_json())
        yield LocalServices(tmp_path)
        for each in processes.owned(owner_of(tmp_path)):
            processes.stop(each.identity, grace=0)
        server.shutdown()
        thread.join()


def words(services: LocalServices) -> list[str]:
    """Return what the receiver that runs was told, after the file of its secret."""
    said = psutil.Process(services.start("receiver")["receiver"].identity.pid).cmdline()
    return said[said.index("--secret-file") + 2 :]


def test_the_receiver_believes_what_was_said_last_at_every_start(services: LocalServices) -> None:
    assert words(services) == []
    services.set_receiver_options(TOPIC)
    assert "receiver" not in services.running()
    assert words(services) == [*TOPIC]
    processes.stop(services.running()["receiver"].identity, grace=0)
    assert words(services) == [*TOPIC]
    services.set_receiver_options(PUSH)
    assert words(services) == [*PUSH]
    services.set_receiver_options(())
    assert words(services) == []


def test_a_receiver_that_believes_just_that_runs_on(services: LocalServices) -> None:
    services.set_receiver_options((*TOPIC, *PUSH))
    before = services.start("receiver")["receiver"]
    services.set_receiver_options((*TOPIC, *PUSH))
    assert services.running()["receiver"] == before


def test_a_service_listens_where_the_system_lets_nobody_else(services: LocalServices) -> None:
    """Else another program may have the port before the service, and be shown its secret."""
    first_given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    before = services.start("receiver")["receiver"]
    assert urlsplit(before.url).port in range(10_000, first_given)
    processes.stop(before.identity, grace=0)
    assert services.start("receiver")["receiver"].url == before.url
    processes.stop(services.running()["receiver"].identity, grace=0)
    with socket.create_server(("127.0.0.1", urlsplit(before.url).port or 0)):
        assert services.start("receiver")["receiver"].url != before.url
