"""The levers of an emulated cloud, over HTTP below ``/_emulator/``, for who knows its word."""

from __future__ import annotations

import hmac
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from werkzeug.wrappers import Request, Response

from blocks.emulation.control_word import WORD, word_of
from blocks.emulation.faults import Fault, UnknownFault
from blocks.emulation.world import EmulatedWorld

Said = dict[str, Any]
Lever = Callable[[Said], Any]


class Control:
    """Moves one world. Modules of operations add levers of their own to ``world.levers``."""

    def __init__(self, world: EmulatedWorld) -> None:
        self._world = world
        self._word = word_of(world.folder)
        self._levers: Mapping[str, Lever] = {
            "fault": self._fault,
            "faults": lambda _: [each.model_dump() for each in world.faults.coming()],
            "calm": lambda _: world.faults.clear(),
            "advance": lambda said: world.clock.advance(float(said["seconds"])),
            "speed": lambda said: world.clock.run_at(float(said["speed"])),
            "now": lambda _: world.clock.now(),
            "calls": self._calls,
            "counts": self._counts,
            "unknown": lambda _: [each.model_dump() for each in world.record.unknown],
            "running": self._running,
            "uptimes": lambda _: [asdict(each) for each in world.containers.uptimes()],
            "policy": self._policy,
            "actions": self._actions,
        }

    def answer(self, request: Request) -> Response:
        """Pull the lever that the path names."""
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._word}".encode()):
            return _told({"error": f"levers want the word in {WORD} of the emulator"}, 401)
        name = request.path.removeprefix("/_emulator/")
        lever = self._levers.get(name) or self._world.levers.get(name)
        if lever is None:
            return _told({"error": f"no lever {name!r}"}, 404)
        try:
            said = json.loads(request.get_data() or b"{}")
            return _told(lever(said))
        except (UnknownFault, KeyError, ValueError, TypeError) as error:
            return _told({"error": f"{type(error).__name__}: {error}"}, 400)

    def _fault(self, said: Said) -> None:
        self._world.faults.add(Fault.model_validate(said))

    def _calls(self, said: Said) -> list[Said]:
        name = said.get("call")
        calls = list(self._world.record.calls)
        return [each.model_dump() for each in calls if name in (None, each.call)]

    def _counts(self, _: Said) -> Mapping[str, int]:
        return Counter(each.call for each in list(self._world.record.calls))

    def _policy(self, said: Said) -> None:
        """Let callers with a key take these actions only."""
        self._world.policies[said["key"]] = tuple(said["actions"])

    def _actions(self, said: Said) -> list[str]:
        """Tell what callers with a key took."""
        calls = list(self._world.record.calls)
        return sorted({each.action for each in calls if each.key == said["key"]})

    def _running(self, _: Said) -> list[Said]:
        alive = self._world.containers.alive()
        return [{"name": each.name, "pid": each.pid, "folder": str(each.folder)} for each in alive]


def _told(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status=status, content_type="application/json")
