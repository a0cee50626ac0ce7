"""Where the services of Cloud Run are asked, each at its own address below one path."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
from werkzeug.wrappers import Request, Response

from blocks.emulation.record import Call
from blocks.providers.gcp.emulator.callers import ANONYMOUS, caller, permit
from blocks.providers.gcp.emulator.refusals import GcpError
from blocks.providers.gcp.emulator.run_instances import Busy
from blocks.providers.gcp.emulator.run_service import RunRevision
from blocks.providers.gcp.emulator.world import World

PATH = "run"  # stands for run.app: an address of a service is a path here, and a host there
INVOKE = "run.routes.invoke"
_CALL = "run:Invoke"
_IDENTITY = "X-Serverless-Authorization"
_MOST = 32 * 1024 * 1024  # bytes of a request
_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "host"})


class RunFront:
    """Knows who may ask, and passes requests on to whoever ``choose`` names for a host."""

    def __init__(self, world: World, choose: Callable[[str], RunRevision | None]) -> None:
        self._world, self._choose = world, choose

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        _, _, host, *rest = request.path.split("/", 3)
        given = request.headers.get(_IDENTITY) or request.headers.get("Authorization", "")
        key, response = "", _page(403, "Your client does not have permission to get URL.")
        try:
            key = caller(self._world, given)
            if key != ANONYMOUS:
                permit(self._world, key, INVOKE)
                response = self._asked(host, f"/{rest[0] if rest else ''}", request)
        except GcpError:
            pass  # the caller is nobody, or has no such permission: the page says so
        call = Call(
            call=_CALL,
            action=INVOKE,
            key=key,
            at=time.time(),
            status=response.status_code,
            resource=request.path,
        )
        self._world.record.keep(call, unknown=False)
        return response

    def _asked(self, host: str, path: str, request: Request) -> Response:
        revision, content = self._choose(host), request.get_data()
        if revision is None:
            return _page(404, "The requested URL was not found on this server.")
        if len(content) > _MOST:
            return _page(413, "Your client issued a request that was too large.")
        begun = time.perf_counter()
        response = self._served(revision, path, request, content)
        self._measure(revision, response.status_code, seconds=time.perf_counter() - begun)
        return response

    def _measure(self, revision: RunRevision, status: int, *, seconds: float) -> None:
        """Count a request, as Cloud Monitoring tells of it."""
        name = revision.told.name.rpartition("/")[2]
        service = revision.told.service.rpartition("/")[2]
        of = ("cloud_run_revision", {"service_name": service, "revision_name": name})
        labels = {"response_code": str(status), "response_code_class": f"{status // 100}xx"}
        measured = self._world.measured
        measured.keep("run.googleapis.com/request_count", 1, labels, of=of)
        measured.keep("run.googleapis.com/request_latencies", seconds * 1e3, labels, of=of)

    def _served(
        self, revision: RunRevision, path: str, request: Request, content: bytes
    ) -> Response:
        drop = _HOP | {_IDENTITY.lower()}
        headers = {name: value for name, value in request.headers if name.lower() not in drop}
        try:
            reply = revision.instances.ask(request.method, path, content, headers)
        except Busy:
            return _page(429, "Rate exceeded.")
        except httpx.TimeoutException:
            return _page(504, "upstream request timeout")
        except httpx.HTTPError:
            return _page(503, "Service Unavailable")
        told = [(name, value) for name, value in reply.headers.items() if name not in _HOP]
        return Response(reply.content, status=reply.status_code, headers=told)


def _page(status: int, words: str) -> Response:
    return Response(f"<html><body>{words}</body></html>", status=status, content_type="text/html")
