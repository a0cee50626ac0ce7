"""Tokens of service accounts that others may act as: IAM Credentials' generateAccessToken."""

from __future__ import annotations

import itertools
import json
import re
import time
from datetime import UTC, datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from blocks.emulation.record import Call
from blocks.providers.gcp.emulator.callers import caller, permit
from blocks.providers.gcp.emulator.refusals import GcpError, invalid
from blocks.providers.gcp.emulator.world import Minted, World

PATH = re.compile(r"/v1/projects/-/serviceAccounts/([^/:]+):generateAccessToken")

_CALL, _ACTION = "iamcredentials:GenerateAccessToken", "iam.serviceAccounts.getAccessToken"
_FIELDS = frozenset({"delegates", "scope", "lifetime"})
_ACCOUNT = re.compile(r"[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com")
_LIFETIME = re.compile(r"(\d+)s")
_USUAL, _MOST = 3600, 43200  # seconds
_JSON = "application/json"


class IamCredentials:
    """Makes tokens that are good until their time is over, by the cloud's clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = itertools.count(1)

    def answer(self, account: str, request: Request) -> Response:
        """Answer one request to act as an account."""
        key, status = "", 200
        try:
            key = caller(self._world, request.headers.get("Authorization", ""))
            permit(self._world, key, _ACTION)
            self._world.faults.before(_CALL)
            told = self._minted(account, json.loads(request.get_data() or b"{}"))
            response = Response(json.dumps(told), content_type=_JSON)
        except GcpError as error:
            status = error.http_status
            response = Response(error.json(), status=status, content_type=_JSON)
        finally:
            self._keep(key, status, account)
        return response

    def _minted(self, account: str, asked: dict[str, Any]) -> dict[str, str]:
        if unknown := sorted(set(asked) - _FIELDS):
            raise invalid(f'Invalid JSON payload received. Unknown name "{unknown[0]}".')
        lifetime = _LIFETIME.fullmatch(str(asked.get("lifetime") or f"{_USUAL}s"))
        if not _ACCOUNT.fullmatch(account):
            raise invalid(f"Invalid form of account ID {account}.")
        if not asked.get("scope"):
            raise invalid("Scope required.")
        if lifetime is None or not 0 < int(lifetime[1]) <= _MOST:
            raise invalid(f"The access token lifetime cannot exceed {_MOST} seconds.")
        until = int(self._world.clock.now()) + int(lifetime[1])
        token = f"ya29.{account}.{next(self._numbers)}"
        with self._world.lock:
            self._world.minted[token] = Minted(account=account, until=until)
        return {
            "accessToken": token,
            "expireTime": f"{datetime.fromtimestamp(until, UTC):%Y-%m-%dT%H:%M:%SZ}",
        }

    def _keep(self, key: str, status: int, account: str) -> None:
        call = Call(
            call=_CALL, action=_ACTION, key=key, at=time.time(), status=status, resource=account
        )
        self._world.record.keep(call, unknown=False)
