"""The other end of forwarding rules: where private endpoints answer, over HTTPS."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from google.cloud.aiplatform_v1.types import Endpoint, PSCAutomationState
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from blocks.emulation.record import Call
from blocks.providers.gcp.emulator.refusals import GcpError, not_found
from blocks.providers.gcp.emulator.tls import certificate
from blocks.providers.gcp.emulator.world import World

Ask = Callable[[str, str, bytes, str], Response]  # endpoint, verb, content and its type

_PATH = re.compile(r"/v1/(projects/[^/]+/locations/[^/]+/endpoints/[^/]+):(predict|rawPredict)")
_CALLS = {"predict": "aiplatform:Predict", "rawPredict": "aiplatform:RawPredict"}


class PrivateFront:
    """Listens once a rule is asked for. Callers need no token: it is not asked for there."""

    def __init__(self, world: World, ask: Ask) -> None:
        self._world, self._ask = world, ask
        world.forwarding_rule = lambda: self._address
        world.levers["forwarding-rule"] = lambda _: self._address

    @cached_property
    def _address(self) -> str:
        trusted, file = certificate(), self._world.folder / "private.pem"
        file.write_bytes(trusted.pem + trusted.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        server = make_server("127.0.0.1", 0, self._answered, threaded=True, ssl_context=context)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"127.0.0.1:{server.port}"

    def _answered(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start)

    def _answer(self, request: Request) -> Response:
        found = _PATH.fullmatch(request.path)
        name = self._world.canonical(found[1]) if found else request.path
        try:
            if found is None or request.method != "POST":
                raise not_found(name)
            kind = request.content_type or "application/json"
            response = self._ask(name, found[2], request.get_data(), kind)
        except GcpError as error:
            response = Response(
                error.json(), status=error.http_status, content_type="application/json"
            )
        call = Call(
            call=_CALLS.get(found[2], "") if found else "aiplatform:?",
            action="",
            key="",
            at=time.time(),
            status=response.status_code,
            resource=name,
        )
        self._world.record.keep(call, unknown=found is None)
        return response


def is_private(endpoint: Endpoint) -> bool:
    """Whether an endpoint is reached through Private Service Connect alone."""
    return bool(endpoint.private_service_connect_config.enable_private_service_connect)


def attach(endpoint: Endpoint, world: World) -> None:
    """Tell to what rules lead; and of those that the service made itself, where they are."""
    config, short = endpoint.private_service_connect_config, endpoint.name.rpartition("/")[2]
    config.service_attachment = (
        f"projects/tenant-project/regions/{world.location}/serviceAttachments/{short}"
    )
    for rule in config.psc_automation_configs:
        rule.ip_address = world.forwarding_rule()  # with a port, for want of addresses here
        rule.forwarding_rule = f"{short}-rule"
        rule.state = PSCAutomationState.PSC_AUTOMATION_STATE_SUCCESSFUL
