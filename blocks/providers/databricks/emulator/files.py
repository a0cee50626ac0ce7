"""The Files API over volumes and models of Unity Catalog, which are folders of this machine.

What runs in the workspace has the same folders mounted. A file is whole or not there: it is written
elsewhere, and then put into its place.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

from werkzeug.http import parse_range_header
from werkzeug.wrappers import Response

from blocks.providers.databricks.emulator.operations import Asked, Route, Said
from blocks.providers.databricks.emulator.refusals import Refused, invalid
from blocks.providers.databricks.emulator.world import World

_VOLUMES, _MODELS = "Volumes", "Models"
_DEPTH = {_VOLUMES: 4, _MODELS: 5}  # names of a path that are Unity Catalog's: what is in a volume
_PAGE = 1000  # entries of a folder that are told at a time
_READ, _WRITE = "READ VOLUME", "WRITE VOLUME"
_NO_CONTENT = 204
_BYTES = "application/octet-stream"


class Files:
    """Files and folders by their path."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        api = "files:FilesAPI"
        return (
            Route(sdk=f"{api}.upload", action=_WRITE, handler=self.upload),
            Route(sdk=f"{api}.download", action=_READ, handler=self.download),
            Route(sdk=f"{api}.get_metadata", action=_READ, handler=self.head),
            Route(sdk=f"{api}.delete", action=_WRITE, handler=self.delete),
            Route(sdk=f"{api}.create_directory", action=_WRITE, handler=self.create_directory),
            Route(sdk=f"{api}.delete_directory", action=_WRITE, handler=self.delete_directory),
            Route(sdk=f"{api}.get_directory_metadata", action=_READ, handler=self.head_directory),
            Route(sdk=f"{api}.list_directory_contents", action=_READ, handler=self.list),
            *(
                Route(
                    verb="POST",
                    path=f"/api/2.0/fs/{name}",
                    call=f"files:{name}",
                    handler=_past_the_workspace,
                )
                for name in ("create-download-url", "create-upload-part-urls")
            ),
        )

    def upload(self, asked: Asked) -> Response:
        """Write a file, with the folders that it takes: MLflow's client makes none."""
        path = asked["file_path"]
        file = self._place(path)
        if path.startswith(f"/{_MODELS}/"):
            self._require_version(path)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise invalid(f"{path}: a file is where a directory should be.") from None
        if file.is_dir():
            raise invalid(f"{path} is a directory.")
        draft = self._world.drafts / uuid.uuid4().hex
        draft.write_bytes(asked.request.get_data())
        if asked.query.get("overwrite", "true") == "true":
            draft.replace(file)
            return Response(status=_NO_CONTENT)
        try:
            os.link(draft, file)
        except FileExistsError:
            raise Refused("ALREADY_EXISTS", f"The file {path} already exists.", 409) from None
        finally:
            draft.unlink()
        return Response(status=_NO_CONTENT)

    def download(self, asked: Asked) -> Response:
        """Tell a file, or a range of it."""
        with self._there(asked) as file, file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            self._require_unmodified(asked, status)
            ranges = parse_range_header(asked.request.headers.get("Range"))
            if ranges is None:
                return Response(opened.read(), headers=_headers(status), mimetype=_BYTES)
            bounds = ranges.range_for_length(status.st_size)
            if bounds is None:
                raise Refused("OUT_OF_RANGE", "The range is not satisfiable.", 416)
            opened.seek(bounds[0])
            told = Response(opened.read(bounds[1] - bounds[0]), status=206, mimetype=_BYTES)
            told.headers.extend(_headers(status))
            told.headers["Content-Range"] = f"bytes {bounds[0]}-{bounds[1] - 1}/{status.st_size}"
            return told

    def head(self, asked: Asked) -> Response:
        """Tell of a file how large and how old it is."""
        with self._there(asked) as file:
            status = file.stat()
        told = Response(headers=_headers(status), mimetype=_BYTES)
        told.headers["Content-Length"] = str(status.st_size)
        told.automatically_set_content_length = False
        return told

    def delete(self, asked: Asked) -> Response:
        """Remove a file."""
        with self._there(asked) as file:
            file.unlink()
        return Response(status=_NO_CONTENT)

    def create_directory(self, asked: Asked) -> Response:
        """Make a folder, with those above it."""
        folder = self._place(asked["directory_path"])
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise Refused("ALREADY_EXISTS", "A file is there.", 409) from None
        return Response(status=_NO_CONTENT)

    def delete_directory(self, asked: Asked) -> Response:
        """Remove an empty folder."""
        folder = self._folder(asked)
        try:
            folder.rmdir()
        except OSError:
            raise Refused("DIRECTORY_NOT_EMPTY", "The directory is not empty.", 400) from None
        return Response(status=_NO_CONTENT)

    def head_directory(self, asked: Asked) -> Response:
        """Tell that a folder is there."""
        self._folder(asked)
        return Response(status=200)

    def list(self, asked: Asked) -> Said:
        """Tell what is in a folder, some at a time."""
        folder, path = self._folder(asked), asked["directory_path"].rstrip("/")
        size = min(_PAGE, int(asked.query.get("page_size") or _PAGE))
        start = int(asked.query.get("page_token") or 0)
        names = sorted(each.name for each in os.scandir(folder))
        told: Said = {"contents": []}
        for name in names[start : start + size]:
            with contextlib.suppress(FileNotFoundError):  # what runs there may have removed it
                told["contents"].append(_entry(folder / name, f"{path}/{name}"))
        if len(names) > start + size:
            told["next_page_token"] = str(start + size)
        return told

    @contextlib.contextmanager
    def _there(self, asked: Asked) -> Iterator[Path]:
        """Yield a file. Raises Refused where there is none, or none any more."""
        file = self._place(asked["file_path"])
        stale = self._world.faults.take("stale-read", "files:download", asked["file_path"])
        try:
            if stale or not file.is_file():
                raise FileNotFoundError
            yield file
        except FileNotFoundError:
            raise _not_found(f"The file {asked['file_path']} does not exist.") from None

    def _folder(self, asked: Asked) -> Path:
        folder = self._place(asked["directory_path"].rstrip("/"))
        if not folder.is_dir():
            raise _not_found(f"The directory {asked['directory_path']} does not exist.")
        return folder

    def _place(self, path: str) -> Path:
        """Return a place in a volume, or in a version of a model. Raises Refused elsewhere."""
        names = path.split("/")[1:]
        depth = _DEPTH.get(names[0], 0)
        if not depth or len(names) < depth or ".." in names or "" in names[:-1]:
            raise invalid(f"Invalid path: {path}")
        if names[0] == _VOLUMES and not self._world.place("/".join(names[:4])).is_dir():
            raise _not_found(f"Volume '{'.'.join(names[1:4])}' does not exist.")
        return self._world.place("/".join(names))

    def _require_version(self, path: str) -> None:
        """Raise Refused for a file of a version of a model that is not there."""
        version = "/".join(path.split("/")[1 : _DEPTH[_MODELS] + 1])
        if not self._world.place(version).is_dir():
            raise _not_found(f"The model version /{version} does not exist.")

    def _require_unmodified(self, asked: Asked, status: os.stat_result) -> None:
        said = asked.request.headers.get("If-Unmodified-Since")
        if said and int(status.st_mtime) > parsedate_to_datetime(said).timestamp():
            raise Refused("PRECONDITION_FAILED", "The file was modified meanwhile.", 412)


def _past_the_workspace(asked: Asked) -> Response:
    """Refuse addresses of the cloud's own store: the SDK comes to the workspace then."""
    told = f"No API found for '{asked.request.method} {asked.request.path}'"
    raise Refused("ENDPOINT_NOT_FOUND", told, 404)


def _headers(status: os.stat_result) -> dict[str, str]:
    modified = datetime.fromtimestamp(int(status.st_mtime), UTC)
    return {"Last-Modified": format_datetime(modified, usegmt=True)}


def _entry(place: Path, path: str) -> Said:
    status = place.stat()
    told: Said = {"path": path, "name": place.name, "is_directory": place.is_dir()}
    if not place.is_dir():
        told |= {"file_size": status.st_size, "last_modified": int(status.st_mtime * 1000)}
    return told


def _not_found(message: str) -> Refused:
    return Refused("NOT_FOUND", message, 404)
