"""How the conformance suite moves the models of an AWS account."""

from __future__ import annotations

import uuid
from pathlib import Path

from blocks.contracts import ModelDraft
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.s3 import place_of
from blocks.testing.models import make_model
from blocks.workload.digests import files

EVIDENCE = {"suite.json": '{"expectations": []}', "plots/calibration.svg": "<svg/>"}


class ModelLevers:
    """The models part of the bench."""

    def __init__(self, account: AwsAccount, emulator: Account, folder: Path) -> None:
        self._account, self._emulator, self._folder = account, emulator, folder

    def draft(self, kind: str) -> ModelDraft:
        """Return a draft of a model of that kind, made afresh, with evidence and lineage."""
        name = uuid.uuid4().hex[:8]
        home = f"{self._account.root}/jobs/{name}"
        draft = make_model(self._folder / "models" / name / "model", kind=kind)
        evidence = {}
        for file, text in EVIDENCE.items():
            evidence[file] = f"{home}/evidence/{file}"
            put(self._account, evidence[file], text.encode())
        lineage = {"run": "run-1", "data": "sha256:1f", "code": "4b825dc"}
        return uploaded(self._account, draft, f"{home}/model").model_copy(
            update={"evidence": evidence, "lineage": lineage}
        )

    def created(self) -> int:
        """Count the model versions that were ever made in the account."""
        return int(self._emulator.pull("packages"))


def uploaded(account: AwsAccount, draft: ModelDraft, uri: str) -> ModelDraft:
    """Bring a draft's folder to S3, as a training job does; return the draft of what is there."""
    folder = Path(draft.uri.removeprefix("file://"))
    for name in files(folder):
        put(account, f"{uri}/{name}", (folder / name).read_bytes())
    return draft.model_copy(update={"uri": uri})


def put(account: AwsAccount, uri: str, content: bytes) -> None:
    """Write an object."""
    bucket, key = place_of(uri)
    account.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
