"""What endpoints log of requests and responses, and the tables of BigQuery in which it is read.

https://cloud.google.com/vertex-ai/docs/predictions/online-prediction-logging has the columns.
"""

from __future__ import annotations

import json
import random
import re
import time
import uuid
from typing import Any

import grpc
from google.cloud.aiplatform_v1.types import Endpoint
from werkzeug.wrappers import Request, Response

from blocks.emulation.record import Call
from blocks.providers.gcp.emulator.callers import caller, permit
from blocks.providers.gcp.emulator.refusals import GcpError, not_found
from blocks.providers.gcp.emulator.world import World

_PATH = "bigquery"  # the first part of what BigQuery is asked
_TABLE = re.compile(r"/bigquery/v2/projects/([^/]+)/datasets/([^/]+)/tables/([^/]+?)(/data)?")
_USUAL = "request_response_logging"
_COLUMNS = (
    ("endpoint", "STRING", "NULLABLE"),
    ("deployed_model_id", "STRING", "NULLABLE"),
    ("logging_time", "TIMESTAMP", "NULLABLE"),
    ("request_id", "NUMERIC", "NULLABLE"),
    ("request_payload", "STRING", "REPEATED"),
    ("response_payload", "STRING", "REPEATED"),
)


class RequestLog:
    """The tables, by name. An endpoint without a configuration for it logs nothing."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tables: dict[str, list[dict[str, Any]]] = {}
        world.fronts[_PATH] = self._answer

    def keep(self, endpoint: Endpoint, deployed: str, request: bytes, response: bytes) -> None:
        """Log one prediction, if it is one of those that are sampled."""
        config = endpoint.predict_request_response_logging_config
        if not config.enabled or random.random() >= config.sampling_rate:  # noqa: S311 - no secret
            return
        row = (
            endpoint.name.rpartition("/")[2],
            deployed,
            str(int(self._world.clock.now() * 1e6)),
            str(uuid.uuid4().int % 10**18),
            [{"v": request.decode(errors="replace")}],
            [{"v": response.decode(errors="replace")}],
        )
        with self._world.lock:
            kept = self._tables.setdefault(_table_of(endpoint), [])
            kept.append({"f": [{"v": value} for value in row]})

    def _answer(self, request: Request) -> Response:
        """Answer what is asked of a table: its columns, or its rows."""
        found = _TABLE.fullmatch(request.path)
        rows = found is not None and found[4] is not None
        action = "bigquery.tables.getData" if rows else "bigquery.tables.get"
        key, status = "", 200
        try:
            key = caller(self._world, request.headers.get("Authorization", ""))
            permit(self._world, key, action)
            if found is None or request.method != "GET":
                raise GcpError(grpc.StatusCode.UNIMPLEMENTED, f"{request.path} is not emulated")
            response = self._table(found)
        except GcpError as error:
            status = error.http_status
            response = Response(error.json(), status=status, content_type="application/json")
        call = Call(
            call=f"bigquery:{'tabledata.list' if rows else 'tables.get'}",
            action=action,
            key=key,
            at=time.time(),
            status=status,
            resource=request.path,
        )
        self._world.record.keep(call, unknown=found is None)
        return response

    def _table(self, found: re.Match[str]) -> Response:
        project, dataset, table, rows = found.groups()
        with self._world.lock:
            kept = self._tables.get(f"{project}.{dataset}.{table}")
            if kept is None:
                raise not_found(f"Table {project}:{dataset}.{table}")
            if rows is not None:
                return _json({"rows": list(kept), "totalRows": str(len(kept))})
        fields = [{"name": name, "type": kind, "mode": mode} for name, kind, mode in _COLUMNS]
        reference = {"projectId": project, "datasetId": dataset, "tableId": table}
        return _json({"tableReference": reference, "schema": {"fields": fields}})


def _table_of(endpoint: Endpoint) -> str:
    """Return the table that an endpoint logs to, whose name may be left to Vertex AI."""
    uri = endpoint.predict_request_response_logging_config.bigquery_destination.output_uri
    project, _, rest = uri.removeprefix("bq://").partition(".")
    named = f"logging_{endpoint.display_name}_{endpoint.name.rpartition('/')[2]}"
    dataset, _, table = (rest or re.sub(r"\W", "_", named)).partition(".")
    return f"{project}.{dataset}.{table or _USUAL}"


def _json(told: dict[str, Any]) -> Response:
    return Response(json.dumps(told), content_type="application/json")
