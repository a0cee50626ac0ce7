"""Run a command near the data: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from blocks.contracts.errors import InvalidRequest, Unsupported
from blocks.contracts.jobs import LoggedJobs
from blocks.contracts.operation import Frozen
from blocks.contracts.training import Idempotency

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingFeatures:
    """What a provider's processing jobs can do. The suite checks every field both ways."""

    idempotency: Idempotency
    spark: bool  # the command finds a Spark session that spans the machine
    scheme: str  # of the URIs that its machines read and write: s3, dbfs, file
    max_duration: timedelta | None  # the longest job the provider runs; None = no limit

    def require(self, request: ProcessingRequest) -> None:
        """Raise Unsupported for the first thing asked that is not on offer."""
        if request.spark and not self.spark:
            raise Unsupported("no Spark here; set spark=False", code="SPARK")
        if self.max_duration is not None and request.max_duration > self.max_duration:
            raise Unsupported(
                f"jobs end after {self.max_duration}; ask for less", code="MAX_DURATION"
            )
        for field, uri in request.places().items():
            if not uri.startswith(f"{self.scheme}://"):
                raise Unsupported(
                    f"{field}: these machines cannot reach {uri!r}; give a {self.scheme}:// URI, "
                    "or choose a provider whose machines read that place",
                    code="SCHEME",
                )


class ProcessingRequest(Frozen):
    """One command over some data.

    The command finds each input at the path in ``BLUEWATER_IN_<NAME>`` (a folder, or a file
    where the URI is one object), and writes each output to the folder ``BLUEWATER_OUT_<NAME>``.
    What it wrote is brought to the output's URI once it has ended well; a file that was there
    under the same name is replaced, others stay.

    With ``spark`` the command is a Python program, and finds the session of the machine's own Spark
    where any program does: ``SparkSession.builder.getOrCreate()``.
    """

    image: str = ""  # container image; empty: the one that the provider's block is set to
    source_uri: str  # folder with the code; the working directory of the command
    command: tuple[str, ...] = Field(min_length=1)
    inputs: Mapping[Name, str] = {}  # name -> URI of a folder, or of one object
    outputs: Mapping[Name, str] = Field(min_length=1)  # name -> URI of a folder
    env: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}  # environment variable -> name in the secret store
    machine: str
    spark: bool = False
    max_duration: timedelta = timedelta(hours=2)

    def places(self) -> dict[str, str]:
        """Return every URI by the field that names it."""
        return {
            "source_uri": self.source_uri,
            **{f"inputs.{name}": uri for name, uri in self.inputs.items()},
            **{f"outputs.{name}": uri for name, uri in self.outputs.items()},
        }


class ProcessingResult(Frozen):
    """Where the outputs are, by name."""

    outputs: Mapping[str, str]


class ProcessingJobs(LoggedJobs[ProcessingRequest, ProcessingResult]):
    """Start, watch and stop commands near the data, as with training jobs."""

    capability: ClassVar[str] = "processing"
    optional: ClassVar[bool] = True
    features: ClassVar[ProcessingFeatures]

    def _require(self, request: ProcessingRequest) -> None:
        self.features.require(request)
        _distinct(request)
        if request.spark and request.command[0] not in ("python", "python3"):
            raise InvalidRequest(
                f"command: {request.command[0]} finds no Spark session; give a Python program",
                code="COMMAND",
            )


def _distinct(request: ProcessingRequest) -> None:
    """Raise InvalidRequest for an output inside of an input: it would be read the next time."""
    for name, output in request.outputs.items():
        for field, uri in {"source_uri": request.source_uri, **request.inputs}.items():
            if f"{output.rstrip('/')}/".startswith(f"{uri.rstrip('/')}/"):
                raise InvalidRequest(
                    f"outputs.{name}: {output} is inside of {field}, which would read it the next "
                    "time; name a folder outside of it",
                    code="OUTPUT",
                )
