"""Code as the training toolkit in images of AWS's frameworks takes it: one archive in S3.

The toolkit fetches and unpacks it, installs its ``requirements.txt``, and runs one program of it:
https://docs.aws.amazon.com/sagemaker/latest/dg/amazon-sagemaker-toolkits.html
The SDK packs it, so this takes ``bluewater[sagemaker]``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocks.contracts import InvalidRequest, TrainingRequest, Unsupported
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.sdk import boto_session, part
from blocks.workload.inside import inside

_PREFIX = "sagemaker_"  # of the parameters that are the toolkit's own
_ARCHIVE = "sourcedir.tar.gz"  # as the SDK calls it


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Code that a toolkit can run."""

    program: str
    archive: str  # its URI
    region: str


def packed(request: TrainingRequest, account: AwsAccount, token: str) -> Packed:
    """See that a request's code is in S3 as one archive. Raises for what no toolkit starts."""
    program = _program(request)
    if request.secrets:
        raise Unsupported(
            "a toolkit fetches no secrets; set toolkit off, or let the code fetch them",
            code="SECRETS",
        )
    objects = Objects(account.client("s3", attempts=READS))
    home = f"{account.root}/packed/{token}"
    if objects.head(f"{home}/{_ARCHIVE}") is None:
        with tempfile.TemporaryDirectory(prefix="bluewater-") as scratch:
            folder = Path(scratch)
            for found in objects.below(request.source_uri):
                file = inside(folder, found.name)
                file.parent.mkdir(parents=True, exist_ok=True)
                objects.fetch(found, file)
            if not (folder / program).is_file():
                told = f"command: there is no {program} in {request.source_uri}"
                raise InvalidRequest(told, code="COMMAND")
            _pack(folder, program, account, home)
    return Packed(program=program, archive=f"{home}/{_ARCHIVE}", region=account.region)


def started_by_toolkit(
    call: Mapping[str, Any], parameters: Mapping[str, str], code: Packed
) -> dict[str, Any]:
    """Return the call of a job whose image starts the code by itself.

    The toolkit reads every value as JSON, and tells them to the program as ``--name value``.
    """
    algorithm = {**call["AlgorithmSpecification"]}
    for word in ("ContainerEntrypoint", "ContainerArguments"):
        del algorithm[word]
    own = {"program": code.program, "submit_directory": code.archive, "region": code.region}
    told = {**parameters, **{f"{_PREFIX}{word}": value for word, value in own.items()}}
    return {
        **call,
        "AlgorithmSpecification": algorithm,
        "HyperParameters": {name: json.dumps(value) for name, value in told.items()},
    }


def _program(request: TrainingRequest) -> str:
    match list(request.command):
        case ["python" | "python3", str(program)] if program.endswith(".py"):
            return program
    raise InvalidRequest(
        f"command: a toolkit runs one program and tells it the parameters, as in python train.py; "
        f"this is {' '.join(request.command)}",
        code="COMMAND",
    )


def _pack(folder: Path, program: str, account: AwsAccount, home: str) -> None:
    bucket, _, prefix = home.removeprefix("s3://").partition("/")
    plain = part("core.session_settings:SessionSettings")(encrypt_repacked_artifacts=False)
    part("core.fw_utils:tar_and_upload_dir")(
        session=boto_session(account),
        bucket=bucket,
        s3_key_prefix=prefix,
        script=program,
        directory=str(folder),
        kms_key=account.kms_key or None,
        settings=plain,  # what is not encrypted by our key is encrypted as the bucket says
    )
