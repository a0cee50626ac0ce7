"""What the containers of a training job are told: where everything is, and under which token."""

from __future__ import annotations

import json

from blocks.contracts import TrainingRequest
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.secret import version_of
from blocks.workload.trial import METRIC, SEARCHED
from blocks.workload.vertex import SOURCE, STARTS


def output_place(request: TrainingRequest, token: str) -> str:
    """Return the output place of a job; trials of several studies have the same numbers."""
    output = request.output_uri.rstrip("/")
    return output if request.study is None else f"{output}/study-{token[:12]}"


def environment(request: TrainingRequest, token: str, account: GcpAccount) -> dict[str, str]:
    """Return the variables of a job's containers; secrets are named there, and no more."""
    told = {
        **request.env,
        "BLUEWATER_TOKEN": token,
        SOURCE: request.source_uri.rstrip("/"),
        "BLUEWATER_DATA": request.data_uri.rstrip("/"),
        **_places(request, token),
    }
    if request.parameters:
        told["BLUEWATER_PARAMETERS"] = json.dumps(dict(request.parameters))
    if request.secrets:  # names; a description of the job shows them to everybody who may look
        names = {key: version_of(account, name) for key, name in request.secrets.items()}
        told["BLUEWATER_SECRETS"] = ",".join(names)
        told["BLUEWATER_SECRETS_FROM"] = json.dumps(names, separators=(",", ":"))
    return told


def _places(request: TrainingRequest, token: str) -> dict[str, str]:
    """Return where a job keeps what; trials are told by Vertex AI, each another place."""
    if request.study is not None:
        return {
            STARTS: starts_name(token),
            METRIC: request.study.metric,
            SEARCHED: json.dumps(sorted(request.study.parameters)),
        }
    output = f"{output_place(request, token)}/model"
    return {
        "BLUEWATER_CHECKPOINTS_COPY": request.checkpoint_uri.rstrip("/"),
        "BLUEWATER_OUTPUT_URI": output,
        "BLUEWATER_PROGRESS": f"{output}/{progress_name(token)}",
        STARTS: f"{output}/{starts_name(token)}",
    }


def starts_name(token: str) -> str:
    """Return the name of the file that counts the starts of a job."""
    return f"starts-{token}"


def progress_name(token: str) -> str:
    """Return the name of the file that tells how far a job is."""
    return f"progress-{token}.json"
