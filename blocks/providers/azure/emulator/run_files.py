"""Files of runs: the run history keeps their paths, and signs links to where they lie."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.providers.azure.emulator.launch import STORAGE
from blocks.providers.azure.emulator.operations import ML, WORKSPACE, Asked, Route, Said
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.world import World

_CONTAINER, _ORIGIN = "azureml", "ExperimentRun"
_HOME = f"/history/v1.0{WORKSPACE}experiments/{{experiment}}/runs/{{run}}/artifacts"
_PAGE, _AT_ONCE = 30, 500


class RunFiles:
    """Tells links by which files are written and read, and which there are."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._paths: dict[str, list[str]] = {}  # by run

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        calls = (
            ("GET", "", "Artifacts.List", "read", self.list),
            ("GET", "/contentinfo", "Artifacts.GetContentInformation", "read", self.find),
            ("POST", "/batch/metadata", "Artifacts.BatchCreateEmpty", "write", self.create),
        )
        return [
            Route(
                service="history",
                method=method,
                path=f"{_HOME}{path}",
                operation=operation,
                action=f"{ML}/experiments/runs/{permission}",
                handler=handler,
            )
            for method, path, operation, permission, handler in calls
        ]

    def create(self, asked: Asked) -> Said:
        """Note files that are to come, and tell a link for each."""
        told = (asked.body or {}).get("paths")
        if not isinstance(told, list) or not 0 < len(told) <= _AT_ONCE:
            raise AzureError("UserError", f"paths: 1 to {_AT_ONCE} of them are expected.")
        names = [str(each.get("path") or "") for each in told]
        for name in names:
            if not name or name.startswith("/") or ".." in name.split("/"):
                raise AzureError("UserError", f"{name!r} is no path of an artifact.")
        known = self._paths.setdefault(asked["run"], [])
        known.extend(name for name in names if name not in known)
        self._world.blobs.create(_CONTAINER)
        return {
            "artifacts": {name: _described(asked["run"], name) for name in names},
            "artifactContentInformation": {name: self._link(asked["run"], name) for name in names},
            "errors": {},
        }

    def find(self, asked: Asked) -> Said:
        """Tell a link to read a file by."""
        name = asked.request.args.get("path", "")
        if name not in self._paths.get(asked["run"], ()):
            raise AzureError("UserError", f"The artifact {name} was not found.", 404)
        return self._link(asked["run"], name)

    def list(self, asked: Asked) -> Said:
        """Tell the files of a run, some at a time."""
        start = int(asked.request.args.get("continuationToken") or 0)
        found, end = self._paths.get(asked["run"], []), start + _PAGE
        told: Said = {"value": [_described(asked["run"], each) for each in found[start:end]]}
        if end < len(found):
            told["continuationToken"] = str(end)
            place = f"{self._world.url}{asked.request.path}"
            told["nextLink"] = f"{place}?continuationToken={end}"
        return told

    def _link(self, run: str, name: str) -> Said:
        place = f"{_CONTAINER}/{_ORIGIN}/dcid.{run}/{name}"
        signed = self._world.identity.signed(place)
        link = f"{self._world.url}/{STORAGE}/{place}?{signed}"
        return {**_described(run, name), "contentUri": link}


def _described(run: str, name: str) -> Said:
    return {"origin": _ORIGIN, "container": f"dcid.{run}", "path": name}
